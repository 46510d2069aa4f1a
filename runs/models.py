"""Experiments, runs and what runs leave behind: metrics, parameters, tags, artifacts, snapshots."""

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from compute.models import ComputeTarget, Work
from workspaces.models import User, Workspace


class ExperimentQuerySet(models.QuerySet):
    def visible_to(self, actor):
        return self.filter(workspace__in=Workspace.objects.visible_to(actor))


class Experiment(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="experiments")
    name = models.CharField(max_length=255)
    experiment_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    run_count = models.PositiveIntegerField(default=0, help_text="Also the number of the newest run.")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = ExperimentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_experiment_of_a_name")]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("runs:experiment_detail", args=[self.workspace.slug, self.experiment_id])


class Snapshot(models.Model):
    """The code of a run as it was submitted: one zip, stored once per content."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="snapshots")
    snapshot_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    digest = models.CharField(max_length=64)
    key = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    files = models.JSONField(default=list)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "digest"], name="one_snapshot_of_a_content")]

    def __str__(self):
        return str(self.snapshot_id)


class RunQuerySet(models.QuerySet):
    def visible_to(self, actor):
        """A run token sees its own run and that run's descendants."""
        runs = self.filter(workspace__in=Workspace.objects.visible_to(actor), deleted_at=None)
        if actor.is_run:
            runs = runs.filter(Q(run_id=actor.run_id) | Q(root__run_id=actor.run_id) | Q(parent__run_id=actor.run_id))
        return runs

    def active(self):
        return self.filter(status__in=Run.ACTIVE)


class Run(models.Model):
    class Status(models.TextChoices):
        NOT_STARTED = "NotStarted", "Not started"
        PREPARING = "Preparing"
        PROVISIONING = "Provisioning"
        STARTING = "Starting"
        QUEUED = "Queued"
        RUNNING = "Running"
        FINALIZING = "Finalizing"
        CANCEL_REQUESTED = "CancelRequested", "Cancel requested"
        COMPLETED = "Completed"
        FAILED = "Failed"
        CANCELED = "Canceled"

    TERMINAL = [Status.COMPLETED, Status.FAILED, Status.CANCELED]
    ACTIVE = [
        Status.NOT_STARTED,
        Status.PREPARING,
        Status.PROVISIONING,
        Status.STARTING,
        Status.QUEUED,
        Status.RUNNING,
        Status.FINALIZING,
        Status.CANCEL_REQUESTED,
    ]

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="runs")
    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="runs")
    run_id = models.CharField(max_length=256)
    number = models.PositiveIntegerField()
    display_name = models.CharField(max_length=256)
    description = models.TextField(max_length=5000, blank=True)
    run_type = models.CharField(max_length=60, blank=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    root = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="descendants")
    status = models.CharField(max_length=16, choices=Status, default=Status.NOT_STARTED)
    # Azure's REST job as it was sent, whole; empty for an interactive run.
    job = models.JSONField(default=dict, blank=True)
    snapshot = models.ForeignKey(Snapshot, models.SET_NULL, null=True, blank=True, related_name="runs")
    target_name = models.CharField(max_length=64, blank=True)
    compute = models.ForeignKey(ComputeTarget, models.SET_NULL, null=True, blank=True, related_name="runs")
    work = models.OneToOneField(Work, models.SET_NULL, null=True, blank=True, related_name="run")
    node_name = models.CharField(max_length=60, blank=True)
    # {"code", "message", "details"} once failed.
    error = models.JSONField(default=dict, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    properties = models.JSONField(default=dict, blank=True)
    heartbeat_at = models.DateTimeField(
        null=True, blank=True, help_text="Set by a runner; empty for an interactive run."
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Raised by every change that a page shows, so that a poll can be answered with "nothing new".
    revision = models.PositiveBigIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "run_id"], name="one_run_of_an_id"),
            models.UniqueConstraint(fields=["experiment", "number"], name="one_run_of_a_number"),
        ]
        indexes = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="runs_newest"),
            models.Index(fields=["experiment", "-created_at", "-id"], name="runs_of_experiment"),
            models.Index(fields=["workspace", "status"], name="runs_by_status"),
            models.Index(
                fields=["status"], condition=~Q(status__in=["Completed", "Failed", "Canceled"]), name="runs_active"
            ),
        ]

    def __str__(self):
        return self.display_name

    def get_absolute_url(self):
        return reverse("runs:run_detail", args=[self.workspace.slug, self.run_id])

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def storage_area(self) -> str:
        return f"{self.workspace.storage_area}/runs/{self.pk}"


