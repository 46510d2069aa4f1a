"""The data sets that a run read, as MLflow's clients report them."""

from django.db import models


class RunDatasetQuerySet(models.QuerySet):
    def add(self, rows: list["RunDataset"]):
        """An existing link of the run stays unchanged."""
        self.bulk_create(rows, ignore_conflicts=True)  # type: ignore[arg-type]  # the stubs do not learn the model here


class RunDataset(models.Model):
    """A data set that a run read. The description comes from the client; nothing is fetched."""

    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=500)
    digest = models.CharField(max_length=36)
    source_type = models.TextField(blank=True)
    source = models.TextField(blank=True)
    schema = models.TextField(blank=True)
    profile = models.TextField(blank=True)
    # What it was used for, e.g. training; also among the tags.
    context = models.CharField(max_length=500, blank=True)
    tags = models.JSONField(default=dict)

    objects = RunDatasetQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name", "digest"], name="one_dataset_of_a_digest")]
        indexes = [models.Index(fields=["name", "digest"], name="datasets_by_name")]
        ordering = ["pk"]

    def __str__(self):
        return f"{self.name} ({self.digest})"
