"""Schedules that start and stop compute instances."""

import datetime as dt
import uuid

from django.db import models

from compute.models.instances import ComputeInstance


class ComputeScheduleQuerySet(models.QuerySet):
    def due(self, now: dt.datetime):
        """Enabled schedules of existing instances whose time has come, the earliest first."""
        rows = self.filter(next_at__lte=now, instance__target__deleted_at=None)
        rows = rows.filter(instance__target__workspace__deleted_at=None)
        return rows.order_by("instance", "next_at", "action", "pk")


class ComputeSchedule(models.Model):
    class Action(models.TextChoices):
        START = "Start"
        STOP = "Stop"

    MAX_OF_INSTANCE = 4

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    instance = models.ForeignKey(ComputeInstance, models.CASCADE, related_name="schedules")
    action = models.CharField(max_length=5, choices=Action)
    # A cron expression in a time zone (compute/instances/schedule_times.py), also for a recurrence.
    expression = models.CharField(max_length=300)
    zone = models.CharField(max_length=60)
    # The recurrence as it was sent; none for a cron expression.
    recurrence = models.JSONField(null=True, blank=True)
    start_time = models.CharField(max_length=40, blank=True)
    # When it is due next; none while it is disabled.
    next_at = models.DateTimeField(null=True, blank=True, db_index=True)
    last_at = models.DateTimeField(null=True, blank=True)
    last_result = models.CharField(max_length=300, blank=True)

    objects = ComputeScheduleQuerySet.as_manager()

    class Meta:
        ordering = ["action", "expression", "pk"]

    def __str__(self):
        return f"{self.action} {self.when} ({self.zone})"

    @property
    def when(self) -> str:
        """Its times in words, or its cron expression."""
        if self.recurrence is None:
            return f"by cron {self.expression}"
        minutes, hours, days, _, _ = self.expression.split()
        times = [f"{int(hour):02}:{int(minute):02}" for hour in hours.split(",") for minute in minutes.split(",")]
        weekdays = (self.recurrence.get("schedule") or {}).get("weekDays") or []
        named = {"Week": f" on {', '.join(weekdays)}", "Month": f" on day {days} of each month"}
        return f"at {', '.join(times)}{named.get(self.recurrence['frequency'], ' every day')}"

    @property
    def is_enabled(self) -> bool:
        return self.next_at is not None

    def stops_before(self, until: dt.datetime) -> bool:
        return self.action == self.Action.STOP and self.next_at is not None and self.next_at <= until

    def advance(self, next_at: dt.datetime) -> bool:
        """Take the time that is due, with one conditional UPDATE; False if another process has taken it."""
        held = ComputeSchedule.objects.filter(pk=self.pk, next_at=self.next_at)
        return bool(held.update(next_at=next_at, last_at=self.next_at))

    def note_result(self, text: str) -> None:
        ComputeSchedule.objects.filter(pk=self.pk).update(last_result=text[:300])
