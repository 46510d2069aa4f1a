"""Experiments in MLflow's API. MLflow's `deleted` is the trash."""

from mlflow_api import messages, validation
from mlflow_api.errors import MlflowError, invalid_parameter, not_found
from mlflow_api.request import MlflowRequest
from runs.models import Experiment
from runs.models.experiments import DEFAULT_NAME
from studio.errors import Conflict

MAX_TAG = 20_000


def create(request: MlflowRequest) -> dict:
    workspace = request.require("edit")
    name = validation.check_experiment_name(request.fields.text("name", empty=True))
    validation.check_artifact_location(request.fields.text("artifact_location", ""))
    tags = dict(_check_tag(key, value) for key, value in request.fields.pairs("tags"))
    try:
        made = Experiment.objects.make(
            request.actor, workspace, name, description=tags.pop(messages.NOTE, ""), tags=tags
        )
    except Conflict as error:
        there = Experiment.objects.present().filter(workspace=workspace, name=name).exists()
        state = "" if there else " in deleted state. Restore it, delete it permanently, or choose another name"
        raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists{state}.") from error
    return {"experiment_id": str(made.experiment_id)}


def get(request: MlflowRequest) -> dict:
    return {"experiment": messages.experiment_message(request.experiment())}


def get_by_name(request: MlflowRequest) -> dict:
    name = request.fields.text("experiment_name")
    found = Experiment.objects.filter(workspace=request.require("read"), name=name).first()
    if found is None and name == DEFAULT_NAME:
        found = request.default_experiment()
    if found is None:
        raise not_found(f"Could not find experiment with name '{name}'")
    return {"experiment": messages.experiment_message(found)}


def update(request: MlflowRequest) -> dict:
    experiment = request.open_experiment()
    name = validation.check_experiment_name(request.fields.text("new_name"))
    try:
        experiment.rename(name)
    except Conflict as error:
        raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists.") from error
    return {}


def delete(request: MlflowRequest) -> dict:
    """Its runs are deleted and restored with it."""
    request.require("edit")
    experiment = request.experiment()
    if experiment.name == DEFAULT_NAME:
        raise invalid_parameter(
            "Cannot delete the default experiment 'Default'. Runs without an experiment belong to it."
        )
    if experiment.deleted_at:
        raise not_found(f"No active Experiment with id={experiment.experiment_id} exists")
    experiment.delete(supervised_only=True)
    return {}


def restore(request: MlflowRequest) -> dict:
    request.require("edit")
    experiment = request.experiment()
    if not experiment.deleted_at:
        raise not_found(f"No deleted Experiment with id={experiment.experiment_id} exists")
    experiment.restore()
    return {}


def set_tag(request: MlflowRequest) -> dict:
    experiment = request.open_experiment()
    key, value = _check_tag(request.fields.text("key", empty=True), request.fields.text("value", empty=True))
    if key == messages.NOTE:
        experiment.set_description(value)
    else:
        experiment.set_tag(key, value)
    return {}


def delete_tag(request: MlflowRequest) -> dict:
    experiment = request.open_experiment()
    key = request.fields.text("key")
    if key == messages.NOTE and experiment.description:
        experiment.set_description("")
    elif key in experiment.tags:
        experiment.remove_tag(key)
    else:
        raise not_found(f"No tag with name: {key} in experiment with id {experiment.experiment_id}")
    return {}


def _check_tag(key: str, value: str) -> tuple[str, str]:
    return validation.check_key(key, "Tag"), validation.check_value(value, "Tag value", MAX_TAG)
