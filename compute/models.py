"""Hosts, compute targets, their nodes, and the work queue. A unit of work is a process with an environment on a node."""

import dataclasses
import datetime as dt
import uuid

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.models import User
from compute import notifications, quota, rules, sizes, work_kinds
from studio.errors import Conflict, Invalid
from workspaces.models import Workspace


class HostQuerySet(models.QuerySet):
    def alive(self):
        """Hosts whose agent reported within the lease of a node."""
        return self.filter(heartbeat_at__gt=timezone.now() - dt.timedelta(seconds=settings.NODE_LEASE_SECONDS))


class Host(models.Model):
    """A machine that runs nodes. Its agent polls what to run and reports what runs. Its key is signed (compute/keys.py)."""

    # Its agent reports every 3 seconds.
    RECENTLY = dt.timedelta(seconds=10)

    name = models.CharField(max_length=60, unique=True)
    cpus = models.PositiveIntegerField(default=1)
    memory_gb = models.FloatField(default=1)
    address = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    # What scripts on it could do and must not, as its agent found at its start; empty if nothing.
    isolation_problem = models.CharField(max_length=300, blank=True)

    objects = HostQuerySet.as_manager()

    def __str__(self):
        return self.name

    @property
    def is_alive(self) -> bool:
        return self.heartbeat_at is not None and timezone.now() - self.heartbeat_at < dt.timedelta(
            seconds=settings.NODE_LEASE_SECONDS
        )

    def has_reported_recently(self, now: dt.datetime) -> bool:
        """Stricter than `is_alive`: it can start a node at once."""
        return self.heartbeat_at is not None and now - self.heartbeat_at < self.RECENTLY


@dataclasses.dataclass(frozen=True)
class Scale:
    """The minimum and maximum number of nodes of a cluster, and the idle seconds after which a node is released."""

    min_nodes: int = 0
    max_nodes: int = 1
    idle_seconds: int = 120

    def __post_init__(self):
        rules.MIN_NODES.check(self.min_nodes)
        rules.MAX_NODES.check(self.max_nodes)
        rules.IDLE_SECONDS.check(self.idle_seconds)
        if self.min_nodes > self.max_nodes:
            raise Invalid(
                f"The minimum of {self.min_nodes} nodes is more than the maximum of {self.max_nodes}.",
                target="minNodeCount",
            )


class ComputeTargetQuerySet(models.QuerySet):
    def visible_to(self, actor):
        return self.filter(workspace__in=Workspace.objects.visible_to(actor), deleted_at=None)

    def present(self):
        return self.filter(deleted_at=None)

    def with_path(self):
        return self.select_related("workspace__resource_group__subscription")

    def with_counts(self):
        """Annotates the number of nodes in each state and of queued and running work, in one query."""
        nodes = Node.objects.present().filter(target=OuterRef("pk"))
        work = Work.objects.filter(target=OuterRef("pk"))
        counts = {f"{state}_count": _count_rows(nodes.filter(state=state)) for state in Node.State.values}
        return self.annotate(
            **counts,
            queued_count=_count_rows(work.filter(state=Work.State.QUEUED)),
            held_count=_count_rows(work.filter(state=Work.State.CLAIMED)),
        )


def _count_rows(rows):
    """A correlated count, because joins of several tables would multiply the rows."""
    counted = rows.order_by().values("target").annotate(number=models.Count("pk")).values("number")
    return Coalesce(models.Subquery(counted, output_field=models.IntegerField()), 0)


