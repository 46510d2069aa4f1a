"""Tags of runs. Some of MLflow's own tags are columns here: name, description and parent of a run."""

from typing import Any

from mlflow_api import messages, validation
from mlflow_api.errors import invalid_parameter
from mlflow_api.request import MlflowRequest
from runs.family_limits import check_child, list_ancestors
from runs.models import Run


def check_tag(key: str, value: str) -> str:
    validation.check_key(key, "Tag")
    return validation.check_value(value, f"Tag value of '{key}'")


def set_tag(request: MlflowRequest) -> dict:
    run_id, key = request.run_id(), request.fields.text("key", empty=True)
    value = request.fields.text("value", "", empty=True)
    store_tags(request, request.open_run(run_id), {key: value})
    return {}


def store_tags(request: MlflowRequest, run: Run, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        check_tag(key, value)
    fields: dict[str, Any] = {}
    if messages.NAME in tags:
        if not tags[messages.NAME]:
            raise invalid_parameter("A run's name cannot be empty.")
        fields["display_name"] = validation.check_value(
            validation.check_visible_name(tags[messages.NAME], "Run name"), "Run name", 256
        )
    if messages.NOTE in tags:
        fields["description"] = tags[messages.NOTE]
    parent = _find_parent(request, run, tags[messages.PARENT]) if messages.PARENT in tags else None
    if parent:
        fields["parent"], fields["root"] = parent, parent.root or parent
    columns = messages.COLUMNS if parent else messages.COLUMNS - {messages.PARENT}
    run.store_tags({key: value for key, value in tags.items() if key not in columns}, **fields)


def _find_parent(request: MlflowRequest, run: Run, run_id: str) -> Run | None:
    """The new parent; None if it does not exist, then the tag is stored as it is."""
    parent = request.own_runs().filter(run_id=run_id).select_related("root").first()
    if parent:
        if run.pk in (parent.pk, *list_ancestors(parent)):
            raise invalid_parameter(f"The run {run_id} is the run itself or descends from it; it cannot be its parent.")
        check_child(parent, run)
    return parent


def remove_tag(run: Run, key: str) -> bool:
    """False if the tag did not exist."""
    columns: dict[str, dict] = {messages.NOTE: {"description": ""}, messages.PARENT: {"parent": None, "root": None}}
    fields = columns.get(key, {})
    there = bool((key == messages.NOTE and run.description) or (key == messages.PARENT and run.parent_id))
    return run.remove_tag(key, **(fields if there else {})) or there
