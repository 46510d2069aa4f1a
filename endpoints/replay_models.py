"""Recorded requests that are sent again to another version or endpoint (endpoints/replays.py)."""

import datetime as dt
from collections.abc import Collection

from django.db import models
from django.urls import reverse
from django.utils import timezone

from accounts.models import User

# How long the row of a killed worker stays claimed.
HOLD_TIME = dt.timedelta(minutes=2)


class Replay(models.Model):
    class State(models.TextChoices):
        QUEUED = "Queued"
        RUNNING = "Running"
        COMPLETED = "Completed"
        FAILED = "Failed"

    OPEN = (State.QUEUED, State.RUNNING)

    # The one with the recorded requests, and the one that gets them.
    endpoint = models.ForeignKey("endpoints.Endpoint", models.CASCADE, related_name="replays")
    candidate = models.ForeignKey("endpoints.Endpoint", models.SET_NULL, null=True, related_name="+")
    candidate_name = models.CharField(max_length=65)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    # The keys of the recorded requests, the newest first, and a result for each that was sent.
    keys = models.JSONField(default=list)
    results = models.JSONField(default=list, blank=True)
    problem = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return f"Replay of {self.endpoint.name} against {self.candidate_name}"

    def get_absolute_url(self):
        return reverse("endpoints:replay", args=[self.endpoint.workspace.slug, self.endpoint.name, self.pk])

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @classmethod
    def claim(cls, excluded: Collection[int] = ()) -> "Replay | None":
        """Claim the oldest open one that no worker has."""
        now = timezone.now()
        free = cls.objects.filter(state__in=cls.OPEN).exclude(pk__in=excluded)
        free = free.filter(models.Q(held_until=None) | models.Q(held_until__lt=now))
        for row in free.order_by("pk")[:5]:
            if free.filter(pk=row.pk).update(held_until=now + HOLD_TIME, state=cls.State.RUNNING):
                return cls.objects.select_related("endpoint__workspace").get(pk=row.pk)
        return None

    def end(self, state: str, problem: str = "") -> None:
        fields = {"state": state, "problem": problem, "ended_at": timezone.now(), "held_until": None}
        Replay.objects.filter(pk=self.pk, state=self.State.RUNNING).update(**fields)
