"""Endpoints: a name with keys, whose requests the current revision answers. A revision never changes."""

import functools
import uuid

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.models import User
from compute import queue
from compute.models import Assignment, ComputeTarget, Work
from endpoints import rules
from endpoints.collected_models import CollectedRows
from endpoints.guard_models import TrafficGuard
from endpoints.keys import EndpointKeys
from endpoints.replay_models import Replay
from endpoints.shares import EndpointShares
from registry.models import ModelVersion
from studio import socket_handover
from studio.errors import Conflict, Invalid
from studio.public_url import public_url
from workspaces.models import Workspace

__all__ = [
    "CollectedRows",
    "Endpoint",
    "EndpointAlert",
    "Replay",
    "Replica",
    "Revision",
    "ServiceRequest",
    "TrafficGuard",
    "TrafficMinute",
]
# What versions have from their endpoint.
SHARED = ("auth_enabled", "token_auth_enabled", "has_insights", "collects_data")
# How many characters of a revision's log are stored, the newest ones.
MAX_LOG = 200_000


class EndpointQuerySet(models.QuerySet):
    def with_state(self):
        """Load the data for the state in a few queries."""
        path = "workspace__resource_group__subscription"
        related = self.select_related(path, "created_by", "current__target", "newest__target", "parent", "target")
        return related.prefetch_related(
            "current__replicas__work__assignments",
            "newest__replicas__work__assignments",
            "newest__model_versions__model",
            "versions__current__replicas__work__assignments",
            "versions__newest__replicas__work__assignments",
            "versions__newest__model_versions__model",
        )

    def without_versions(self):
        """Endpoints as people know them: their versions belong to them."""
        return self.filter(parent=None)


