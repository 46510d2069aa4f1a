"""Logged models of MLflow 3: with their own files, params and metrics, optionally from a run."""

import json
import uuid

from django.db import models, transaction
from django.utils import timezone

from registry.models.changes import change_json, update_row, without_key
from runs.models import Experiment, Run
from studio.errors import Invalid
from studio.formats import read_json
from workspaces.models import Workspace

# MLflow's tag for the registered versions of a logged model.
VERSIONS_TAG = "mlflow.modelVersions"


def new_model_id() -> str:
    return f"m-{uuid.uuid4().hex}"


class LoggedModelQuerySet(models.QuerySet["LoggedModel"]):
    def present(self):
        """Models that are not deleted."""
        return self.filter(deleted_at=None)

    def log(self, actor, experiment: Experiment, *, source_run_id: str = "", **fields) -> "LoggedModel":
        """A new logged model, pending until it is finalized."""
        return self.create(
            workspace=experiment.workspace,
            experiment=experiment,
            experiment_uuid=experiment.experiment_id,
            run=run_named(experiment.workspace, source_run_id),
            source_run_id=source_run_id,
            made_by_run=actor.run_id,
            **fields,
        )


def run_named(workspace: Workspace, run_id: str) -> Run | None:
    return Run.objects.filter(workspace=workspace, run_id=run_id).first() if run_id else None


class LoggedModel(models.Model):
    class Status(models.TextChoices):
        PENDING = "LOGGED_MODEL_PENDING"
        READY = "LOGGED_MODEL_READY"
        FAILED = "LOGGED_MODEL_UPLOAD_FAILED"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="logged_models")
    model_id = models.CharField(max_length=64, unique=True, default=new_model_id)
    # A model with a registered version outlives its experiment and run: their ids stay, for MLflow's responses and
    # URIs. A client may also name a run of another server.
    experiment = models.ForeignKey(Experiment, models.SET_NULL, null=True, related_name="logged_models")
    experiment_uuid = models.UUIDField()
    run = models.ForeignKey(Run, models.SET_NULL, null=True, blank=True, related_name="logged_models")
    source_run_id = models.CharField(max_length=256, blank=True, db_index=True)
    name = models.CharField(max_length=500)
    model_type = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=30, choices=Status, default=Status.PENDING)
    params = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    # The id of the run whose token created it; empty if a person did.
    made_by_run = models.CharField(max_length=256, blank=True)
    # The last value of each metric of this model: [{"key", "value", "timestamp", "step", "run_id", …}].
    metrics = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = LoggedModelQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self):
        return self.name

    @property
    def storage_area(self) -> str:
        return f"{self.workspace.storage_area}/models/{self.pk}"

    def finalize(self, status: str):
        """Finalize it after its upload, successful or not."""
        if status not in (self.Status.READY, self.Status.FAILED):
            raise Invalid(
                f"Invalid model status: '{status}'. Expected statuses are {self.Status.READY} and {self.Status.FAILED}."
            )
        update_row(self, status=status)

    def move_to_trash(self):
        update_row(self, deleted_at=timezone.now())

    def set_tags(self, tags: dict):
        change_json(self, "tags", lambda stored: stored | tags)

    def remove_tag(self, key: str):
        change_json(self, "tags", lambda stored: without_key(stored, key))

    def add_params(self, params: dict):
        def added(stored: dict) -> dict:
            changed = [key for key, value in params.items() if stored.get(key, value) != value]
            if changed:
                raise Invalid(f"Params are written once: {', '.join(changed)} has another value.")
            return stored | params

        change_json(self, "params", added)

    def add_metrics(self, run_id: str, points: list[dict]):
        """Add points that a run logged for this model; the last of each key and data set is kept."""

        def merge_points(stored: list[dict]) -> list[dict]:
            kept = {(item["key"], item.get("dataset_digest")): item for item in stored}
            for point in points:
                identity = (point["key"], point.get("dataset_digest"))
                last = kept.get(identity)
                if last is None or (last["step"], last["timestamp"]) <= (point["step"], point["timestamp"]):
                    kept[identity] = {**point, "model_id": self.model_id, "run_id": run_id}
            return list(kept.values())

        change_json(self, "metrics", merge_points)

    def add_version_to_tag(self, name: str, number: int):
        """Record a version that was registered from it."""

        def added(stored: dict) -> dict:
            known: list = read_json(stored.get(VERSIONS_TAG, "[]"), [])
            versions = [*known, {"name": name, "version": number}]
            return stored | {VERSIONS_TAG: json.dumps(versions)}

        change_json(self, "tags", added)

    def put_file(self, path: str, key: str, size: int) -> list[str]:
        """Make a stored object the file at this path; returns the keys of the replaced one."""
        with transaction.atomic():
            replaced = list(self.files.filter(path=path).values_list("key", flat=True))
            self.files.filter(path=path).delete()
            self.files.create(path=path, size=size, key=key)
        return replaced


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


class RunModelQuerySet(models.QuerySet):
    def link(self, run: Run, steps: list[tuple[str, int]], *, made: bool):
        """Link models, with steps, that the run read or created; an existing link stays unchanged."""
        found = LoggedModel.objects.filter(workspace=run.workspace, model_id__in=[model_id for model_id, _ in steps])
        keys = dict(found.values_list("model_id", "pk"))
        rows = [
            RunModel(run=run, model_id=model_id, logged_model_id=keys.get(model_id), step=step, made=made)
            for model_id, step in steps
        ]
        self.bulk_create(rows, ignore_conflicts=True)  # type: ignore[arg-type]  # the stubs do not learn the model here


class RunModel(models.Model):
    """A model that a run read or created."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="model_links")
    # Null if the client named a model that is not in this workspace.
    logged_model = models.ForeignKey(LoggedModel, models.SET_NULL, null=True, blank=True, related_name="run_links")
    model_id = models.CharField(max_length=64)
    made = models.BooleanField(help_text="Created by the run; otherwise read by it.")
    step = models.BigIntegerField(default=0)

    objects = RunModelQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "model_id", "made"], name="one_link_to_a_model")]
        ordering = ["pk"]

    def __str__(self):
        return self.model_id
