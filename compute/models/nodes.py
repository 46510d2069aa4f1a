"""Nodes of compute targets: Celery workers that take work from the queue."""

import datetime as dt

from django.conf import settings
from django.db import models, transaction
from django.db.models import OuterRef, Q
from django.utils import timezone

from accounts import activity
from compute import notifications
from compute.models.hosts import Host
from compute.models.work import Assignment, Resources, Work
from studio import process_counters


class NodeQuerySet(models.QuerySet):
    def present(self):
        return self.filter(ended_at=None)

    def usable(self):
        return self.present().filter(state__in=Node.USABLE)

    def with_work(self):
        """Prefetches the work of each node for `current_work`, in two more queries."""
        held = Assignment.objects.current().select_related("work__target__workspace").order_by("claimed_at")
        prefetched = models.Prefetch("assignments", held, to_attr="current_assignments")
        return self.select_related("host").prefetch_related(prefetched)

    def silent(self, now: dt.datetime):
        """Usable nodes without a recent heartbeat of worker or runner; a new one may take somewhat longer."""
        late = now - dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)
        never = now - dt.timedelta(seconds=Node.START_SECONDS)
        silent = Q(heartbeat_at__lt=late) | Q(heartbeat_at=None, created_at__lt=never)
        alive = models.Exists(Assignment.objects.leased(now).filter(node=OuterRef("pk")))
        return self.usable().filter(silent).exclude(alive)


class Node(models.Model):
    """One Celery worker of a compute target, with a part of its host's cores, memory and GPUs."""

    class State(models.TextChoices):
        PREPARING = "preparing"
        IDLE = "idle"
        RUNNING = "running"
        LEAVING = "leaving"
        UNUSABLE = "unusable"
        PREEMPTED = "preempted"

    USABLE = [State.PREPARING, State.IDLE, State.RUNNING]
    START_SECONDS = 60

    target = models.ForeignKey("compute.ComputeTarget", models.CASCADE, related_name="nodes")
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="nodes")
    name = models.CharField(max_length=60, unique=True)
    # Its resources for work: the size of its target at the time of its creation.
    cores = models.PositiveSmallIntegerField(default=1)
    memory_gb = models.FloatField(default=1)
    gpus = models.PositiveSmallIntegerField(default=0)
    # The key is a signature of the name (compute/keys.py), so that no secret is stored.
    state = models.CharField(max_length=12, choices=State, default=State.PREPARING)
    message = models.CharField(max_length=500, blank=True)
    pid = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    state_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    drained_at = models.DateTimeField(null=True, blank=True)

    # Set by `with_work()`.
    current_assignments: list[Assignment]

    objects = NodeQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["target"], condition=Q(ended_at=None), name="present_nodes")]

    def __str__(self):
        return self.name

    @property
    def current_work(self) -> list[Work]:
        """Its current work; needs `with_work()`."""
        return [assignment.work for assignment in self.current_assignments]

    @property
    def is_wanted(self) -> bool:
        """Whether its host should keep it running."""
        return self.ended_at is None and self.state in self.USABLE

    @property
    def is_draining(self) -> bool:
        """Whether it accepts no more jobs and stops after its current ones."""
        return self.drained_at is not None or (self.host is not None and not self.host.is_open)

    @property
    def draining_reason(self) -> str:
        if self.drained_at or self.host is None or self.host.is_open:
            return "It was drained."
        return f"{self.host.name} accepts no more jobs. {self.host.closed_reason}"

    @property
    def resources(self) -> Resources:
        """Its resources without work."""
        return Resources(self.cores, self.memory_gb, self.gpus)

    def free_resources(self) -> Resources:
        """Its free resources."""
        return self.resources - self.assignments.current().sum_resources()

    def has_living_runner(self, now: dt.datetime) -> bool:
        """Whether a runner of its work sends heartbeats; a runner does not need its worker."""
        return self.assignments.leased(now).exists()

    def start_running(self) -> bool:
        """Reserve it for work until the transaction ends; False if it is leaving."""
        return self._move(self.State.RUNNING, allowed=self.USABLE)

    def become_idle(self) -> bool:
        """Mark it as idle unless it still has work."""
        return self._move(self.State.IDLE, self._without_work(), allowed=[self.State.PREPARING, self.State.RUNNING])

    def leave(self, message: str) -> bool:
        """Release an idle node; one that gets work at this moment stays."""
        allowed = [self.State.IDLE, self.State.PREPARING]
        return self._move(self.State.LEAVING, self._without_work(), allowed=allowed, message=message)

    def drain(self) -> None:
        """Drain it: it stops after its current work."""
        with transaction.atomic():
            if Node.objects.filter(pk=self.pk, ended_at=None, drained_at=None).update(drained_at=timezone.now()):
                activity.record("node.drain", self, scope=self.target.workspace)
        notifications.notify_autoscaler()

    def preempt(self, message: str) -> bool:
        """Stop it for another cluster; its work is queued again."""
        with transaction.atomic():
            if not self._move(self.State.PREEMPTED, allowed=self.USABLE, message=message[:500]):
                return False
            for assignment in self.assignments.current().select_related("work"):
                assignment.work.queue_again(message)
        return True

    def mark_lost(self, message: str) -> bool:
        """The node died or sends no heartbeat: it is not used any more, and its work is lost."""
        with transaction.atomic():
            if not self._move(self.State.UNUSABLE, allowed=self.USABLE, message=message[:500]):
                return False
            for assignment in self.assignments.current().select_related("work"):
                assignment.work.mark_lost(message)
        process_counters.count("lazuli_lease_expired_total")
        notifications.notify_autoscaler()
        return True

    def end(self):
        """The node's process on its host has ended."""
        if Node.objects.filter(pk=self.pk, ended_at=None).update(ended_at=timezone.now()):
            self.target.record_resize()

    def _without_work(self) -> Q:
        return ~Q(models.Exists(Assignment.objects.current().filter(node=OuterRef("pk"))))

    def _move(self, state, *conditions, allowed, **fields) -> bool:
        # One conditional UPDATE: of a claim and a release at the same moment, only one can win.
        fields |= {"state": state, "state_at": timezone.now()}
        moved = Node.objects.filter(*conditions, pk=self.pk, ended_at=None, state__in=allowed).update(**fields)
        if moved:
            for name, value in fields.items():
                setattr(self, name, value)
        return bool(moved)
