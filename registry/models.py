"""Models: what a run logged, and what was registered under a name with versions, aliases and stages."""

import uuid

from django.db import models
from django.utils import timezone

from accounts.models import User
from workspaces.models import Workspace


def new_model_id() -> str:
    return f"m-{uuid.uuid4().hex}"


class LoggedModel(models.Model):
    """A model as MLflow 3's clients log it: with files of its own, perhaps from a run."""

    class Status(models.TextChoices):
        PENDING = "LOGGED_MODEL_PENDING"
        READY = "LOGGED_MODEL_READY"
        FAILED = "LOGGED_MODEL_UPLOAD_FAILED"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="logged_models")
    model_id = models.CharField(max_length=64, unique=True, default=new_model_id)
    # Experiments and runs belong to a later room; here they are ids.
    experiment_id = models.UUIDField(db_index=True)
    source_run_id = models.CharField(max_length=256, blank=True, db_index=True)
    name = models.CharField(max_length=500)
    model_type = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=30, choices=Status, default=Status.PENDING)
    params = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    # The id of the run whose token made it; empty if a person did.
    made_by_run = models.CharField(max_length=256, blank=True)
    # Metrics that were logged for this model: [{"key", "value", "timestamp", "step", "run_id", …}], the last of each.
    metrics = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self):
        return self.name

    @property
    def storage_area(self) -> str:
        return f"{self.workspace.storage_area}/models/{self.pk}"


class ModelFile(models.Model):
    """A file of a logged model; its bytes are one object in storage."""

    model = models.ForeignKey(LoggedModel, models.CASCADE, related_name="files")
    path = models.CharField(max_length=1000)
    size = models.PositiveBigIntegerField()
    key = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "path"], name="one_model_file_of_a_path")]
        ordering = ["path"]

    def __str__(self):
        return self.path


class Model(models.Model):
    """A registered model: a name under which versions are kept."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="models")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    # Alias → number of the version.
    aliases = models.JSONField(default=dict, blank=True)
    # The id of the run whose token made it; empty if a person did.
    made_by_run = models.CharField(max_length=256, blank=True)
    version_count = models.PositiveIntegerField(
        default=0, help_text="Also the number of the newest version; none is used twice."
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_model_of_a_name")]

    def __str__(self):
        return self.name


class ModelVersion(models.Model):
    """One version of a registered model. Its files are those of a run or of a logged model, named by `source`."""

    class Stage(models.TextChoices):
        NONE = "None"
        STAGING = "Staging"
        PRODUCTION = "Production"
        ARCHIVED = "Archived"

    model = models.ForeignKey(Model, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    properties = models.JSONField(default=dict, blank=True)
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.NONE)
    source = models.TextField()
    run_id = models.CharField(max_length=256, blank=True, db_index=True)
    run_link = models.TextField(blank=True)
    # The id of the run whose token made it; empty if a person did.
    made_by_run = models.CharField(max_length=256, blank=True)
    logged_model_id = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="one_version_of_a_model_number")]

    def __str__(self):
        return f"{self.model}:{self.number}"
