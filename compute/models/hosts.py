"""Machines that run nodes."""

import datetime as dt

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from lazuli.agent.machine import Machine

from accounts import activity
from compute import notifications


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
    gpus = models.PositiveSmallIntegerField(default=0)
    address = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    # What scripts on it could do and must not, as its agent found at its start; empty if nothing.
    isolation_problem = models.CharField(max_length=300, blank=True)

    # In a row, of its nodes and runners; a job of it that ends well resets them.
    failures = models.PositiveSmallIntegerField(default=0)
    quarantined_at = models.DateTimeField(null=True, blank=True)
    quarantine_reason = models.CharField(max_length=500, blank=True)
    drained_at = models.DateTimeField(null=True, blank=True)

    FAILURES_BEFORE_QUARANTINE = 3

    objects = HostQuerySet.as_manager()

    def __str__(self):
        return self.name

    @property
    def machine(self) -> Machine:
        """What it offers to nodes."""
        return Machine(self.cpus, self.memory_gb, self.gpus)

    @property
    def is_alive(self) -> bool:
        return self.heartbeat_at is not None and timezone.now() - self.heartbeat_at < dt.timedelta(
            seconds=settings.NODE_LEASE_SECONDS
        )

    @property
    def is_open(self) -> bool:
        """Whether it takes new nodes, and its nodes new work."""
        return self.quarantined_at is None and self.drained_at is None

    @property
    def closed_reason(self) -> str:
        """For people of all workspaces, so without the words of a job."""
        if self.quarantined_at:
            return f"It is in quarantine after {self.FAILURES_BEFORE_QUARANTINE} failures in a row."
        return "An administrator is draining it."

    def record_failure(self, reason: str) -> None:
        """After some in a row it is in quarantine: it would fail one job after the other."""
        host = Host.objects.filter(pk=self.pk)
        host.update(failures=F("failures") + 1)
        words = f"{self.FAILURES_BEFORE_QUARANTINE} failures in a row. The last: {reason}"[:500]
        host.filter(failures__gte=self.FAILURES_BEFORE_QUARANTINE, quarantined_at=None).update(
            quarantined_at=timezone.now(), quarantine_reason=words
        )

    def record_success(self) -> None:
        if self.failures:
            Host.objects.filter(pk=self.pk).update(failures=0)

    def drain(self) -> None:
        """Its nodes take no more work and leave after what they have."""
        with transaction.atomic():
            Host.objects.filter(pk=self.pk, drained_at=None).update(drained_at=timezone.now())
            activity.record("host.drain", self)

    def reopen(self) -> None:
        """Lift quarantine and drain."""
        with transaction.atomic():
            Host.objects.filter(pk=self.pk).update(
                quarantined_at=None, quarantine_reason="", drained_at=None, failures=0
            )
            activity.record("host.reopen", self)
        notifications.notify_autoscaler()

    def has_reported_recently(self, now: dt.datetime) -> bool:
        """Stricter than `is_alive`: it can start a node at once."""
        return self.heartbeat_at is not None and now - self.heartbeat_at < self.RECENTLY
