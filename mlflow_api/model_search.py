"""Searching logged models. Their metrics are in JSON columns, so conditions on metrics are checked in Python."""

import math
import operator
from typing import Any

from django.db.models import Q

from mlflow_api import logged_models, page_tokens
from mlflow_api.errors import invalid_parameter
from mlflow_api.request import MlflowRequest
from mlflow_api.request_fields import Fields
from mlflow_api.search import page_message
from registry.models import LoggedModel
from studio.search.conditions import Rows
from studio.search.grammar import Clause


def _is_equal(value: float, other: float) -> bool:
    """NaN equals NaN here, so that a filter can find it, as for runs."""
    return value == other or (math.isnan(value) and math.isnan(other))


COMPARED = {
    "=": _is_equal,
    "!=": lambda value, other: not _is_equal(value, other),
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class Models(Rows):
    """Models and their metrics, limited to some data sets if given."""

    def find_measured(self, rows, text: str, datasets: list[tuple[str, str]]):
        self.rows, self.datasets = rows, datasets
        return self.find(rows, text, [], [])

    def _make_condition(self, tree) -> Q:
        if not isinstance(tree, Clause) or tree.entity not in ("metric", "metrics"):
            return super()._make_condition(tree)
        compare = COMPARED.get(tree.operator)
        value = math.nan if str(tree.value).lower() == "nan" else tree.value
        if (
            compare is None
            or not isinstance(value, int | float)
            or (math.isnan(value) and tree.operator not in ("=", "!="))
        ):
            raise tree.make_operator_error(f"a metric is a number; compare it by {', '.join(COMPARED)}, without quotes")

        def meets_condition(item: dict) -> bool:
            return item["key"] == tree.key and compare(float(item["value"]), value) and _is_of(item, self.datasets)

        return Q(pk__in=[row.pk for row in self.rows if any(map(meets_condition, row.metrics))])


def _is_of(metric: dict, datasets: list[tuple[str, str]]) -> bool:
    """A data set without a digest means all with its name."""
    name, digest = metric.get("dataset_name"), metric.get("dataset_digest")
    return not datasets or any(name == wanted and wanted_digest in ("", digest) for wanted, wanted_digest in datasets)


ORDERS = {
    "name": "name",
    "model_id": "model_id",
    **dict.fromkeys(["creation_timestamp", "creation_time"], "created_at"),
    **dict.fromkeys(["last_updated_timestamp", "last_updated_time"], "updated_at"),
}
FIELDS: dict[str, Any] = {
    "columns": {
        "name": ("text", "name"),
        "status": ("status", "status"),
        "source_run_id": ("text", "source_run_id"),
        "model_id": ("text", "model_id"),
        "model_type": ("text", "model_type"),
        **dict.fromkeys(["creation_timestamp", "creation_time"], ("time", "created_at")),
        **dict.fromkeys(["last_updated_timestamp", "last_updated_time"], ("time", "updated_at")),
    },
    "orders": ORDERS,
    "json": {"param": "params", "params": "params"},
}


def search(request: MlflowRequest) -> dict:
    fields = request.fields
    workspace = request.require("read")
    max_results, start = page_tokens.requested_page(fields, 50, 1000)
    rows = LoggedModel.objects.present().filter(workspace=workspace, experiment__in=request.experiments())
    datasets = [_dataset(item) for item in fields.objects("datasets")]
    rows = Models(**FIELDS).find_measured(rows, fields.text("filter", ""), datasets)
    rows, by_metric = _ordered(rows, fields.objects("order_by"))
    if datasets:
        rows = [row for row in rows if any(_is_of(item, datasets) for item in row.metrics)]
    if by_metric:
        rows = sorted(rows, key=_metric_key(*by_metric))
    return page_message(rows, start, max_results, "models", logged_models.logged_model_message)


def _dataset(item: Fields) -> tuple[str, str]:
    return item.text("dataset_name"), item.text("dataset_digest", "")


def _ordered(rows, orders):
    keys = []
    for order in orders:
        name, ascending = order.text("field_name"), order.boolean("ascending", True)
        entity, period, key = name.partition(".")
        if entity in ("metric", "metrics") and period:
            return rows, (key, ascending, order.text("dataset_name", ""), order.text("dataset_digest", ""))
        column = ORDERS.get(key if entity in ("attribute", "attributes") else name)
        if column is None:
            raise invalid_parameter(f"Invalid order_by field '{name}': write metrics.x or one of {', '.join(ORDERS)}.")
        keys.append(column if ascending else f"-{column}")
    return rows.order_by(*keys, "-created_at", "-pk"), None


def _metric_key(key: str, ascending: bool, dataset: str, digest: str):
    def sort_key(row: LoggedModel):
        values = [
            float(item["value"])
            for item in row.metrics
            if item["key"] == key
            and dataset in ("", item.get("dataset_name"))
            and digest in ("", item.get("dataset_digest"))
        ]
        if not values or math.isnan(values[-1]):
            # As for runs: after all numbers, first NaN, then models without a value.
            return (2 if not values else 1, 0.0)
        return (0, values[-1] if ascending else -values[-1])

    return sort_key
