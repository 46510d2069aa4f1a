"""Registered models in MLflow's API: names with versions, tags and aliases."""

import contextlib
import re

from mlflow_api import model_versions, page_tokens, registry, validation
from mlflow_api.errors import MlflowError, invalid_parameter, not_found
from mlflow_api.request import MlflowRequest
from mlflow_api.search import page_message
from registry.models import Model, ModelVersion
from studio.errors import Conflict
from studio.search.conditions import Rows

ALIAS = re.compile(r"[\w-]{1,255}", re.ASCII)
LATEST = "latest"
MODELS = Rows(
    columns={"name": ("text", "name")},
    orders={"name": "name", "timestamp": "updated_at", "last_updated_timestamp": "updated_at"},
    absent={registry.PROMPT: "false"},
)


def _make_response(row: Model) -> dict:
    return {"registered_model": registry.registered_model_message(row)}


@contextlib.contextmanager
def _name_taken(name: str):
    try:
        yield
    except Conflict as error:
        raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.") from error


def create(request: MlflowRequest) -> dict:
    workspace = request.require("register")
    name = validation.check_visible_name(
        registry.checked_name(request.fields.text("name", empty=True)), "Registered model name"
    )
    tags = dict(registry.checked_tag(key, value) for key, value in request.fields.pairs("tags"))
    with _name_taken(name):
        made = Model.objects.register(
            request.actor, workspace, name, description=registry.read_description(request), tags=tags
        )
    return _make_response(made)


def get(request: MlflowRequest) -> dict:
    return _make_response(registry.find_model(request))


def rename(request: MlflowRequest) -> dict:
    model = registry.find_model(request, "edit")
    name = validation.check_visible_name(
        registry.checked_name(request.fields.text("new_name", empty=True)), "Registered model name"
    )
    with _name_taken(name):
        model.rename(name)
    return _make_response(model)


def update(request: MlflowRequest) -> dict:
    model = registry.find_writable(request)
    model.set_description(registry.read_description(request))
    return _make_response(model)


def delete(request: MlflowRequest) -> dict:
    model = registry.find_model(request, "edit")
    model.move_to_trash(request.actor)
    return {}


def search(request: MlflowRequest) -> dict:
    fields = request.fields
    rows = Model.objects.present().filter(workspace=request.require("read")).prefetch_related("versions__logged_model")
    rows = MODELS.find(rows, registry.without_prompts(fields.text("filter", "")), fields.texts("order_by"), ["name"])
    max_results, start = page_tokens.requested_page(fields, 100, 1000)
    return page_message(rows, start, max_results, "registered_models", registry.registered_model_message)


def latest_versions(request: MlflowRequest) -> dict:
    """The newest version in each stage, or in the given stages."""
    model = registry.find_model(request)
    stages = [registry.parse_stage(word) for word in request.fields.texts("stages")] or ModelVersion.Stage.values
    found = [registry.model_version_message(row, model) for row in model.latest_versions() if row.stage in stages]
    return {"model_versions": found} if found else {}


def set_tag(request: MlflowRequest) -> dict:
    return registry.set_tag(request, registry.find_writable(request))


def delete_tag(request: MlflowRequest) -> dict:
    return registry.delete_tag(request, registry.find_writable(request))


def _read_alias(request: MlflowRequest) -> str:
    alias = request.fields.text("alias", empty=True)
    if not ALIAS.fullmatch(alias):
        raise invalid_parameter(f"Invalid alias name: '{alias[:100]}'. Use 1 to 255 letters, digits, _ and -.")
    if alias.lower() == LATEST or re.fullmatch(r"v\d+", alias, re.IGNORECASE):
        raise invalid_parameter(f"'{alias}' is reserved: it would be mistaken for a version.")
    return alias


def set_alias(request: MlflowRequest) -> dict:
    model, alias = registry.find_writable(request), _read_alias(request)
    version = registry.find_version(request, "register")
    model.set_alias(alias, version.number, request.actor)
    return {}


def delete_alias(request: MlflowRequest) -> dict:
    model, alias = registry.find_writable(request), _read_alias(request)
    model.remove_alias(alias, request.actor)
    return {}


def get_by_alias(request: MlflowRequest) -> dict:
    model, alias = registry.find_model(request), request.fields.text("alias")
    if alias.lower() == LATEST:
        newest = model.versions.present().first()
        if newest is None:
            raise not_found(f"The registered model {model.name} has no version.")
        return model_versions.version_answer(registry.find_version_of(model, newest.number))
    if alias not in model.aliases:
        raise invalid_parameter(f"Registered model alias {alias} not found.")
    return model_versions.version_answer(registry.find_version_of(model, model.aliases[alias]))
