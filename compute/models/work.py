"""Work: the queue of a target, and the assignments to nodes."""

import dataclasses
import datetime as dt
import uuid

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from compute import holds, notifications, work_kinds


@dataclasses.dataclass(frozen=True)
class Resources:
    """Cores, memory and GPUs of a node, or the free part of them."""

    cores: int
    memory_gb: float
    gpus: int = 0

    def __sub__(self, other: "Resources") -> "Resources":
        return Resources(self.cores - other.cores, self.memory_gb - other.memory_gb, self.gpus - other.gpus)

    def has_space_for(self, other: "Resources") -> bool:
        # Sums of gigabytes are not exact.
        return other.cores <= self.cores and other.memory_gb <= self.memory_gb + 0.001 and other.gpus <= self.gpus


class WorkQuerySet(models.QuerySet):
    def queued(self):
        return self.filter(state=Work.State.QUEUED).order_by("-priority", "queued_at", "pk")

    def startable(self, now: dt.datetime):
        """Queued work that is neither held nor in a pause."""
        rows = self.queued().filter(Q(not_before=None) | Q(not_before__lte=now))
        for held in holds.find_held():
            rows = rows.exclude(held)
        return rows

    def held(self):
        return self.filter(state=Work.State.CLAIMED)

    def with_nodes(self):
        """Prefetches the assignments for `node` and `nodes`, in one more query."""
        return self.prefetch_related(models.Prefetch("assignments", Assignment.objects.select_related("node")))

    def filter_fitting(self, resources: Resources, whole: Resources):
        """Work that fits into the free part of a node; `whole` is the node without work."""
        takes_whole = Q(cores=None) if resources.cores >= whole.cores else Q(pk=None)
        return self.filter(
            takes_whole
            | Q(cores__lte=resources.cores, memory_gb__lte=resources.memory_gb + 0.001, gpus__lte=resources.gpus)
        )


class Work(models.Model):
    """A process with an environment, to be run on a node of a target. Its kind defines what it represents."""

    class State(models.TextChoices):
        QUEUED = "queued"
        CLAIMED = "claimed"
        DONE = "done"
        LOST = "lost"
        CANCELED = "canceled"

    Life = work_kinds.Life

    # Kept-up work that ends is started again after a pause, which doubles; once it has run for STEADY, it is short again.
    FIRST_PAUSE, MAX_PAUSE = dt.timedelta(seconds=1), dt.timedelta(minutes=5)
    STEADY = dt.timedelta(minutes=5)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.ForeignKey("compute.ComputeTarget", models.CASCADE, related_name="work")
    # `kind:subject` of the app that queued it (compute/work_kinds.py).
    scope = models.CharField(max_length=300)
    spec = models.JSONField(default=dict)
    submitted_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    priority = models.SmallIntegerField(default=0)
    life = models.CharField(max_length=8, choices=Life, default=Life.ENDS)
    # The part of its node that it uses; without cores, the whole node.
    cores = models.PositiveSmallIntegerField(null=True, blank=True)
    memory_gb = models.FloatField(default=0)
    gpus = models.PositiveSmallIntegerField(default=0)
    # All of its nodes start together or none; it uses each one completely.
    node_count = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    # Consecutive restarts of kept-up work, and the time before which it is not restarted.
    restarts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    # Why it was lost or started again, as a sentence for people.
    reason = models.CharField(max_length=500, blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = WorkQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["target", "state", "-priority", "queued_at"], name="work_queue"),
            models.Index(fields=["scope"], name="work_scope"),
        ]

    def __str__(self):
        return f"{self.scope} ({self.state})"

    @property
    def subject(self) -> str:
        """The scope without its kind: for `run:abc` it is `abc`."""
        return self.scope.partition(":")[2]

    @property
    def title(self) -> str:
        """Its name for people."""
        kind = work_kinds.kind_of(self.scope)
        return kind.make_title(self) if kind.make_title else self.subject

    @property
    def page_url(self) -> str:
        return work_kinds.kind_of(self.scope).page_url(self)

    @property
    def is_kept_up(self) -> bool:
        return self.life == self.Life.KEPT_UP

    @property
    def lead(self) -> "Assignment | None":
        """Its newest assignment; with several nodes, that of the first. `with_nodes()` saves the query."""
        return next(iter(self.assignments.all()), None)

    @property
    def node(self):
        """Its current or last node."""
        return self.lead and self.lead.node

    @property
    def gpu_lists(self) -> list[tuple[str, list[str]]]:
        """The nodes of its current or last attempt, with the UUIDs of the GPUs that it uses there."""
        rows = self.assignments.filter(attempt=self.attempt).exclude(gpu_ids="").select_related("node")
        return [(row.node.name, row.gpu_list) for row in rows.order_by("rank")]

    def make_token(self) -> str:
        """The token with which its process calls the API."""
        return work_kinds.kind_of(self.scope).make_token(self)

    def build_spec(self) -> dict:
        """Its spec with the secret environment variables of its kind, which the stored one does not have."""
        make = work_kinds.kind_of(self.scope).make_variables
        if make is None:
            return self.spec
        return self.spec | {"environment_variables": self.spec.get("environment_variables", {}) | make(self)}

    @property
    def page_state(self) -> str:
        """The state in the terms of jobs and nodes."""
        words = {self.State.CLAIMED: "Running", self.State.DONE: "Ended", self.State.LOST: "Failed"}
        return words.get(self.State(self.state), str(self.get_state_display()))

    def resources_on(self, whole: Resources) -> Resources:
        """The resources of a node that it uses."""
        return whole if self.cores is None else Resources(self.cores, self.memory_gb, self.gpus)

    def mark_lost(self, reason: str) -> bool:
        """Mark it as lost. The app that queued it reads the reason and ends what it represents; kept-up work is queued
        again.
        """
        if self.is_kept_up:
            return self.end_attempt(reason)
        return self._end(self.State.LOST, reason)

    def give_up(self, reason: str) -> bool:
        """End it without a restart."""
        return self._end(self.State.LOST, reason)

    def end_attempt(self, reason: str = "") -> bool:
        """End the attempt. Kept-up work is queued again, unless it was stopped."""
        if not self.is_kept_up:
            return self._end(self.State.DONE, reason)
        if self.stop_requested_at:
            return self._end(self.State.DONE, reason)
        now = timezone.now()
        is_steady = self.claimed_at is not None and now - self.claimed_at >= self.STEADY
        restarts = 1 if is_steady else self.restarts + 1
        pause = min(self.FIRST_PAUSE * 2 ** min(restarts - 1, 20), self.MAX_PAUSE)
        return self.queue_again(reason, restarts=restarts, not_before=now + pause)

    def queue_again(self, reason: str, **fields) -> bool:
        """Queue it again: writes of the current attempt are refused from now on."""
        with transaction.atomic():
            fields |= {"state": self.State.QUEUED, "attempt": F("attempt") + 1, "reason": reason[:500]}
            if (
                not Work.objects.held()
                .filter(pk=self.pk, attempt=self.attempt, stop_requested_at=None)
                .update(**fields)
            ):
                # It was stopped at this moment.
                return self._end(self.State.DONE, reason)
            self._release_nodes()
            kind = work_kinds.kind_of(self.scope)
            if kind.on_queued_again:
                kind.on_queued_again(self, reason)
        notifications.notify_cluster(self.target_id)
        notifications.notify_autoscaler()
        return True

    def _end(self, state: str, reason: str) -> bool:
        fields = {"state": state, "ended_at": timezone.now(), "reason": reason[:500]}
        with transaction.atomic():
            if not Work.objects.held().filter(pk=self.pk, attempt=self.attempt).update(**fields):
                return False
            self._release_nodes()
        return True

    def _release_nodes(self) -> None:
        """Release its nodes; a node with a running runner stays reserved until that has ended."""
        self.assignments.current().update(ended_at=timezone.now(), health="")


