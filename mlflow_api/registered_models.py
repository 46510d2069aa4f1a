"""Registered models in MLflow's words: names under which versions are kept, with tags and aliases."""

import contextlib
import re

from mlflow_api import model_versions, page_tokens, registry, validation
from mlflow_api.errors import MlflowError, invalid, missing
from mlflow_api.request import Call
from mlflow_api.search import paged
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


def _answer(row: Model) -> dict:
    return {"registered_model": registry.model_shape(row)}


@contextlib.contextmanager
def _name_taken(name: str):
    try:
        yield
    except Conflict as error:
        raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.") from error


def create(call: Call) -> dict:
    workspace = call.require("register")
    name = validation.visible(registry.checked_name(call.fields.text("name", empty=True)), "Registered model name")
    tags = dict(registry.checked_tag(key, value) for key, value in call.fields.pairs("tags"))
    with _name_taken(name):
        made = Model.objects.register(call.actor, workspace, name, description=registry.description(call), tags=tags)
    return _answer(made)


def get(call: Call) -> dict:
    return _answer(registry.find(call))


def rename(call: Call) -> dict:
    model = registry.find(call, "edit")
    name = validation.visible(registry.checked_name(call.fields.text("new_name", empty=True)), "Registered model name")
    with _name_taken(name):
        model.rename(name)
    return _answer(model)


def update(call: Call) -> dict:
    model = registry.find_own(call)
    model.set_description(registry.description(call))
    return _answer(model)


def delete(call: Call) -> dict:
    model = registry.find(call, "edit")
    model.delete()
    return {}


def search(call: Call) -> dict:
    fields = call.fields
    rows = Model.objects.filter(workspace=call.require("read")).prefetch_related("versions__logged_model")
    rows = MODELS.find(rows, registry.without_prompts(fields.text("filter", "")), fields.texts("order_by"), ["name"])
    return paged(
        rows,
        page_tokens.read(fields.text("page_token", "")),
        registry.page_size(call, 100, 1000),
        "registered_models",
        registry.model_shape,
    )


def latest_versions(call: Call) -> dict:
    """The newest version in each stage, or in those that are named."""
    model = registry.find(call)
    stages = [registry.as_stage(word) for word in call.fields.texts("stages")] or ModelVersion.Stage.values
    found = [registry.version_shape(row, model) for row in model.latest_versions() if row.stage in stages]
    return {"model_versions": found} if found else {}


def set_tag(call: Call) -> dict:
    return registry.set_tag(call, registry.find_own(call))


def delete_tag(call: Call) -> dict:
    return registry.delete_tag(call, registry.find_own(call))


def _alias(call: Call) -> str:
    alias = call.fields.text("alias", empty=True)
    if not ALIAS.fullmatch(alias):
        raise invalid(f"Invalid alias name: '{alias[:100]}'. Use 1 to 255 letters, digits, _ and -.")
    if alias.lower() == LATEST or re.fullmatch(r"v\d+", alias, re.IGNORECASE):
        raise invalid(f"'{alias}' is reserved: it would be mistaken for a version.")
    return alias


def set_alias(call: Call) -> dict:
    model, alias = registry.find_own(call), _alias(call)
    version = registry.find_version(call, "register")
    model.set_alias(alias, version.number)
    return {}


def delete_alias(call: Call) -> dict:
    model, alias = registry.find_own(call), _alias(call)
    model.remove_alias(alias)
    return {}


def by_alias(call: Call) -> dict:
    model, alias = registry.find(call), call.fields.text("alias")
    if alias.lower() == LATEST:
        newest = model.versions.first()
        if newest is None:
            raise missing(f"The registered model {model.name} has no version.")
        return model_versions.answer(registry.version_of(model, newest.number))
    if alias not in model.aliases:
        raise invalid(f"Registered model alias {alias} not found.")
    return model_versions.answer(registry.version_of(model, model.aliases[alias]))
