"""The rows of the activity log that still have to be sent to the systems of ACTIVITY_WEBHOOK and ACTIVITY_SYSLOG.

A row is queued in the transaction of its action, and leaves the queue when the receiver has it: while a receiver is
away, nothing is lost. accounts/activity_sending.py sends them.
"""

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.activity import Activity

# Pauses after the first failure, the second, and so on; the last one is repeated.
RETRY_PAUSES = [dt.timedelta(seconds=seconds) for seconds in (10, 60, 300, 900)]
# After this time, a worker that sends is considered dead.
HOLD_TIME = dt.timedelta(minutes=2)


class Receiver(models.TextChoices):
    WEBHOOK = "webhook"
    SYSLOG = "syslog"


def list_receivers() -> list[Receiver]:
    given = {Receiver.WEBHOOK: settings.ACTIVITY_WEBHOOK, Receiver.SYSLOG: settings.ACTIVITY_SYSLOG}
    return [receiver for receiver, url in given.items() if url]


def queue_activity(row: "Activity") -> None:
    """Called in the transaction that stores the row."""
    if receivers := list_receivers():
        PendingActivity.objects.bulk_create(PendingActivity(activity=row, receiver=one) for one in receivers)


class PendingActivity(models.Model):
    activity = models.ForeignKey("accounts.Activity", models.CASCADE, related_name="+")
    receiver = models.CharField(max_length=8, choices=Receiver)

    class Meta:
        verbose_name_plural = "pending activities"
        indexes = [models.Index(fields=["receiver", "id"], name="activities_pending")]

    def __str__(self):
        return f"{self.activity_id} to {self.receiver}"


class StreamState(models.Model):
    """How sending to a receiver goes."""

    receiver = models.CharField(max_length=8, choices=Receiver, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    # The last response of the receiver.
    answer = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)

    def __str__(self):
        return self.receiver

    @classmethod
    def of(cls, receiver: Receiver) -> "StreamState":
        return cls.objects.filter(receiver=receiver).first() or cls(receiver=receiver)

    def take(self, at_once: bool = False) -> bool:
        """Claim it with one conditional UPDATE: of two workers, one sends, so that rows stay in order. `at_once` ends
        the pause after a failure."""
        StreamState.objects.get_or_create(receiver=self.receiver)
        now = timezone.now()
        is_due = models.Q(due_at__lte=now)
        free = StreamState.objects.filter(is_due | models.Q(failures__gt=0) if at_once else is_due, pk=self.pk)
        return bool(free.update(due_at=now + HOLD_TIME))

    def record_success(self, answer: str) -> None:
        now = timezone.now()
        self._update(failures=0, due_at=now, sent_at=now, answer=answer)

    def record_failure(self, answer: str) -> None:
        pause = RETRY_PAUSES[min(self.failures, len(RETRY_PAUSES) - 1)]
        self._update(failures=self.failures + 1, due_at=timezone.now() + pause, answer=answer)

    def _update(self, answer: str, **fields) -> None:
        StreamState.objects.filter(pk=self.pk).update(answer=answer[:300], **fields)
        self.refresh_from_db()

    @property
    def is_failing(self) -> bool:
        return self.failures > 0

    @property
    def waiting(self) -> int:
        return PendingActivity.objects.filter(receiver=self.receiver).count()

    @property
    def address(self) -> str:
        """Scheme and host of the receiver: the rest of a webhook's address may be a secret."""
        url = urlsplit(settings.ACTIVITY_WEBHOOK if self.receiver == Receiver.WEBHOOK else settings.ACTIVITY_SYSLOG)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
