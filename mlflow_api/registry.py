"""Messages, names, tags and lookups of registered models and versions."""

from mlflow_api import messages, validation
from mlflow_api.errors import invalid_parameter, not_found
from mlflow_api.request import MlflowRequest
from registry.models import Model, ModelVersion
from runs import run_tokens
from studio import numbers
from studio.formats import to_millis

MAX_TAG, MAX_DESCRIPTION = 100_000, 5_000
MAX_VERSION = 10**9
# MLflow stores prompts as registered models with this tag; a search returns them only if it asks for them.
PROMPT = "mlflow.prompt.is_prompt"
NO_PROMPT = f"tag.`{PROMPT}` != 'true'"


def registered_model_message(row: Model) -> dict:
    message = {
        "name": row.name,
        "creation_timestamp": to_millis(row.created_at),
        "last_updated_timestamp": to_millis(row.updated_at),
        "description": row.description,
        "latest_versions": [model_version_message(version, row) for version in row.latest_versions()],
        "tags": messages.key_value_list(row.tags.items()),
        "aliases": [{"alias": alias, "version": str(number)} for alias, number in row.aliases.items()],
    }
    return {name: value for name, value in message.items() if value not in ("", [])}


def model_version_message(row: ModelVersion, model: Model) -> dict:
    message = {
        "name": model.name,
        "version": str(row.number),
        "creation_timestamp": to_millis(row.created_at),
        "last_updated_timestamp": to_millis(row.updated_at),
        "current_stage": row.stage,
        "description": row.description,
        "source": row.source,
        "run_id": row.source_run_id,
        "run_link": row.run_link,
        "model_id": row.logged_model.model_id if row.logged_model else "",
        "status": "READY",
        "tags": messages.key_value_list(row.tags.items()),
        "aliases": [alias for alias, number in model.aliases.items() if number == row.number],
    }
    # MLflow's server includes an empty description for versions only.
    return {name: value for name, value in message.items() if value not in ("", []) or name == "description"}


def find_model(request: MlflowRequest, verb: str = "read") -> Model:
    workspace = request.require(verb)
    name = checked_name(request.fields.text("name", empty=True))
    found = Model.objects.present().filter(workspace=workspace, name=name).first()
    if found is None:
        raise not_found(f"Registered Model with name={name} not found")
    return found


def find_writable(request: MlflowRequest) -> Model:
    """A model that the actor may change; a run token only what it created."""
    model = find_model(request, "register")
    run_tokens.check_made(request.actor, model)
    return model


def checked_name(name: str, what: str = "Registered model") -> str:
    if not name.strip():
        raise invalid_parameter(f"{what} name cannot be empty.")
    if any(character in name for character in "/:") or name in (".", ".."):
        raise invalid_parameter(
            f"Invalid name: '{name[:100]}'. {what} name cannot contain '/' or ':', and cannot be '.' or '..'."
        )
    return validation.check_value(name, f"{what} name", 255)


def parse_version(text: str) -> int:
    number = numbers.int_or_none(text)
    if number is None or not 0 <= number <= MAX_VERSION:
        raise invalid_parameter(f"Parameter 'version' must be an integer, got '{text[:50]}'.")
    return number


def find_version(request: MlflowRequest, verb: str = "read") -> ModelVersion:
    model = find_model(request, verb)
    return find_version_of(model, parse_version(request.fields.text("version")))


def find_writable_version(request: MlflowRequest) -> ModelVersion:
    """A version that the actor may change."""
    version = find_version(request, "register")
    run_tokens.check_made(request.actor, version)
    return version


def find_version_of(model: Model, number: int) -> ModelVersion:
    found = model.versions.present().select_related("logged_model", "run").filter(number=number).first()
    if found is None:
        raise not_found(f"Model Version (name={model.name}, version={number}) not found")
    found.model = model
    return found


def read_description(request: MlflowRequest) -> str:
    return validation.check_value(request.fields.text("description", ""), "Description", MAX_DESCRIPTION)


def checked_tag(key: str, value: str) -> tuple[str, str]:
    return validation.check_key(key, "Tag"), validation.check_value(value, f"Tag value of '{key}'", MAX_TAG)


def without_prompts(text: str) -> str:
    if PROMPT in text:
        return text
    return f"({text}) AND {NO_PROMPT}" if text.strip() else NO_PROMPT


def parse_stage(word: str) -> str:
    for stage in ModelVersion.Stage.values:
        if word.lower() == stage.lower():
            return stage
    raise invalid_parameter(
        f"Invalid Model Version stage: {word[:50]}. Value must be one of {', '.join(ModelVersion.Stage.values)}."
    )


def set_tag(request: MlflowRequest, row: Model | ModelVersion) -> dict:
    row.set_tag(*checked_tag(request.fields.text("key", empty=True), request.fields.text("value", "", empty=True)))
    return {}


def delete_tag(request: MlflowRequest, row: Model | ModelVersion) -> dict:
    """A missing tag is no error, as in MLflow."""
    row.remove_tag(validation.check_key(request.fields.text("key", empty=True), "Tag"))
    return {}
