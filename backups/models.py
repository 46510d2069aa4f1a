"""Backups of this studio: time, folder, result of the check, and log."""

import datetime as dt
import pathlib

from django.conf import settings
from django.db import DatabaseError, IntegrityError, models, transaction
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone

from accounts import activity
from accounts.models import User
from compute import notifications
from studio.errors import Conflict
from studio.findings import Finding, passed
from studio.formats import format_count

TASK = "backups.tasks.make_due_backups"
# How long a backup counts as running after a heartbeat. Until then no files are deleted.
HOLD = dt.timedelta(minutes=2)
# Between two heartbeats.
BEAT = dt.timedelta(seconds=10)
# Pages wait no longer for the result of a check.
CHECK_TIME = dt.timedelta(minutes=30)
OLD, VERY_OLD = dt.timedelta(days=7), dt.timedelta(days=30)
INTERRUPTED = "It was interrupted, or the studio was restored from it. Start another one."


class BackupFailed(Exception):
    """A backup cannot be made, checked or restored; the message says why."""


class BackupQuerySet(models.QuerySet):
    def is_any_running(self) -> bool:
        return self.filter(state=Backup.State.RUNNING, held_until__gt=timezone.now()).exists()

    def end_interrupted(self) -> None:
        dead = self.filter(state=Backup.State.RUNNING, held_until__lte=timezone.now())
        dead.update(state=Backup.State.FAILED, error=INTERRUPTED, ended_at=models.F("held_until"))

    def last_good(self):
        """The newest verified backup."""
        return self.filter(state=Backup.State.COMPLETED, check_error="").exclude(checked_at=None).first()


class Backup(models.Model):
    class State(models.TextChoices):
        QUEUED = "Queued"
        RUNNING = "Running"
        COMPLETED = "Completed"
        FAILED = "Failed"

    OPEN = [State.QUEUED, State.RUNNING]

    # The folder that it is made in, on the machine of the process that makes it, and its name there.
    parent = models.CharField(max_length=500)
    name = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    files = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    has_keys = models.BooleanField(default=False)
    log = models.TextField(blank=True)
    error = models.TextField(blank=True)
    # It was restored into a scratch folder at this time; empty if nothing was wrong with it.
    checked_at = models.DateTimeField(null=True)
    check_error = models.TextField(blank=True)
    # Retention has deleted its folder.
    removed_at = models.DateTimeField(null=True)
    # Null if the schedule or a command started it.
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    objects = BackupQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=models.Q(state="Running"), name="one_backup_at_a_time"),
            models.UniqueConstraint(fields=["state"], condition=models.Q(state="Queued"), name="one_backup_waits"),
        ]

    def __str__(self):
        return self.name or f"backup {self.pk}"

    @property
    def folder(self) -> pathlib.Path:
        return pathlib.Path(self.parent) / self.name

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def is_being_checked(self) -> bool:
        """Whether the check that follows may still run; a backup of the command line has none."""
        is_new = self.ended_at is not None and self.ended_at > timezone.now() - CHECK_TIME
        return self.state == self.State.COMPLETED and self.checked_at is None and is_new

    @property
    def age(self) -> dt.timedelta:
        return timezone.now() - (self.started_at or self.created_at)

    @classmethod
    def queue(cls, user: User | None = None) -> "Backup":
        """A backup that the control worker will make; one at a time."""
        try:
            with transaction.atomic():
                made = cls.objects.create(parent=str(settings.BACKUP_DIR), created_by=user)
                activity.record("backup.start", made)
                notifications.notify_control(TASK)
        except IntegrityError as error:
            raise Conflict("A backup is waiting to start already.") from error
        return made

    @classmethod
    def begin(cls, parent: pathlib.Path) -> "Backup":
        """A backup that this process makes itself."""
        cls.objects.end_interrupted()
        try:
            with transaction.atomic():
                made = cls.objects.create(parent=str(parent), **cls._running())
                activity.record("backup.start", made)
        except IntegrityError as error:
            raise Conflict("A backup is already running. Wait until it has ended.") from error
        return made

    def start(self) -> bool:
        """Start a waiting backup; returns whether this process may make it."""
        Backup.objects.end_interrupted()
        try:
            with transaction.atomic():
                waiting = Backup.objects.filter(pk=self.pk, state=self.State.QUEUED)
                taken = waiting.update(**self._running())
        except IntegrityError:
            # Another one is running.
            return False
        self.refresh_from_db()
        return bool(taken)

    @classmethod
    def _running(cls) -> dict:
        """Mark it as running; from now on no files are deleted."""
        now = timezone.now()
        times = {"started_at": now, "held_until": now + HOLD}
        return {"state": cls.State.RUNNING, "name": f"{now:%Y-%m-%dT%H-%M-%S}-{now.microsecond // 1000:03}Z", **times}

    def hold_on(self) -> None:
        """Send a heartbeat; refused if it is too late, because files may have been deleted since."""
        now = timezone.now()
        if self.held_until and self.held_until - now > HOLD - BEAT:
            return
        held = Backup.objects.filter(pk=self.pk, state=self.State.RUNNING, held_until__gt=now)
        if not held.update(held_until=now + HOLD):
            raise BackupFailed(
                "It made no progress for more than two minutes, so files may be missing. Start another one."
            )
        self.held_until = now + HOLD

    def append_log(self, text: str) -> None:
        line = f"{timezone.now():%H:%M:%S} {text}\n"
        Backup.objects.filter(pk=self.pk).update(log=Concat("log", Value(line)))

    def complete(self, **fields) -> None:
        self._end(self.State.COMPLETED, **fields)

    def fail(self, error: str) -> None:
        self._end(self.State.FAILED, error=error)

    def _end(self, state, **fields) -> None:
        fields |= {"state": state, "ended_at": timezone.now(), "held_until": None}
        Backup.objects.filter(pk=self.pk, state=self.State.RUNNING).update(**fields)
        self.refresh_from_db()

    def note_check(self, problems: list[str]) -> None:
        fields = {"checked_at": timezone.now(), "check_error": "\n".join(problems)}
        Backup.objects.filter(pk=self.pk).update(**fields)
        self.refresh_from_db()


def check_last_backup() -> Finding:
    what, remedy = "backup", "Run manage.py backup --check."
    try:
        last = Backup.objects.last_good()
    except DatabaseError:
        return Finding(what, "warn", "The database has no record of the last backup.")
    if last is None:
        return Finding(what, "warn", "There is no verified backup yet.", remedy)
    ago = f"{format_count(last.age.days, 'day')} ago" if last.age.days else "today"
    text = f"The last verified backup was made {ago}."
    return Finding(what, "warn", text, remedy) if last.age > OLD else passed(what, text)
