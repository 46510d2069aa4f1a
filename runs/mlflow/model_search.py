"""Searching logged models. Their metrics lie in the rows, and a search gives few of them: those are looked at here."""

from assets.registry import LoggedModel
from runs.mlflow import logged_models, tokens
from runs.mlflow.calls import Call
from runs.mlflow.errors import invalid
from runs.mlflow.fields import Fields
from runs.mlflow.searching import paged
from runs.models import Experiment
from runs.search.conditions import Rows

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
    datasets = [_dataset(item) for item in fields.objects("datasets")]
    if datasets:
        rows = [row for row in rows if _measured_on(row, datasets)]
    if by_metric:
        rows = sorted(rows, key=_metric_key(*by_metric))
    return paged(rows, start, most, "models", logged_models.shape)


def _dataset(item: Fields) -> tuple[str, str]:
    return item.text("dataset_name"), item.text("dataset_digest", "")


def _measured_on(row: LoggedModel, datasets: list[tuple[str, str]]) -> bool:
    """Whether a metric of the model is of one of the data sets; one without a digest means all of its name."""
    there = {(item.get("dataset_name"), item.get("dataset_digest")) for item in row.metrics}
    names = {name for name, _ in there}
    return any((name, digest) in there if digest else name in names for name, digest in datasets)


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
