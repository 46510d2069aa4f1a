"""MLflow 3's logged models: a model with files, params and metrics of its own, made by a run or brought from elsewhere."""

from django.db import transaction
from django.utils import timezone

from assets.registry import LoggedModel
from runs.conditions import Rows
from runs.mlflow import limits, model_files, shapes, tokens
from runs.mlflow.calls import Call
from runs.mlflow.errors import invalid, missing
from runs.mlflow.made_up_names import made_up
from runs.models import Experiment

MOST_PARAM, MOST_TAG = 6_000, 8_000
NUMBERS = {"1": "PENDING", "2": "READY", "3": "UPLOAD_FAILED"}
FIELDS = Rows(
    columns={
        "name": ("text", "name"),
        "status": ("status", "status"),
        "source_run_id": ("text", "source_run_id"),
        "model_id": ("text", "model_id"),
        "model_type": ("text", "model_type"),
        **dict.fromkeys(["creation_timestamp", "creation_time"], ("time", "created_at")),
        **dict.fromkeys(["last_updated_timestamp", "last_updated_time"], ("time", "updated_at")),
    },
    orders={
        "name": "name",
        "model_id": "model_id",
        **dict.fromkeys(["creation_timestamp", "creation_time"], "created_at"),
        **dict.fromkeys(["last_updated_timestamp", "last_updated_time"], "updated_at"),
    },
    json={"param": "params", "params": "params"},
)


def shape(row: LoggedModel) -> dict:
    info = {
        "model_id": row.model_id,
        "experiment_id": str(row.experiment_id),
        "name": row.name,
        "creation_timestamp_ms": shapes.millis(row.created_at),
        "last_updated_timestamp_ms": shapes.millis(row.updated_at),
        "artifact_uri": model_files.artifact_uri(row),
        "status": row.status,
        "model_type": row.model_type,
        "source_run_id": row.source_run_id,
        "tags": shapes.keyed(row.tags.items()),
    }
    data = {"params": shapes.keyed(row.params.items()), "metrics": row.metrics}
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
    run_id = fields.text("source_run_id", "")
    if run_id:
        call.open_run(run_id)
    made = LoggedModel.objects.create(
        workspace=call.workspace,
        experiment_id=experiment.experiment_id,
        source_run_id=run_id,
        name=_name(fields.text("name", "")),
        model_type=limits.value(fields.text("model_type", ""), "Model type", 500),
        params=_pairs(fields.pairs("params"), "Param", MOST_PARAM),
        tags=_pairs(fields.pairs("tags"), "Tag", MOST_TAG),
    )
    return {"model": shape(made)}


def _name(name: str) -> str:
    if not name:
        return made_up()
    if any(character in name for character in "/:.%\"'"):
        raise invalid(f"Invalid model name ('{name[:100]}'). It cannot be empty or contain / : . % \" '.")
    return limits.value(name, "Model name", 500)


def _pairs(pairs, what: str, most: int) -> dict:
    return {limits.key(key, what): limits.value(value, f"{what} value of '{key}'", most) for key, value in pairs}


def get(call: Call, model_id: str) -> dict:
    return {"model": shape(model_files.find(call, model_id))}


def finalize(call: Call, model_id: str) -> dict:
    row = _changed(call, model_id)
    status = str(call.fields.data.get("status", ""))
    status = NUMBERS.get(status, status).removeprefix("LOGGED_MODEL_")
    if f"LOGGED_MODEL_{status}" not in (LoggedModel.Status.READY, LoggedModel.Status.FAILED):
        raise invalid(
            f"Invalid model status: '{status}'. Expected statuses are LOGGED_MODEL_READY and LOGGED_MODEL_UPLOAD_FAILED."
        )
    return _updated(row, status=f"LOGGED_MODEL_{status}")


def _changed(call: Call, model_id: str) -> LoggedModel:
    call.require("register")
    return model_files.find(call, model_id)


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
        with transaction.atomic():
            row = _locked(model_files.find(call, model_id))
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


def search(call: Call) -> dict:
    fields = call.fields
    workspace = call.require("read")
    most, start = fields.integer("max_results", 50), tokens.read(fields.text("page_token", ""))
    if not 0 < most <= 1000:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied: write a number from 1 to 1000.")
    experiments = Experiment.objects.filter(workspace=workspace, pk__in=[row.pk for row in _experiments(call)])
    rows = LoggedModel.objects.filter(
        workspace=workspace, deleted_at=None, experiment_id__in=experiments.values("experiment_id")
    )
    rows = FIELDS.find(rows, fields.text("filter", ""), [], [])
    rows, by_metric = _ordered(rows, fields.objects("order_by"))
    if by_metric:
        # Metrics lie in the rows, and a search gives few of them: sorted here.
        found = sorted(rows, key=_metric_key(*by_metric))[start : start + most + 1]
    else:
        found = list(rows[start : start + most + 1])
    answer = {"models": [shape(row) for row in found[:most]]} if found[:most] else {}
    return answer | ({"next_page_token": tokens.write(start + most)} if len(found) > most else {})


def _experiments(call: Call) -> list[Experiment]:
    return [call.experiment(experiment_id) for experiment_id in dict.fromkeys(call.fields.texts("experiment_ids"))]


def _ordered(rows, orders):
    keys = []
    for order in orders:
        name, ascending = order.text("field_name"), order.truth("ascending", True)
        entity, period, key = name.partition(".")
        if entity in ("metric", "metrics") and period:
            return rows, (key, ascending, order.text("dataset_name", ""), order.text("dataset_digest", ""))
        column = FIELDS.orders.get(key if entity in ("attribute", "attributes") else name)
        if column is None:
            raise invalid(f"Invalid order_by field '{name}': write metrics.x or one of {', '.join(FIELDS.orders)}.")
        keys.append(column if ascending else f"-{column}")
    return rows.order_by(*keys, "-created_at", "-pk"), None


def _metric_key(key: str, ascending: bool, dataset: str, digest: str):
    def place(row: LoggedModel):
        values = [
            float(item["value"])
            for item in row.metrics
            if item["key"] == key
            and dataset in ("", item.get("dataset_name"))
            and digest in ("", item.get("dataset_digest"))
        ]
        if not values:
            return (1, 0.0)
        return (0, values[-1] if ascending else -values[-1])

    return place