class ComputeTarget(models.Model):
    class Kind(models.TextChoices):
        CLUSTER = "AmlCompute", "Compute cluster"

    class State(models.TextChoices):
        CREATING = "Creating"
        SUCCEEDED = "Succeeded"
        FAILED = "Failed"
        DELETING = "Deleting"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="compute_targets")
    name = models.CharField(max_length=32)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.CLUSTER)
    state = models.CharField(max_length=12, choices=State, default=State.SUCCEEDED)
    location = models.CharField(max_length=40)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    vm_size = models.CharField(max_length=40)
    vm_priority = models.CharField(max_length=12, choices=rules.VmPriority, default=rules.VmPriority.DEDICATED)
    min_nodes = models.PositiveIntegerField(default=0)
    max_nodes = models.PositiveIntegerField(default=1)
    idle_seconds = models.PositiveIntegerField(default=120)
    # Settings of Azure that are only recorded: SSH user, subnet, identity, …
    settings = models.JSONField(default=dict, blank=True)
    resized_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ComputeTargetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                models.functions.Lower("name"), "workspace", condition=Q(deleted_at=None), name="one_compute_of_a_name"
            ),
            models.CheckConstraint(condition=Q(min_nodes__lte=F("max_nodes")), name="min_nodes_at_most_max_nodes"),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("compute:cluster_detail", args=[self.workspace.slug, self.name])

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/computes/{self.name}"

    @property
    def size(self) -> sizes.Size:
        return sizes.find_size(self.vm_size)

    @property
    def scale_settings(self) -> Scale:
        return Scale(self.min_nodes, self.max_nodes, self.idle_seconds)

    @property
    def is_deleting(self) -> bool:
        return self.state == self.State.DELETING

    # The following need the annotations of `with_counts()`.

    @property
    def node_counts(self) -> dict[str, int]:
        return {state: getattr(self, f"{state}_count") for state in Node.State.values}

    @property
    def current_node_count(self) -> int:
        return sum(self.node_counts.values())

    @property
    def usable_count(self) -> int:
        return self.preparing_count + self.idle_count + self.running_count

    @property
    def unprovisioned_count(self) -> int:
        """How many more nodes the cluster may have."""
        return max(0, self.max_nodes - self.usable_count)

    @property
    def active_count(self) -> int:
        """The number of queued and running units of work."""
        return self.queued_count + self.held_count

    @property
    def target_node_count(self) -> int:
        return 0 if self.is_deleting else min(max(self.min_nodes, self.active_count), self.max_nodes)

    @property
    def allocation_state(self) -> str:
        moving = self.preparing_count or self.leaving_count or self.usable_count < self.target_node_count
        return "Resizing" if moving else "Steady"

    @property
    def state_key(self) -> str:
        """Deleting, Resizing, or the provisioning state."""
        if self.is_deleting or self.allocation_state == "Steady":
            return self.state
        return "Resizing"

    @property
    def state_words(self) -> str:
        number = self.current_node_count
        return f"{self.state_key} ({number} node{'' if number == 1 else 's'})"

    @property
    def is_changing(self) -> bool:
        """Whether a page that shows it must poll."""
        return self.is_deleting or self.allocation_state == "Resizing" or self.active_count > 0 or self._will_shrink

    @property
    def _will_shrink(self) -> bool:
        return self.idle_count > self.min_nodes

    # Pages, API and commands call the following methods.

    @classmethod
    def create(cls, workspace: Workspace, user: User, name: str, vm_size: str, scale: Scale, **recorded):
        """A new cluster. `recorded`: location, description, tags, vm_priority, settings."""
        rules.COMPUTE_NAME.check(name)
        size = sizes.find_size(vm_size)
        recorded = _check_fields(recorded)
        recorded |= {"vm_size": size.name, "location": recorded.get("location") or workspace.location}
        with transaction.atomic():
            quota.check_quota(workspace.resource_group.subscription_id, size, scale.max_nodes)
            target = cls(workspace=workspace, created_by=user, name=name, **dataclasses.asdict(scale), **recorded)
            target._insert()
            activity.record("compute.create", target, scope=workspace)
        return target

    def _insert(self):
        try:
            with transaction.atomic():
                self.save(force_insert=True)
        except IntegrityError as error:
            other = ComputeTarget.objects.present().filter(workspace=self.workspace, name__iexact=self.name).first()
            if other is None:
                raise
            raise Conflict(other.taken, target="name") from error
        notifications.notify_autoscaler()

    @property
    def taken(self) -> str:
        if self.is_deleting:
            return (
                f"The compute target {self.name} is still being deleted. Try again in a moment, or choose another name."
            )
        return f"There is a compute target {self.name} in this workspace already. Choose another name."

    def scale(self, scale: Scale):
        """Set new limits; nodes are added or released accordingly. A running node ends its work first."""
        with transaction.atomic():
            subscription = self.workspace.resource_group.subscription_id
            if scale.max_nodes > self.max_nodes:
                quota.check_quota(subscription, self.size, scale.max_nodes, excluded_target_id=self.pk)
            before = dataclasses.asdict(self.scale_settings)
            self._change(resized_at=timezone.now(), **dataclasses.asdict(scale))
            changes = {name: [before[name], value] for name, value in dataclasses.asdict(scale).items()}
            activity.record("compute.scale", self, scope=self.workspace, changes=changes)
        notifications.notify_autoscaler()

    def describe(self, **recorded):
        """Change tags or description; without arguments nothing changes."""
        if recorded:
            before = {name: getattr(self, name) for name in recorded}
            with transaction.atomic():
                self._change(**_check_fields(recorded))
                changes = {name: [value, getattr(self, name)] for name, value in before.items()}
                activity.record("compute.edit", self, scope=self.workspace, changes=changes)

    def _change(self, **fields):
        present = ComputeTarget.objects.filter(pk=self.pk, deleted_at=None).exclude(state=self.State.DELETING)
        if not present.update(**fields):
            raise Conflict(f"The compute target {self.name} is being deleted and can no longer be changed.")
        for name, value in fields.items():
            setattr(self, name, value)

    def start_deleting(self):
        """Cancels queued work, ends running work and releases the nodes; the target is deleted after the last one."""
        with transaction.atomic():
            ComputeTarget.objects.filter(pk=self.pk, deleted_at=None).update(state=self.State.DELETING)
            now = timezone.now()
            reason = f"The compute target {self.name} was deleted."
            self.work.queued().update(state=Work.State.CANCELED, ended_at=now, reason=reason)
            self.work.held().update(state=Work.State.LOST, ended_at=now, reason=reason, lease_until=None)
            self.nodes.present().update(state=Node.State.LEAVING, state_at=now, message=reason)
            self.state = self.State.DELETING
            activity.record("compute.delete", self, scope=self.workspace)
        notifications.notify_autoscaler()

    def finish_deleting(self):
        """Mark it deleted unless a node is still there."""
        if not self.nodes.present().exists():
            ComputeTarget.objects.filter(pk=self.pk, state=self.State.DELETING).update(deleted_at=timezone.now())


