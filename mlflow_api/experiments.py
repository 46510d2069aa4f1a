"""Experiments in MLflow's words. Its `deleted` is our trash."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from mlflow_api import messages, validation
from mlflow_api.errors import MlflowError, invalid, missing
from mlflow_api.request import DEFAULT_NAME, Call
from runs.models import Experiment

MOST_TAG = 20_000


def create(call: Call) -> dict:
    workspace = call.require("edit")
    name = validation.experiment_name(call.fields.text("name", empty=True))
    validation.artifact_location(call.fields.text("artifact_location", ""))
    tags = dict(_tag(key, value) for key, value in call.fields.pairs("tags"))
    try:
        with transaction.atomic():
            made = Experiment.objects.create(
                workspace=workspace,
                name=name,
                description=tags.pop(messages.NOTE, ""),
                tags=tags,
                created_by=call.actor.user,
            )
    except IntegrityError as error:
        there = Experiment.objects.filter(workspace=workspace, name=name, deleted_at=None).exists()
        state = "" if there else " in deleted state. Restore it, delete it for ever, or choose another name"
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
        with transaction.atomic():
            Experiment.objects.filter(pk=experiment.pk).update(name=name, updated_at=timezone.now())
    except IntegrityError as error:
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
        Experiment.objects.filter(pk=experiment.pk).update(description=value, updated_at=timezone.now())
    else:
        _change_tags(experiment, lambda tags: tags | {key: value})
    return {}


def delete_tag(call: Call) -> dict:
    experiment = call.open_experiment()
    key = call.fields.text("key")
    if key == messages.NOTE and experiment.description:
        Experiment.objects.filter(pk=experiment.pk).update(description="", updated_at=timezone.now())
    elif key in experiment.tags:
        _change_tags(experiment, lambda tags: {name: value for name, value in tags.items() if name != key})
    else:
        raise missing(f"No tag with name: {key} in experiment with id {experiment.experiment_id}")
    return {}


def _change_tags(experiment: Experiment, change) -> None:
    with transaction.atomic():
        row = Experiment.objects.select_for_update().get(pk=experiment.pk)
        Experiment.objects.filter(pk=row.pk).update(tags=change(row.tags), updated_at=timezone.now())


def _tag(key: str, value: str) -> tuple[str, str]:
    return validation.key(key, "Tag"), validation.value(value, "Tag value", MOST_TAG)
