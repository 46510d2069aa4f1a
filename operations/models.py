"""Tables of the administration: announcements, failed and slow requests, and background tasks."""

import datetime as dt
import time

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import activity
from accounts.models import User
from operations import rules
from studio.errors import Conflict, Invalid

# How late, in seconds, a process may show or hide an announcement that another one has changed.
SHOWN_LATE = 10
SHOWN: dict = {}


class AnnouncementQuerySet(models.QuerySet):
    def shown_at(self, moment: dt.datetime):
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=moment), starts_at__lte=moment)

    def shown_now(self) -> list:
        """Current announcements, cached for SHOWN_LATE seconds because every page reads them."""
        now = time.monotonic()
        if now - SHOWN.get("at", -SHOWN_LATE) >= SHOWN_LATE:
            SHOWN.update(at=now, rows=list(self.shown_at(timezone.now())))
        return SHOWN["rows"]


class Announcement(models.Model):
    """A banner on every page, from its start to its end."""

    Level = rules.AnnouncementLevel

    text = models.CharField(max_length=rules.ANNOUNCEMENT.limits["maxLength"])
    level = models.CharField(max_length=8, choices=Level, default=Level.INFO)
    starts_at = models.DateTimeField()
    # Null until somebody ends it.
    ends_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-pk"]
        indexes = [models.Index(fields=["starts_at", "ends_at"], name="announcements_by_time")]

    def __str__(self):
        return self.text[:60]

    @classmethod
    def publish(
        cls,
        user: User,
        text: str,
        level: str = Level.INFO,
        starts_at: dt.datetime | None = None,
        ends_at: dt.datetime | None = None,
    ) -> "Announcement":
        """Shown from its start, which is now unless another is given."""
        text, level = rules.ANNOUNCEMENT.check(text.strip()), rules.LEVEL.check(level)
        starts_at = starts_at or timezone.now()
        if ends_at and ends_at <= max(starts_at, timezone.now()):
            raise Invalid("The end is in the past, or not after the start.", target="endsAt")
        with transaction.atomic():
            SHOWN.clear()
            made = cls.objects.create(created_by=user, text=text, level=level, starts_at=starts_at, ends_at=ends_at)
            activity.record(
                "announcement.create", made, changes={"starts_at": [None, starts_at], "ends_at": [None, ends_at]}
            )
        return made

    def end(self) -> None:
        """Take it off the pages now."""
        now = timezone.now()
        SHOWN.clear()
        with transaction.atomic():
            if not Announcement.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), pk=self.pk).update(ends_at=now):
                raise Conflict("This announcement has ended already.")
            activity.record("announcement.end", self)
        self.ends_at = now

    @property
    def is_over(self) -> bool:
        return self.ends_at is not None and self.ends_at <= timezone.now()

    @property
    def is_planned(self) -> bool:
        return self.starts_at > timezone.now()


class RequestRecord(models.Model):
    """A failed or slow request. Only the newest KEPT are stored."""

    KEPT = 1000

    request_id = models.CharField(max_length=32, db_index=True)
    at = models.DateTimeField(default=timezone.now)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=300)
    status = models.PositiveSmallIntegerField()
    seconds = models.FloatField()
    person = models.CharField(max_length=150, blank=True)
    # The exception, if there was one; its traceback is in the log.
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["at", "status"], name="request_records_by_time")]

    def __str__(self):
        return f"{self.method} {self.path} → {self.status}"

    @classmethod
    def add(cls, **fields) -> None:
        row = cls.objects.create(**fields)
        cls.objects.filter(pk__lte=row.pk - cls.KEPT).delete()


class JobRecord(models.Model):
    """The last result of a periodic task."""

    name = models.CharField(max_length=100, unique=True)
    ended_at = models.DateTimeField()
    seconds = models.FloatField()
    # Seconds between two runs.
    every = models.FloatField()
    succeeded_at = models.DateTimeField(null=True)
    # Empty if the last one succeeded.
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    @property
    def is_late(self) -> bool:
        """Whether it missed two runs in a row."""
        return timezone.now() - self.ended_at > dt.timedelta(seconds=2 * self.every + 90)