def _check_fields(recorded: dict) -> dict:
    """Checks lengths and types of recorded settings, nothing else."""
    known = rules.RECORDED_RULES
    return {name: known[name].check(value) if name in known else value for name, value in recorded.items()}


class NodeQuerySet(models.QuerySet):
    def present(self):
        return self.filter(ended_at=None)

    def usable(self):
        return self.present().filter(state__in=Node.USABLE)

    def with_work(self):
        """Prefetches the work of each node for `current_work`, in one more query."""
        held = models.Prefetch("work", Work.objects.held().select_related("target__workspace"), to_attr="held_work")
        return self.select_related("host").prefetch_related(held)

    def silent(self, now: dt.datetime):
        """Usable nodes without a recent heartbeat of worker or runner; a new one may take somewhat longer."""
        late = now - dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)
        never = now - dt.timedelta(seconds=Node.START_SECONDS)
        silent = Q(heartbeat_at__lt=late) | Q(heartbeat_at=None, created_at__lt=never)
        return self.usable().filter(silent).exclude(models.Exists(Work.objects.leased(now).filter(node=OuterRef("pk"))))


class Node(models.Model):
    """One Celery worker of a cluster."""

    class State(models.TextChoices):
        PREPARING = "preparing"
        IDLE = "idle"
        RUNNING = "running"
        LEAVING = "leaving"
        UNUSABLE = "unusable"
        PREEMPTED = "preempted"

    USABLE = [State.PREPARING, State.IDLE, State.RUNNING]
    START_SECONDS = 60

    target = models.ForeignKey(ComputeTarget, models.CASCADE, related_name="nodes")
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="nodes")
    name = models.CharField(max_length=60, unique=True)
    # The key is a signature of the name (compute/keys.py), so that no secret is stored.
    state = models.CharField(max_length=12, choices=State, default=State.PREPARING)
    message = models.CharField(max_length=500, blank=True)
    pid = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    state_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = NodeQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["target"], condition=Q(ended_at=None), name="present_nodes")]

    def __str__(self):
        return self.name

    @property
    def current_work(self):
        """The work that it holds; needs `with_work()`."""
        return self.held_work[0] if self.held_work else None

    @property
    def is_wanted(self) -> bool:
        """Whether its host should keep it running."""
        return self.ended_at is None and self.state in self.USABLE

    def has_living_runner(self, now: dt.datetime) -> bool:
        """Whether its runner sends heartbeats; a runner does not need its worker."""
        return self.work.leased(now).exists()

    def start_running(self) -> bool:
        """Reserve it for work; False if it is leaving."""
        return self._move(self.State.RUNNING, allowed=self.USABLE)

    def become_idle(self) -> bool:
        return self._move(self.State.IDLE, allowed=[self.State.PREPARING, self.State.RUNNING])

    def leave(self, message: str) -> bool:
        """Release an idle node; one that gets work at this moment stays."""
        return self._move(self.State.LEAVING, allowed=[self.State.IDLE, self.State.PREPARING], message=message)

    def mark_lost(self, message: str) -> bool:
        """The node died or sends no heartbeat: it is not used any more, and its work is lost."""
        with transaction.atomic():
            if not self._move(self.State.UNUSABLE, allowed=self.USABLE, message=message[:500]):
                return False
            for work in self.work.held():
                work.mark_lost(message)
        notifications.notify_autoscaler()
        return True

    def end(self):
        """The node's process on its host has ended."""
        if Node.objects.filter(pk=self.pk, ended_at=None).update(ended_at=timezone.now()):
            ComputeTarget.objects.filter(pk=self.target_id).update(resized_at=timezone.now())

    def _move(self, state, *, allowed, **fields) -> bool:
        # One conditional UPDATE: of a claim and a release at the same moment, only one can win.
        fields |= {"state": state, "state_at": timezone.now()}
        moved = Node.objects.filter(pk=self.pk, ended_at=None, state__in=allowed).update(**fields)
        if moved:
            for name, value in fields.items():
                setattr(self, name, value)
        return bool(moved)