class Endpoint(EndpointKeys, EndpointShares):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="endpoints")
    # ENDPOINT.VERSION for a version.
    name = models.CharField(max_length=65)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    properties = models.JSONField(default=dict, blank=True)
    # The current revision, and the newest one.
    current = models.OneToOneField("Revision", models.SET_NULL, null=True, blank=True, related_name="+")
    newest = models.OneToOneField("Revision", models.SET_NULL, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    # From the gateway's reports, accurate to some seconds.
    last_request_at = models.DateTimeField(null=True, blank=True)
    # Whether its requests are stored one by one (endpoints/request_log.py).
    has_insights = models.BooleanField(default=False)
    # Whether their bodies and answers are stored too.
    collects_data = models.BooleanField(default=False)

    # The cluster on which the deployments of a Kubernetes endpoint of Azure's v2 run.
    target = models.ForeignKey(ComputeTarget, models.SET_NULL, null=True, blank=True, related_name="+")
    # The endpoint to which a version belongs.
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="versions")
    # Whether versions answer its requests, and not revisions of its own.
    has_versions = models.BooleanField(default=False)
    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_endpoint_of_a_name")]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("endpoints:detail", args=[self.workspace.slug, self.name])

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/services/{self.name}"

    @property
    def scoring_uri(self) -> str:
        return public_url(f"/api/v1/service/{self.workspace.slug}/{self.name}/score")

    @property
    def swagger_uri(self) -> str:
        return public_url(f"/api/v1/service/{self.workspace.slug}/{self.name}/swagger.json")

    @property
    def state(self) -> str:
        """The state of the current revision, or of the newest one if there is none."""
        if self.has_versions:
            return self._state_of_versions
        shown = self.current or self.newest
        return shown.state if shown else Revision.State.FAILED.value

    @property
    def served_models(self) -> list[str]:
        """The models of its newest revision, or of all of its versions."""
        deployed = self.versions.all() if self.has_versions else [self]
        revisions = [one.newest for one in deployed if one.newest]
        return list(dict.fromkeys(str(model) for each in revisions for model in each.model_versions.all()))

    @property
    def has_deployment(self) -> bool:
        """Whether anything was ever deployed to it; the API knows no state for an endpoint without."""
        if self.has_versions:
            return any(version.has_deployment for version in self.versions.all())
        return bool(self.current_id or self.newest_id)

    @property
    def shown_state(self) -> str:
        return self.state if self.has_deployment else "NotDeployed"

    @property
    def _state_of_versions(self) -> str:
        """The worst state of versions that get requests."""
        shares = self.shares
        states = {one.state for one in self.versions.all() if shares[one.version_name] or not any(shares.values())}
        order = (Revision.State.FAILED, "Unhealthy", Revision.State.TRANSITIONING)
        return str(next((state for state in order if state in states), Revision.State.HEALTHY))

    @property
    def is_changing(self) -> bool:
        if self.has_versions:
            return any(version.is_changing for version in self.versions.all())
        return bool(self.newest and self.newest.state in (Revision.State.TRANSITIONING, "Unhealthy"))

    @property
    def failure(self) -> str:
        """Why the newest revision is not ready."""
        return self.newest.reason if self.newest and self.newest.stage == Revision.State.FAILED else ""

    # ---- changing

    def regenerate_key(self, which: str, value: str = "") -> None:
        with transaction.atomic():
            self.set_key(which, value)
            field = "primary" if which == self.Key.PRIMARY else "secondary"
            self.save(update_fields=[f"{field}_key", f"{field}_digest"])
            activity.record("endpoint.key", self, scope=self.workspace, changes={"key": ["", str(which)]})
            self.notify_gateway()

    @classmethod
    def create(cls, workspace: Workspace, user: User, name: str, keys: tuple[str, str] = ("", ""), **fields):
        endpoint = cls(workspace=workspace, created_by=user, name=rules.ENDPOINT_NAME.check(name), **fields)
        endpoint._insert(keys)
        return endpoint

    def _insert(self, keys: tuple[str, str]) -> None:
        self.set_key(self.Key.PRIMARY, keys[0])
        self.set_key(self.Key.SECONDARY, keys[1])
        try:
            with transaction.atomic():
                self.save(force_insert=True)
                activity.record("endpoint.create", self, scope=self.workspace)
        except IntegrityError as error:
            raise Conflict(
                f"There is a service {self.name} in this workspace already. Choose another name, or overwrite=True.",
                target="name",
            ) from error

    @classmethod
    def create_version(cls, parent: "Endpoint", user: User, name: str, **fields):
        """A version of `parent`; the first one is the default, unless `fields` say otherwise."""
        if not parent.has_versions:
            raise Conflict(f"{parent.name} has no versions: its revisions replace each other.")
        own = {
            "name": f"{parent.name}.{rules.ENDPOINT_NAME.check(name)}",
            "parent": parent,
            "auth_enabled": parent.auth_enabled,
            "token_auth_enabled": parent.token_auth_enabled,
            "has_insights": parent.has_insights,
            "collects_data": parent.collects_data,
        }
        fields.setdefault("is_default", not cls.objects.filter(parent=parent).exists())
        version = cls(workspace=parent.workspace, created_by=user, **{**fields, **own})
        version._insert(("", ""))
        return version

    def change(self, **fields):
        """Description, tags, properties, and whether a key is needed and requests are recorded: also for its versions."""
        shared = {name: fields[name] for name in SHARED if name in fields}
        if shared and self.parent_id:
            raise Invalid("Authentication and the recording of requests belong to the endpoint: change them there.")
        if fields:
            with transaction.atomic():
                before = {name: getattr(self, name) for name in fields}
                Endpoint.objects.filter(pk=self.pk).update(**fields, updated_at=timezone.now())
                if shared:
                    self.versions.update(**shared)
                for name, value in fields.items():
                    setattr(self, name, value)
                changes = {name: [before[name], value] for name, value in fields.items()}
                activity.record("endpoint.edit", self, scope=self.workspace, changes=changes)
                self.notify_gateway()

    def notify_gateway(self) -> None:
        """Notify the gateway on commit; otherwise it uses its old data for some seconds."""
        subject = {"workspace": self.workspace.slug, "name": self.name}
        transaction.on_commit(functools.partial(socket_handover.notify, settings.GATEWAY_SOCKET, subject))

    def remove(self):
        """Stop its replicas and delete it with its logs."""
        self.check_removable()
        with transaction.atomic():
            for revision in Revision.objects.filter(models.Q(endpoint=self) | models.Q(endpoint__parent=self)):
                revision.stop()
            activity.record("endpoint.delete", self, scope=self.workspace)
            self.delete()
            self.notify_gateway()