class AssignmentQuerySet(models.QuerySet):
    def current(self):
        return self.filter(ended_at=None)

    def leased(self, now: dt.datetime):
        """Assignments with a valid lease."""
        return self.current().filter(lease_until__gte=now)

    def sum_resources(self) -> Resources:
        """The sum of their resources."""
        taken = self.aggregate(
            taken_cores=models.Sum("cores"), taken_memory=models.Sum("memory_gb"), taken_gpus=models.Sum("gpus")
        )
        return Resources(taken["taken_cores"] or 0, taken["taken_memory"] or 0.0, taken["taken_gpus"] or 0)


class Assignment(models.Model):
    """A node runs one attempt of a unit of work. A node may have several at once."""

    class Health(models.TextChoices):
        """Whether kept-up work answers at its health address."""

        UNKNOWN = ""
        # Its environment is being built.
        BUILDING = "building"
        STARTING = "starting"
        HEALTHY = "healthy"
        UNHEALTHY = "unhealthy"

    class GangStage(models.TextChoices):
        """The progress of this node in work on several nodes."""

        STARTING = ""
        READY = "ready"
        PROBED = "probed"

    work = models.ForeignKey(Work, models.CASCADE, related_name="assignments")
    node = models.ForeignKey("compute.Node", models.CASCADE, related_name="assignments")
    attempt = models.PositiveIntegerField()
    # The number of the node among those of the work.
    rank = models.PositiveSmallIntegerField(default=0)
    # The resources of the node that it uses.
    cores = models.PositiveSmallIntegerField(default=0)
    memory_gb = models.FloatField(default=0)
    gpus = models.PositiveSmallIntegerField(default=0)
    # The UUIDs of its GPUs, separated by commas, as reported by the node.
    gpu_ids = models.TextField(blank=True)
    lease_until = models.DateTimeField()
    # The address of the process, from its runner: `unix:/path` or `host:port`.
    address = models.CharField(max_length=200, blank=True)
    health = models.CharField(max_length=10, choices=Health, default=Health.UNKNOWN, blank=True)
    # The last line of the log while its environment is being built.
    progress = models.CharField(max_length=300, blank=True, default="")
    stage = models.CharField(max_length=8, choices=GangStage, default=GangStage.STARTING, blank=True)
    claimed_at = models.DateTimeField(default=timezone.now)
    # When the node got it in response to its own claim.
    handed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["-attempt", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["work", "rank"], condition=Q(ended_at=None), name="one_node_of_a_rank"),
        ]
        indexes = [
            models.Index(fields=["node"], condition=Q(ended_at=None), name="current_assignments"),
            models.Index(fields=["lease_until"], condition=Q(ended_at=None), name="assignment_leases"),
        ]

    def __str__(self):
        return f"{self.work_id} on {self.node_id}"

    @property
    def gpu_list(self) -> list[str]:
        """The UUIDs of its GPUs."""
        return [gpu for gpu in self.gpu_ids.split(",") if gpu]
