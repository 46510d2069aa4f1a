"""MLflow 3's logged models: a model with files, params and metrics of its own, made by a run or brought from elsewhere."""

import json

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone

from mlflow_api import folders, messages, model_files, validation
from mlflow_api.errors import invalid, missing
from mlflow_api.random_names import made_up
from mlflow_api.request import Call
from registry.models import LoggedModel
from runs import run_tokens

MOST_PARAM, MOST_TAG = 6_000, 8_000
# MLflow's tag for the registered versions that were made from a logged model.
VERSIONS = "mlflow.modelVersions"
NUMBERS = {"1": "PENDING", "2": "READY", "3": "UPLOAD_FAILED"}


def shape(row: LoggedModel) -> dict:
    info = {
        "model_id": row.model_id,
        "experiment_id": str(row.experiment_id),
        "name": row.name,
        "creation_timestamp_ms": messages.millis(row.created_at),
        "last_updated_timestamp_ms": messages.millis(row.updated_at),
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
    made = LoggedModel.objects.create(
        workspace=call.workspace,
        experiment_id=experiment.experiment_id,
        source_run_id=run_id,
        made_by_run=call.actor.run_id,
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
    row = _changed(call, model_id)
    status = call.fields.word("status")
    status = NUMBERS.get(status, status).removeprefix("LOGGED_MODEL_")
    if f"LOGGED_MODEL_{status}" not in (LoggedModel.Status.READY, LoggedModel.Status.FAILED):
        raise invalid(
            f"Invalid model status: '{status}'. Expected statuses are LOGGED_MODEL_READY and LOGGED_MODEL_UPLOAD_FAILED."
        )
    return _updated(row, status=f"LOGGED_MODEL_{status}")


def _changed(call: Call, model_id: str) -> LoggedModel:
    return model_files.find_own(call, model_id)


def _updated(row: LoggedModel, **fields) -> dict:
    fields["updated_at"] = timezone.now()
    LoggedModel.objects.filter(pk=row.pk).update(**fields)
    for name, value in fields.items():
        setattr(row, name, value)
    return {"model": shape(row)}


def delete(call: Call, model_id: str) -> dict:
    call.require("edit")
    _updated(model_files.find(call, model_id), deleted_at=timezone.now())
    return {}


def set_tags(call: Call, model_id: str) -> dict:
    given = _pairs(call.fields.pairs("tags"), "Tag", MOST_TAG)
    with transaction.atomic():
        row = _locked(_changed(call, model_id))
        return _updated(row, tags=row.tags | given)


def _locked(row: LoggedModel) -> LoggedModel:
    return LoggedModel.objects.select_for_update().get(pk=row.pk)


def note_version(row: LoggedModel, name: str, number: int) -> None:
    """A registered version was made from it; inside a transaction."""
    row = _locked(row)
    try:
        known = json.loads(row.tags.get(VERSIONS, "[]"))
    except (ValueError, RecursionError):
        # Anybody can set a tag to anything.
        known = []
    versions = [*(known if isinstance(known, list) else []), {"name": name, "version": number}]
    _updated(row, tags=row.tags | {VERSIONS: json.dumps(versions)})


def delete_tag(call: Call, model_id: str, key: str) -> dict:
    with transaction.atomic():
        row = _locked(_changed(call, model_id))
        if key not in row.tags:
            raise missing(f"No tag with key {key!r} found for model with ID {model_id!r}.")
        _updated(row, tags={name: value for name, value in row.tags.items() if name != key})
    return {}


def log_params(call: Call, model_id: str) -> dict:
    given = _pairs(call.fields.pairs("params"), "Param", MOST_PARAM)
    with transaction.atomic():
        row = _locked(_changed(call, model_id))
        changed = [key for key, value in given.items() if row.params.get(key, value) != value]
        if changed:
            raise invalid(f"Params are written once: {', '.join(changed)} has another value.")
        _updated(row, params=row.params | given)
    return {}


def note_metrics(call: Call, run_id: str, points: list[tuple[str, dict]]) -> None:
    """Metrics that a run logged for models: (model id, point); of each key the last is kept."""
    for model_id in dict.fromkeys(model_id for model_id, _ in points):
        model = model_files.find(call, model_id)
        if not run_tokens.made(call.actor, model):
            # The run has the point; the model of somebody else, which a script may evaluate, is left as it is.
            continue
        with transaction.atomic():
            row = _locked(model)
            kept = {(item["key"], item.get("dataset_digest")): item for item in row.metrics}
            for point in [point for other, point in points if other == model_id]:
                place = (point["key"], point.get("dataset_digest"))
                if place not in kept or (kept[place]["step"], kept[place]["timestamp"]) <= (
                    point["step"],
                    point["timestamp"],
                ):
                    kept[place] = {**point, "model_id": model_id, "run_id": run_id}
            _updated(row, metrics=list(kept.values()))


def listing(call: Call, model_id: str) -> dict:
    row = model_files.find(call, model_id)
    folder = call.fields.text("artifact_directory_path", "").strip("/")
    found = model_files.level(row, folder)
    for item in found if folder else []:
        item["path"] = f"{folder}/{item['path']}"
    return {"root_uri": model_files.artifact_uri(row), **({"files": found} if found else {})}


def download(call: Call, model_id: str) -> HttpResponse:
    """MLflow's page shows a file of a model by this address."""
    path = folders.checked(call.fields.text("artifact_file_path"))
    return model_files.answer_file(call, model_files.find(call, model_id), path)
