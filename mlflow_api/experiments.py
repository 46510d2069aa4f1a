"""Experiments in MLflow's words. Its `deleted` is our trash."""

from mlflow_api import messages, validation
from mlflow_api.errors import MlflowError, invalid, missing
from mlflow_api.request import Call
from runs.models import Experiment
from runs.models.experiments import DEFAULT_NAME
from studio.errors import Conflict

MOST_TAG = 20_000


def create(call: Call) -> dict:
    workspace = call.require("edit")
    name = validation.experiment_name(call.fields.text("name", empty=True))
    validation.artifact_location(call.fields.text("artifact_location", ""))
    tags = dict(_tag(key, value) for key, value in call.fields.pairs("tags"))
    try:
        made = Experiment.objects.make(call.actor, workspace, name, description=tags.pop(messages.NOTE, ""), tags=tags)
    except Conflict as error:
        there = Experiment.objects.present().filter(workspace=workspace, name=name).exists()
        state = "" if there else " in deleted state. Restore it, delete it permanently, or choose another name"
        raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists{state}.") from error
    return {"experiment_id": str(made.experiment_id)}


def get(call: Call) -> dict:
    return {"experiment": messages.experiment(call.experiment())}


def get_by_name(call: Call) -> dict:
    name = call.fields.text("experiment_name")
    found = Experiment.objects.filter(workspace=call.require("read"), name=name).first()
    if found is None and name == DEFAULT_NAME:
        found = call.default_experiment()
    if found is None:
        raise missing(f"Could not find experiment with name '{name}'")
    return {"experiment": messages.experiment(found)}


def update(call: Call) -> dict:
    experiment = call.open_experiment()
    name = validation.experiment_name(call.fields.text("new_name"))
    try:
        experiment.rename(name)
    except Conflict as error:
        raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists.") from error
    return {}


def delete(call: Call) -> dict:
    """Its runs go out of sight with it, and come back with it."""
    call.require("edit")
    experiment = call.experiment()
    if experiment.name == DEFAULT_NAME:
        raise invalid("Cannot delete the default experiment 'Default'. It is where runs go that name no experiment.")
    if experiment.deleted_at:
        raise missing(f"No active Experiment with id={experiment.experiment_id} exists")
    experiment.delete(supervised_only=True)
    return {}


def restore(call: Call) -> dict:
    call.require("edit")
    experiment = call.experiment()
    if not experiment.deleted_at:
        raise missing(f"No deleted Experiment with id={experiment.experiment_id} exists")
    experiment.restore()
    return {}


def set_tag(call: Call) -> dict:
    experiment = call.open_experiment()
    key, value = _tag(call.fields.text("key", empty=True), call.fields.text("value", empty=True))
    if key == messages.NOTE:
        experiment.set_description(value)
    else:
        experiment.set_tag(key, value)
    return {}


def delete_tag(call: Call) -> dict:
    experiment = call.open_experiment()
    key = call.fields.text("key")
    if key == messages.NOTE and experiment.description:
        experiment.set_description("")
    elif key in experiment.tags:
        experiment.remove_tag(key)
    else:
        raise missing(f"No tag with name: {key} in experiment with id {experiment.experiment_id}")
    return {}


def _tag(key: str, value: str) -> tuple[str, str]:
    return validation.key(key, "Tag"), validation.value(value, "Tag value", MOST_TAG)