class WorkQuerySet(models.QuerySet):
    def queued(self):
        return self.filter(state=Work.State.QUEUED).order_by("-priority", "queued_at", "pk")

    def held(self):
        return self.filter(state=Work.State.CLAIMED)

    def leased(self, now: dt.datetime):
        """Held by a runner that showed in time that it lives."""
        return self.held().filter(lease_until__gte=now)

    def claimable_by(self, node):
        """Work that this node already holds, then work that waits for nodes of its cluster."""
        mine = Q(state=Work.State.CLAIMED, node=node) | Q(state=Work.State.QUEUED, target=node.target_id)
        return self.filter(mine).order_by("state", "-priority", "queued_at", "pk")


class Work(models.Model):
    """A process with an environment, to be run on a node of a target. Its kind says what it represents."""

    class State(models.TextChoices):
        QUEUED = "queued"
        CLAIMED = "claimed"
        DONE = "done"
        LOST = "lost"
        CANCELED = "canceled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.ForeignKey(ComputeTarget, models.CASCADE, related_name="work")
    # `kind:subject`: what this is for the app that queued it (compute/work_kinds.py).
    scope = models.CharField(max_length=300)
    spec = models.JSONField(default=dict)
    submitted_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    priority = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    node = models.ForeignKey(Node, models.SET_NULL, null=True, blank=True, related_name="work")
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    # Why it was lost, as a sentence for people.
    reason = models.CharField(max_length=500, blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = WorkQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["target", "state", "-priority", "queued_at"], name="work_queue"),
            models.Index(fields=["lease_until"], condition=Q(state="claimed"), name="work_leases"),
            models.Index(fields=["scope"], name="work_scope"),
        ]

    def __str__(self):
        return f"{self.scope} ({self.state})"

    @property
    def subject(self) -> str:
        """The scope without its kind: for `run:abc` it is `abc`."""
        return self.scope.partition(":")[2]

    @property
    def page_url(self) -> str:
        return work_kinds.kind_of(self.scope).page_url(self)

    def make_token(self) -> str:
        """The token with which its process calls the API."""
        return work_kinds.kind_of(self.scope).make_token(self)

    @property
    def page_state(self) -> str:
        """The state in the terms of jobs and nodes."""
        words = {self.State.CLAIMED: "Running", self.State.DONE: "Ended", self.State.LOST: "Failed"}
        return words.get(self.State(self.state), str(self.get_state_display()))

    def mark_lost(self, reason: str) -> bool:
        """No node works on it any more. The app that queued it reads the reason and ends what it represents."""
        held = Work.objects.held().filter(pk=self.pk, attempt=self.attempt)
        return bool(held.update(state=self.State.LOST, ended_at=timezone.now(), reason=reason[:500], lease_until=None))