class Revision(models.Model):
    """One deployment: models, an entry script with its folder, an environment, and the compute."""

    class State(models.TextChoices):
        TRANSITIONING = "Transitioning"
        HEALTHY = "Healthy"
        FAILED = "Failed"
        STOPPED = "Stopped"

    # Attempts to start a process that was never ready.
    MAX_STARTS = 2

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    model_versions = models.ManyToManyField(ModelVersion, related_name="revisions", blank=True)
    entry_script = models.CharField(max_length=500)
    # Its folder as a zip, in storage.
    code_key = models.CharField(max_length=200)
    code_size = models.PositiveBigIntegerField(default=0)
    environment = models.JSONField(default=dict)
    environment_name = models.CharField(max_length=300, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    # A request, by the schema of its entry script; known when it was ready.
    example = models.JSONField(default=dict, blank=True)
    target = models.ForeignKey(ComputeTarget, models.SET_NULL, null=True, related_name="+")
    # The target number of replicas, and its minimum and maximum.
    wanted = models.PositiveSmallIntegerField(default=1)
    min_replicas = models.PositiveSmallIntegerField(default=1)
    max_replicas = models.PositiveSmallIntegerField(default=1)
    # The time since which fewer would be enough.
    less_since = models.DateTimeField(null=True, blank=True)
    stage = models.CharField(max_length=13, choices=State, default=State.TRANSITIONING)
    # Why it failed: a sentence, or the traceback of init().
    reason = models.TextField(blank=True)
    log = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ready_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "number"], name="one_revision_of_a_number"),
            models.CheckConstraint(
                condition=models.Q(min_replicas__lte=models.F("max_replicas")), name="min_replicas_at_most_max_replicas"
            ),
        ]

    def __str__(self):
        return f"{self.endpoint.name}, revision {self.number}"

    @property
    def compute_type(self) -> str:
        """SDK v1's compute type."""
        if self.settings.get("computeType"):
            return str(self.settings["computeType"])
        return "AMLCOMPUTE" if self.target and self.target.is_cluster else "ACI"

    @property
    def compute_name(self) -> str:
        """The compute for pages."""
        return self.target.name if self.target and self.target.is_cluster else "Container instance"

    @property
    def present_replicas(self) -> "list[Replica]":
        """The replicas that should run."""
        return [replica for replica in self.replicas.all() if replica.is_wanted]

    @property
    def addresses(self) -> list[str]:
        """The addresses of the ready replicas."""
        return [replica.address for replica in self.present_replicas if replica.address]

    @property
    def state(self) -> str:
        """The state. After it was healthy, it is Unhealthy while all of its processes restart. Without replicas, a
        request starts one."""
        if self.stage != self.State.HEALTHY:
            return str(self.stage)
        if not self.wanted or self.addresses:
            return str(self.State.HEALTHY)
        is_new = all(not replica.reason for replica in self.present_replicas)
        return str(self.State.TRANSITIONING) if is_new else "Unhealthy"

    @property
    def state_reason(self) -> str:
        """Why it is in this state, as a sentence; empty if it is healthy."""
        if self.stage in (self.State.FAILED, self.State.STOPPED):
            return self.reason
        if self.stage == self.State.HEALTHY and not self.wanted:
            return "No replica runs: the next request starts one."
        if self.state == self.State.HEALTHY:
            return ""
        waiting = next((replica for replica in self.present_replicas if not replica.address), None)
        return waiting.state_reason if waiting else "Waiting for a node."

    @property
    def shown_log(self) -> str:
        """Its log. Before the process prints anything, and if it never has, the log says why."""
        now = self.state_reason if self.stage in (self.State.TRANSITIONING, self.State.FAILED) else ""
        return self.log if not now or now in self.log else f"{self.log}{now}\n"

    def append_log(self, text: str) -> None:
        with transaction.atomic():
            row = Revision.objects.select_for_update().only("log").get(pk=self.pk)
            Revision.objects.filter(pk=self.pk).update(log=(row.log + text)[-MAX_LOG:])

    def take_over(self) -> None:
        """Make it the current revision, because enough replicas are ready; the previous one finishes its requests and
        stops."""
        with transaction.atomic():
            endpoint = Endpoint.objects.select_for_update().get(pk=self.endpoint_id)
            moved = Revision.objects.filter(pk=self.pk, stage__in=[self.State.TRANSITIONING, self.State.HEALTHY])
            if not moved.update(stage=self.State.HEALTHY, reason="", ready_at=timezone.now()):
                return
            self.stage = self.State.HEALTHY
            before = endpoint.current
            if before is not None and (before.pk == self.pk or before.number > self.number):
                return
            Endpoint.objects.filter(pk=endpoint.pk).update(current=self)
            for other in endpoint.revisions.filter(number__lt=self.number).exclude(stage=self.State.STOPPED):
                if other.stage != self.State.FAILED:
                    other.stop(f"Revision {self.number} has taken over.")
            endpoint.notify_gateway()

    def fail_start(self, count: int, reason: str) -> None:
        """A process ended before it was ready, for the `count`th time: after MAX_STARTS the deployment has failed."""
        if count >= self.MAX_STARTS:
            self.fail(reason)

    def fail(self, reason: str) -> None:
        """The deployment has failed, also at once when init() raises (endpoints/replica_api.py). It is not started
        again, and the current revision continues to answer."""
        waiting = Revision.objects.filter(pk=self.pk, stage=self.State.TRANSITIONING)
        with transaction.atomic():
            if waiting.update(stage=self.State.FAILED, reason=reason[-20_000:]):
                self._stop_replicas()

    def stop(self, reason: str = "") -> None:
        Revision.objects.filter(pk=self.pk).update(stage=self.State.STOPPED, reason=reason)
        self._stop_replicas()

    def _stop_replicas(self) -> None:
        for replica in self.replicas.select_related("work"):
            replica.stop()


