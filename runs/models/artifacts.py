"""Files of runs."""

from django.db import models
from django.utils import timezone


class Artifact(models.Model):
    """A file of a run. Its bytes are one or more segments, so that a log can grow on any storage."""

    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="artifacts")
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

    @property
    def etag(self) -> str:
        return f"{self.pk}-{self.size}-{int(self.updated_at.timestamp() * 1e6):x}"


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
