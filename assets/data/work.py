"""Work on a version that takes too long for a page: hashes of its files, a profile or a copy of all rows, a
frozen copy.

A row stores its progress; the control worker executes it (assets/tasks.py).
"""

import datetime as dt
import time

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.models import User
from assets.data.models import DataVersion
from studio.errors import Conflict, Invalid

# How long the row of a killed worker stays claimed.
HOLD_TIME = dt.timedelta(minutes=5)
REPORT_SECONDS = 1.0


class DataManifest(models.Model):
    """The files that a version had when it was registered."""

    version = models.OneToOneField(DataVersion, models.CASCADE, related_name="manifest")
    # Over paths, sizes and etags.
    digest = models.CharField(max_length=64)
    file_count = models.PositiveIntegerField()
    size = models.BigIntegerField()
    # JSON, packed: a list of datastore, path, size, etag and hash for each file (assets/data/manifests.py).
    packed = models.BinaryField()
    is_hashed = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return f"{self.file_count} files of {self.version}"


class DataWork(models.Model):
    class Kind(models.TextChoices):
        HASHES = "hashes", "Hashes of the files"
        PROFILE = "profile", "Profile of all rows"
        FREEZE = "freeze", "Frozen copy"
        QUALITY = "quality", "Check of the quality rules"
        ROWS = "rows", "Copy of all rows"
        MISFITS = "misfits", "Values that do not fit"

    class State(models.TextChoices):
        QUEUED = "Queued", "Queued"
        RUNNING = "Running", "Running"
        COMPLETED = "Completed", "Completed"
        FAILED = "Failed", "Failed"

    OPEN = (State.QUEUED, State.RUNNING)
    OF_TABLES = (Kind.PROFILE, Kind.QUALITY, Kind.ROWS)

    version = models.ForeignKey(DataVersion, models.CASCADE, related_name="work")
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    progress = models.FloatField(default=0, help_text="From 0 to 1.")
    # The digest of the files that were read for the profile.
    manifest_digest = models.CharField(max_length=64, blank=True)
    result = models.JSONField(default=dict, blank=True)
    problem = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)

    _reported_at = 0.0

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "kind"],
                condition=models.Q(state__in=["Queued", "Running"]),
                name="one_open_work_of_a_kind",
            )
        ]
        indexes = [models.Index(fields=["state", "held_until"], name="data_work_by_state")]

    def __str__(self):
        return f"{self.get_kind_display()} of {self.version}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def failed_count(self) -> int:
        """The number of quality rules that the version breaks, or that could not be checked."""
        return sum(one["state"] != "Passed" for one in self.result.get("rules", []))

    @property
    def percent(self) -> int:
        return round(100 * self.progress)

    @classmethod
    def queue(cls, version: DataVersion, kind: str, user: User | None) -> "DataWork":
        """Queue work; raises Conflict if the same is in progress."""
        if kind in cls.OF_TABLES and not version.is_table:
            raise Invalid("Only tables have rows and a profile, and are checked by rules.", target="act")
        try:
            with transaction.atomic():
                return cls.objects.create(version=version, kind=kind, created_by=user)
        except IntegrityError as error:
            raise Conflict(f"{cls.Kind(kind).label}: this is already running.") from error

    @classmethod
    def claim(cls) -> "DataWork | None":
        """Claim the oldest free work. Only one of each kind runs at a time, to save memory."""
        now = timezone.now()
        held = cls.objects.filter(state=cls.State.RUNNING, held_until__gte=now).values_list("kind", flat=True)
        free = cls.objects.filter(state__in=cls.OPEN).exclude(kind__in=list(held))
        free = free.filter(models.Q(held_until=None) | models.Q(held_until__lt=now))
        for row in free.order_by("pk").select_related("version__workspace", "version__asset")[:10]:
            # One conditional UPDATE: of two workers, one gets it.
            if free.filter(pk=row.pk).update(held_until=now + HOLD_TIME, state=cls.State.RUNNING):
                return row
        return None

    def report(self, progress: float) -> None:
        """Store the progress and extend the claim. It can be called often."""
        if time.monotonic() - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = time.monotonic()
        held = timezone.now() + HOLD_TIME
        DataWork.objects.filter(pk=self.pk, state=self.State.RUNNING).update(progress=progress, held_until=held)

    def end(self, state: str, **fields) -> None:
        fields |= {"state": state, "ended_at": timezone.now(), "held_until": None}
        DataWork.objects.filter(pk=self.pk, state=self.State.RUNNING).update(**fields)