class Replica(models.Model):
    """A process of a revision, as a unit of work that is kept up."""

    revision = models.ForeignKey(Revision, models.CASCADE, related_name="replicas")
    number = models.PositiveIntegerField()
    work = models.OneToOneField(Work, models.CASCADE, related_name="+")
    # The attempt of its work in which init() has returned.
    ready_attempt = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["revision", "number"], name="one_replica_of_a_number")]

    def __str__(self):
        return f"{self.revision}, replica {self.number}"

    @property
    def is_wanted(self) -> bool:
        return self.work.stop_requested_at is None and self.work.state in (Work.State.QUEUED, Work.State.CLAIMED)

    @property
    def is_ready(self) -> bool:
        """init() has returned in its present process."""
        return self.work.state == Work.State.CLAIMED and self.ready_attempt == self.work.attempt

    @property
    def lead(self):
        """The assignment of its process, if one runs."""
        lead = self.work.lead if self.work.state == Work.State.CLAIMED else None
        return lead if lead and lead.ended_at is None else None

    @property
    def address(self) -> str:
        """Its address; empty while it is not ready."""
        lead = self.lead
        return lead.address if lead and self.is_ready and lead.health != "unhealthy" else ""

    @property
    def reason(self) -> str:
        """Why its process was restarted, if it was."""
        return self.work.reason if self.work.restarts else ""

    @property
    def state(self) -> str:
        if self.address:
            return "Healthy"
        return "Unhealthy" if self.reason else "Transitioning"

    @property
    def state_reason(self) -> str:
        if self.reason:
            return self.reason
        if self.lead is None:
            return "Waiting for a node."
        if self.lead.health == Assignment.Health.BUILDING:
            return f"Its environment is being built: {self.lead.progress}"
        return "init() runs." if self.lead.address else "Its process starts."

    def become_ready(self) -> None:
        """Mark it as ready after init() has returned. With the last necessary replica, the revision takes over.

        Each report of a replica says that it is ready."""
        if self.is_ready and self.revision.endpoint.current_id == self.revision_id:
            return
        with transaction.atomic():
            # If two become ready at the same moment, the second sees the first.
            locked = Endpoint.objects.select_related("workspace").select_for_update(of=("self",))
            endpoint = locked.get(revisions=self.revision_id)
            self.ready_attempt = self.work.attempt
            self.save(update_fields=["ready_attempt"])
            revision = Revision.objects.prefetch_related("replicas__work__assignments").get(pk=self.revision_id)
            if sum(each.is_ready for each in revision.present_replicas) >= revision.wanted:
                revision.take_over()
            if endpoint.current_id == revision.pk:
                # Requests may be waiting for it.
                endpoint.notify_gateway()

    def stop(self) -> None:
        if self.work.state in (Work.State.QUEUED, Work.State.CLAIMED):
            queue.stop_work(self.work)


