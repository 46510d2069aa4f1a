"""Hosts, compute targets, their nodes, and the queue of work. A unit of work is a process with an environment on a node."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compute import sizes
from workspaces.models import User, Workspace


class Host(models.Model):
    """A machine that runs nodes; its agent asks what to run and says what runs. Its key is signed (compute/keys.py)."""

    name = models.CharField(max_length=60, unique=True)
    cpus = models.PositiveIntegerField(default=1)
    memory_gb = models.FloatField(default=1)
    address = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return self.name

    @property
    def is_alive(self) -> bool:
        return self.heartbeat_at is not None and timezone.now() - self.heartbeat_at < dt.timedelta(
            seconds=settings.NODE_LEASE_SECONDS
        )


class ComputeTargetQuerySet(models.QuerySet):
    def visible_to(self, actor):
        return self.filter(workspace__in=Workspace.objects.visible_to(actor), deleted_at=None)


class ComputeTarget(models.Model):
    class Kind(models.TextChoices):
        CLUSTER = "AmlCompute", "Compute cluster"

    class State(models.TextChoices):
        CREATING = "Creating"
        SUCCEEDED = "Succeeded"
        FAILED = "Failed"
        DELETING = "Deleting"

    class Priority(models.TextChoices):
        DEDICATED = "Dedicated"
        LOW = "LowPriority", "Low priority"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="compute_targets")
    name = models.CharField(max_length=32)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.CLUSTER)
    state = models.CharField(max_length=12, choices=State, default=State.SUCCEEDED)
    location = models.CharField(max_length=40)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    vm_size = models.CharField(max_length=40)
    vm_priority = models.CharField(max_length=12, choices=Priority, default=Priority.DEDICATED)
    min_nodes = models.PositiveIntegerField(default=0)
    max_nodes = models.PositiveIntegerField(default=1)
    idle_seconds = models.PositiveIntegerField(default=120)
    # What Azure records and this house does not need: SSH user, subnet, identity, …
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

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/computes/{self.name}"

    @property
    def size(self) -> sizes.Size:
        return sizes.find(self.vm_size)


class NodeQuerySet(models.QuerySet):
    def present(self):
        return self.filter(ended_at=None)


class Node(models.Model):
    """One Celery worker of a cluster."""

    class State(models.TextChoices):
        PREPARING = "preparing"
        IDLE = "idle"
        RUNNING = "running"
        LEAVING = "leaving"
        UNUSABLE = "unusable"
        PREEMPTED = "preempted"

    target = models.ForeignKey(ComputeTarget, models.CASCADE, related_name="nodes")
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="nodes")
    name = models.CharField(max_length=60, unique=True)
    # The key is signed from the name (compute/keys.py), so that no secret is stored.
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


class WorkQuerySet(models.QuerySet):
    def queued(self):
        return self.filter(state=Work.State.QUEUED).order_by("-priority", "queued_at", "pk")

    def held(self):
        return self.filter(state=Work.State.CLAIMED)


class Work(models.Model):
    """A process with an environment, to be run on a node of a target. Knows no experiment."""

    class State(models.TextChoices):
        QUEUED = "queued"
        CLAIMED = "claimed"
        DONE = "done"
        LOST = "lost"
        CANCELED = "canceled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.ForeignKey(ComputeTarget, models.CASCADE, related_name="work")
    # What this is to the room that queued it, e.g. a run id; also the scope of the token handed to the process.
    scope = models.CharField(max_length=300)
    spec = models.JSONField(default=dict)
    submitted_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    priority = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    node = models.ForeignKey(Node, models.SET_NULL, null=True, blank=True, related_name="work")
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    # Why it was lost, in words for a person.
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