class RunEvent(models.Model):
    """When a run reached each state, and why."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="events")
    status = models.CharField(max_length=16, choices=Run.Status)
    at = models.DateTimeField(default=timezone.now)
    message = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self):
        return self.status


class RunTag(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="tag_rows")
    name = models.CharField(max_length=256)
    value = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_tag_of_a_name")]
        ordering = ["name"]

    def __str__(self):
        return f"{self.name} : {self.value}"


class RunParameter(models.Model):
    """Written once."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="parameter_rows")
    name = models.CharField(max_length=256)
    value = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_parameter_of_a_name")]
        ordering = ["name"]

    def __str__(self):
        return f"{self.name} : {self.value}"


class MetricSeries(models.Model):
    """All that lists and sorts need of one metric of one run, kept at ingest so that they never touch points."""

    class Kind(models.TextChoices):
        SCALAR = "scalar"
        LIST = "list"
        TABLE = "table"
        IMAGE = "image"
        CONFUSION_MATRIX = "confusion_matrix"
        RESIDUALS = "residuals"
        PREDICTIONS = "predictions"
        ACCURACY_TABLE = "accuracy_table"

    class Values(models.TextChoices):
        INT = "int"
        FLOAT = "float"
        JSON = "json"

    run = models.ForeignKey(Run, models.CASCADE, related_name="metrics")
    name = models.CharField(max_length=256)
    kind = models.CharField(max_length=20, choices=Kind)
    # How values are packed: numbers column-wise, anything else as JSON rows.
    values = models.CharField(max_length=5, choices=Values, default=Values.FLOAT)
    count = models.PositiveBigIntegerField(default=0)
    # Of the numbers among the values; a NaN is never the least, the most or the last.
    last = models.FloatField(null=True)
    last_step = models.BigIntegerField(null=True)
    last_at = models.DateTimeField(null=True)
    least = models.FloatField(null=True)
    least_step = models.BigIntegerField(null=True)
    most = models.FloatField(null=True)
    most_step = models.BigIntegerField(null=True)
    first_step = models.BigIntegerField(null=True)
    # The last value as text, for values that are not numbers (texts, truths, artifact addresses).
    shown = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_series_of_a_name")]
        indexes = [models.Index(fields=["name", "last"], name="series_by_last")]
        ordering = ["pk"]

    def __str__(self):
        return self.name


class MetricChunk(models.Model):
    """Points of a series, packed; `start` is the ordinal of the first. Small chunks are merged as they pile up."""

    series = models.ForeignKey(MetricSeries, models.CASCADE, related_name="chunks")
    start = models.PositiveBigIntegerField()
    count = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "start"], name="one_chunk_at_a_place")]

    def __str__(self):
        return f"{self.series} [{self.start}, +{self.count}]"


class MetricBatch(models.Model):
    """A batch that was stored; the same id again changes nothing. Forgotten after a day."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+")
    batch_id = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "batch_id"], name="one_batch_of_an_id")]

    def __str__(self):
        return self.batch_id


class Artifact(models.Model):
    """A file of a run. Its bytes are one or more segments in storage, so that a log can grow on any storage."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="artifacts")
    path = models.CharField(max_length=1000)
    size = models.PositiveBigIntegerField(default=0)
    content_type = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "path"], name="one_artifact_of_a_path")]
        ordering = ["path"]

    def __str__(self):
        return self.path


class ArtifactSegment(models.Model):
    artifact = models.ForeignKey(Artifact, models.CASCADE, related_name="segments")
    offset = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    key = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["artifact", "offset"], name="one_segment_at_a_place")]
        ordering = ["offset"]

    def __str__(self):
        return f"{self.artifact} [{self.offset}, +{self.size}]"
