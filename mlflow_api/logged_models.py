"""MLflow 3's logged models: with their own files, params and metrics, created by a run or imported."""

from mlflow_api import folders, messages, model_files, validation
from mlflow_api.errors import invalid_parameter, not_found
from mlflow_api.random_names import random_name
from mlflow_api.request import MlflowRequest
from registry.models import LoggedModel
from runs import run_tokens
from runs.files import ranges
from studio.formats import to_millis

MAX_PARAM, MAX_TAG = 6_000, 8_000
NUMBERS = {"1": "PENDING", "2": "READY", "3": "UPLOAD_FAILED"}


def logged_model_message(row: LoggedModel) -> dict:
    info = {
        "model_id": row.model_id,
        "experiment_id": str(row.experiment_uuid),
        "name": row.name,
        "creation_timestamp_ms": to_millis(row.created_at),
        "last_updated_timestamp_ms": to_millis(row.updated_at),
        "artifact_uri": model_files.artifact_uri(row),
        "status": row.status,
        "model_type": row.model_type,
        "source_run_id": row.source_run_id,
        "tags": messages.key_value_list(row.tags.items()),
    }
    data = {"params": messages.key_value_list(row.params.items()), "metrics": row.metrics}
    return {"info": _drop_empty(info), "data": _drop_empty(data)}


def _drop_empty(message: dict) -> dict:
    return {name: value for name, value in message.items() if value not in ("", [])}


def create(request: MlflowRequest) -> dict:
    request.require("log")
    experiment = request.experiment()
    fields = request.fields
    if experiment.deleted_at:
        raise invalid_parameter(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. Current state is deleted."
        )
    run_id = validation.check_value(fields.text("source_run_id", ""), "Source run id", validation.MAX_RUN_ID)
    if request.actor.is_run and run_id:
        request.open_run(run_id)
    made = LoggedModel.objects.log(
        request.actor,
        experiment,
        source_run_id=run_id,
        name=_check_name(fields.text("name", "")),
        model_type=validation.check_value(fields.text("model_type", ""), "Model type", 500),
        params=_check_pairs(fields.pairs("params"), "Param", MAX_PARAM),
        tags=_check_pairs(fields.pairs("tags"), "Tag", MAX_TAG),
    )
    return {"model": logged_model_message(made)}


def _check_name(name: str) -> str:
    if not name:
        return random_name()
    if any(character in name for character in "/:.%\"'"):
        raise invalid_parameter(f"Invalid model name ('{name[:100]}'). It cannot be empty or contain / : . % \" '.")
    return validation.check_value(validation.check_visible_name(name, "Model name"), "Model name", 500)


def _check_pairs(pairs, what: str, max_length: int) -> dict:
    return {
        validation.check_key(key, what): validation.check_value(value, f"{what} value of '{key}'", max_length)
        for key, value in pairs
    }


def get(request: MlflowRequest, model_id: str) -> dict:
    return {"model": logged_model_message(model_files.find_model(request, model_id))}


def finalize(request: MlflowRequest, model_id: str) -> dict:
    row = model_files.find_writable(request, model_id)
    status = request.fields.word("status")
    row.finalize("LOGGED_MODEL_" + NUMBERS.get(status, status).removeprefix("LOGGED_MODEL_"))
    return {"model": logged_model_message(row)}


def delete(request: MlflowRequest, model_id: str) -> dict:
    request.require("edit")
    row = model_files.find_model(request, model_id)
    row.move_to_trash()
    return {}


def set_tags(request: MlflowRequest, model_id: str) -> dict:
    given = _check_pairs(request.fields.pairs("tags"), "Tag", MAX_TAG)
    row = model_files.find_writable(request, model_id)
    row.set_tags(given)
    return {"model": logged_model_message(row)}


def delete_tag(request: MlflowRequest, model_id: str, key: str) -> dict:
    row = model_files.find_writable(request, model_id)
    if key not in row.tags:
        raise not_found(f"No tag with key {key!r} found for model with ID {model_id!r}.")
    row.remove_tag(key)
    return {}


def log_params(request: MlflowRequest, model_id: str) -> dict:
    given = _check_pairs(request.fields.pairs("params"), "Param", MAX_PARAM)
    row = model_files.find_writable(request, model_id)
    row.add_params(given)
    return {}


def add_metrics_to_models(request: MlflowRequest, run_id: str, points: list[tuple[str, dict]]) -> None:
    """Metrics that a run logged for models: (model id, point)."""
    for model_id in dict.fromkeys(model_id for model_id, _ in points):
        model = model_files.find_model(request, model_id)
        # The run has the point; another run's model, which a script may evaluate, is not changed.
        if run_tokens.is_made_by(request.actor, model):
            model.add_metrics(run_id, [point for other, point in points if other == model_id])


def listing(request: MlflowRequest, model_id: str) -> dict:
    row = model_files.find_model(request, model_id)
    folder = folders.checked_folder(request.fields.text("artifact_directory_path", ""))
    found = model_files.list_folder(row, folder)
    for item in found if folder else []:
        item["path"] = f"{folder}/{item['path']}"
    return {"root_uri": model_files.artifact_uri(row), **({"files": found} if found else {})}


def download(request: MlflowRequest, model_id: str) -> ranges.Answer:
    """The URL by which MLflow's page shows a file of a model."""
    path = folders.check_relative_path(request.fields.text("artifact_file_path"))
    return model_files.answer_file(request, model_files.find_model(request, model_id), path)
