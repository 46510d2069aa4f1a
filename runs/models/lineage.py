"""What a run read and made beside its files, as MLflow's clients tell: data sets and logged models."""

from django.db import models


class RunDataset(models.Model):
    """A data set that a run read. The description is the client's own words; nothing of it is fetched."""

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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name", "digest"], name="one_dataset_of_a_digest")]
        indexes = [models.Index(fields=["name", "digest"], name="datasets_by_name")]
        ordering = ["pk"]

    def __str__(self):
        return f"{self.name} ({self.digest})"


class RunModel(models.Model):
    """A logged model that a run read or made."""

    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="logged_models")
    model_id = models.CharField(max_length=64, db_index=True)
    made = models.BooleanField(help_text="Made by the run; else read by it.")
    step = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "model_id", "made"], name="one_link_to_a_model")]
        ordering = ["pk"]

    def __str__(self):
        return self.model_id
