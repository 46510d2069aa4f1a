"""The tables of metrics: a series for each name in a run, its points in chunks, and the stored batches."""

from django.db import models
from django.utils import timezone


class MetricSeries(models.Model):
    """A metric of a run, with the values that lists and sorts need, so that they never read points."""

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

    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="metrics", db_index=False)
    name = models.CharField(max_length=256)
    kind = models.CharField(max_length=20, choices=Kind)
    # How values are packed: columns of numbers, or JSON rows.
    values = models.CharField(max_length=5, choices=Values, default=Values.FLOAT)
    count = models.PositiveBigIntegerField(default=0)
    # Chunks stored since the last merge.
    loose = models.PositiveIntegerField(default=0)
    # Statistics of the finite values; NaN is never the minimum or maximum. The last is the one with the greatest step,
    # then time; it is empty if that is not a number.
    last = models.FloatField(null=True)
    last_step = models.BigIntegerField(null=True)
    last_at = models.DateTimeField(null=True)
    min = models.FloatField(null=True)
    min_step = models.BigIntegerField(null=True)
    max = models.FloatField(null=True)
    max_step = models.BigIntegerField(null=True)
    first_step = models.BigIntegerField(null=True)
    # The last value as text, for values that are not numbers (texts, booleans, artifact URIs).
    shown = models.CharField(max_length=300, blank=True)
    # What the database has, for runs/metrics/sql.py.
    stored: list = []

    class Meta:
        verbose_name_plural = "metric series"
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_series_of_a_name")]
        # For lists sorted by the last, smallest or largest value.
        indexes = [
            models.Index(fields=["name", "last", "run"], name="series_by_value"),
            models.Index(fields=["name", "min", "run"], name="series_by_min"),
            models.Index(fields=["name", "max", "run"], name="series_by_max"),
        ]
        ordering = ["pk"]

    def __str__(self):
        return self.name


class MetricChunk(models.Model):
    """Points of a series, packed; `start` is the ordinal of the first. Small chunks are merged as they pile up."""

    series = models.ForeignKey(MetricSeries, models.CASCADE, related_name="chunks", db_index=False)
    start = models.PositiveBigIntegerField()
    count = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "start"], name="one_chunk_at_a_place")]

    def __str__(self):
        return f"{self.series} [{self.start}, +{self.count}]"


class DownsampledChunk(models.Model):
    """The extremes of one long chunk, so that a line of millions of points can be drawn without reading them."""

    series = models.ForeignKey(MetricSeries, models.CASCADE, related_name="downsampled_chunks", db_index=False)
    start = models.PositiveBigIntegerField()
    count = models.PositiveIntegerField()
    min_step = models.BigIntegerField()
    max_step = models.BigIntegerField()
    min_time = models.BigIntegerField()
    max_time = models.BigIntegerField()
    # Values that are not finite.
    gaps = models.PositiveIntegerField(default=0)
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "start"], name="one_downsampled_chunk_at_a_start")]

    def __str__(self):
        return f"{self.series} [{self.start}, +{self.count}]"


class MetricBatch(models.Model):
    """A stored batch; the same id again changes nothing. Deleted after a day."""

    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="+", db_index=False)
    batch_id = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name_plural = "metric batches"
        constraints = [models.UniqueConstraint(fields=["run", "batch_id"], name="one_batch_of_an_id")]

    def __str__(self):
        return self.batch_id
