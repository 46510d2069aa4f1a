"""Machines that run nodes."""

import datetime as dt

from django.conf import settings
from django.db import models
from django.utils import timezone
from lazuli.agent.machine import Machine


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

    def has_reported_recently(self, now: dt.datetime) -> bool:
        """Stricter than `is_alive`: it can start a node at once."""
        return self.heartbeat_at is not None and now - self.heartbeat_at < self.RECENTLY
