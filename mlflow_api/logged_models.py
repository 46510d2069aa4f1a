"""MLflow 3's logged models: a model with files, params and metrics of its own, made by a run or brought from elsewhere."""

from mlflow_api import folders, messages, model_files, validation
from mlflow_api.errors import invalid, missing
from mlflow_api.random_names import made_up
from mlflow_api.request import Call
from registry.models import LoggedModel
from runs import run_tokens
from runs.files import ranges
from studio.formats import to_millis

MOST_PARAM, MOST_TAG = 6_000, 8_000
NUMBERS = {"1": "PENDING", "2": "READY", "3": "UPLOAD_FAILED"}


def shape(row: LoggedModel) -> dict:
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
        "tags": messages.keyed(row.tags.items()),
    }
    data = {"params": messages.keyed(row.params.items()), "metrics": row.metrics}
    return {"info": _filled(info), "data": _filled(data)}


def _filled(message: dict) -> dict:
    return {name: value for name, value in message.items() if value not in ("", [])}


def create(call: Call) -> dict:
    call.require("register")
    experiment = call.experiment()
    fields = call.fields
    if experiment.deleted_at:
        raise invalid(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. Current state is deleted."
        )
    run_id = validation.value(fields.text("source_run_id", ""), "Source run id", validation.MOST_RUN_ID)
    if call.actor.is_run and run_id:
        call.open_run(run_id)
    made = LoggedModel.objects.log(
        call.actor,
        experiment,
        source_run_id=run_id,
        name=_name(fields.text("name", "")),
        model_type=validation.value(fields.text("model_type", ""), "Model type", 500),
        params=_pairs(fields.pairs("params"), "Param", MOST_PARAM),
        tags=_pairs(fields.pairs("tags"), "Tag", MOST_TAG),
    )
    return {"model": shape(made)}


def _name(name: str) -> str:
    if not name:
        return made_up()
    if any(character in name for character in "/:.%\"'"):
        raise invalid(f"Invalid model name ('{name[:100]}'). It cannot be empty or contain / : . % \" '.")
    return validation.value(validation.visible(name, "Model name"), "Model name", 500)


def _pairs(pairs, what: str, most: int) -> dict:
    return {
        validation.key(key, what): validation.value(value, f"{what} value of '{key}'", most) for key, value in pairs
    }


def get(call: Call, model_id: str) -> dict:
    return {"model": shape(model_files.find(call, model_id))}


def finalize(call: Call, model_id: str) -> dict:
    row = model_files.find_own(call, model_id)
    status = call.fields.word("status")
    row.finalize("LOGGED_MODEL_" + NUMBERS.get(status, status).removeprefix("LOGGED_MODEL_"))
    return {"model": shape(row)}


def delete(call: Call, model_id: str) -> dict:
    call.require("edit")
    row = model_files.find(call, model_id)
    row.move_to_trash()
    return {}


def set_tags(call: Call, model_id: str) -> dict:
    given = _pairs(call.fields.pairs("tags"), "Tag", MOST_TAG)
    row = model_files.find_own(call, model_id)
    row.set_tags(given)
    return {"model": shape(row)}


def delete_tag(call: Call, model_id: str, key: str) -> dict:
    row = model_files.find_own(call, model_id)
    if key not in row.tags:
        raise missing(f"No tag with key {key!r} found for model with ID {model_id!r}.")
    row.remove_tag(key)
    return {}


def log_params(call: Call, model_id: str) -> dict:
    given = _pairs(call.fields.pairs("params"), "Param", MOST_PARAM)
    row = model_files.find_own(call, model_id)
    row.add_params(given)
    return {}


def note_metrics(call: Call, run_id: str, points: list[tuple[str, dict]]) -> None:
    """Metrics that a run logged for models: (model id, point)."""
    for model_id in dict.fromkeys(model_id for model_id, _ in points):
        model = model_files.find(call, model_id)
        # The run has the point; the model of somebody else, which a script may evaluate, is left as it is.
        if run_tokens.made(call.actor, model):
            model.add_metrics(run_id, [point for other, point in points if other == model_id])


def listing(call: Call, model_id: str) -> dict:
    row = model_files.find(call, model_id)
    folder = call.fields.text("artifact_directory_path", "").strip("/")
    found = model_files.level(row, folder)
    for item in found if folder else []:
        item["path"] = f"{folder}/{item['path']}"
    return {"root_uri": model_files.artifact_uri(row), **({"files": found} if found else {})}


def download(call: Call, model_id: str) -> ranges.Answer:
    """MLflow's page shows a file of a model by this address."""
    path = folders.checked(call.fields.text("artifact_file_path"))
    return model_files.answer_file(call, model_files.find(call, model_id), path)