class EndpointAlert(models.Model):
    """A limit of an endpoint's traffic that people are notified about (endpoints/alerts.py)."""

    class Kind(models.TextChoices):
        P95 = "p95", "Latency, p95"
        FAILURES = "failures", "Failed requests"
        QUIET = "quiet", "No requests"

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=8, choices=Kind)
    # Milliseconds, percent or minutes.
    limit = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    raised_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["kind"]
        constraints = [models.UniqueConstraint(fields=["endpoint", "kind"], name="one_alert_of_a_kind")]

    def __str__(self):
        return f"{self.endpoint.name}, {self.get_kind_display()}"


class TrafficMinute(models.Model):
    """The requests to an endpoint that ended within a minute."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="traffic")
    minute = models.DateTimeField()
    # How many, by status and by bucket of time (studio/gateway/meters.py).
    statuses = models.JSONField(default=dict)
    buckets = models.JSONField(default=dict)
    # The maximum of requests in progress (averages of a second), and of ready replicas.
    busy = models.FloatField(default=0)
    replicas = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["minute"]
        constraints = [models.UniqueConstraint(fields=["endpoint", "minute"], name="one_row_of_a_minute")]
        indexes = [models.Index(fields=["minute"], name="traffic_minutes")]

    def __str__(self):
        return f"{self.endpoint.name}, {self.minute:%H:%M}"

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())

    @property
    def failures(self) -> int:
        """Responses with status 400 and above."""
        return sum(count for status, count in self.statuses.items() if int(status) >= 400)


class ServiceRequest(models.Model):
    """A request to an endpoint that has insights, as its process has recorded it."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="requests")
    at = models.DateTimeField()
    revision = models.PositiveIntegerField()
    method = models.CharField(max_length=20)
    path = models.CharField(max_length=100)
    status = models.PositiveSmallIntegerField()
    milliseconds = models.FloatField()
    request_id = models.CharField(max_length=100)
    client_request_id = models.CharField(max_length=100, blank=True)
    # The number of requests that it stands for: under load only some are recorded.
    item_count = models.PositiveIntegerField(default=1)
    # The lines that run() has printed.
    output = models.TextField(blank=True)
    # As texts, if data is collected and they are short enough.
    body = models.TextField(blank=True)
    answer = models.TextField(blank=True)

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["endpoint", "at"], name="requests_of_an_endpoint"),
            models.Index(fields=["at"], name="request_times"),
            models.Index(fields=["request_id"], name="request_ids"),
        ]

    def __str__(self):
        return f"{self.endpoint.name}, {self.request_id}"
