"""Searching runs and experiments, page by page."""

from typing import Any

from mlflow_api import messages, page_tokens
from mlflow_api.errors import invalid
from mlflow_api.request import Call
from runs.models import Experiment
from runs.search import Search
from studio.search.conditions import Rows

MOST = 50_000
ACTIVE, DELETED, ALL = "ACTIVE_ONLY", "DELETED_ONLY", "ALL"
VIEWS = {"1": ACTIVE, "2": DELETED, "3": ALL}
EXPERIMENTS = Rows(
    columns={
        "name": ("text", "name"),
        "experiment_id": ("id", "experiment_id"),
        "creation_time": ("time", "created_at"),
        "last_update_time": ("time", "updated_at"),
    },
    orders={"name": "name", "experiment_id": "pk", "creation_time": "created_at", "last_update_time": "updated_at"},
)


def runs(call: Call) -> dict:
    fields = call.fields
    most = _most(call, 1000, MOST)
    start = page_tokens.read(fields.text("page_token", ""))
    view = _view(call)
    found = call.runs().filter(experiment__in=call.experiments())
    if view != ALL:
        found = found.filter(deleted_at__isnull=view == ACTIVE)
    rows, more = Search(found, fields.text("filter", ""), fields.texts("order_by")).page(start, most)
    answer: dict[str, Any] = {"runs": messages.runs(rows)} if rows else {}
    if more:
        answer["next_page_token"] = page_tokens.write(start + most)
    return answer


def _view(call: Call) -> str:
    name = "run_view_type" if "run_view_type" in call.fields else "view_type"
    word = call.fields.word(name, ACTIVE)
    word = VIEWS.get(word, word)
    if word not in VIEWS.values():
        raise invalid(
            f"Invalid value {word!r} for parameter '{name}' supplied: write one of {', '.join(VIEWS.values())}."
        )
    return word


def _most(call: Call, default: int, most: int) -> int:
    count = call.fields.integer("max_results", default)
    if not 0 < count <= most:
        raise invalid(
            f"Invalid value {count} for parameter 'max_results' supplied: It must be a positive integer and at most {most}."
        )
    return count


def experiments(call: Call) -> dict:
    call.default_experiment()
    fields = call.fields
    most, start = _most(call, 1000, MOST), page_tokens.read(fields.text("page_token", ""))
    view = _view(call)
    found = Experiment.objects.filter(workspace=call.require("read"))
    if view != ALL:
        found = found.filter(deleted_at__isnull=view == ACTIVE)
    found = EXPERIMENTS.find(found, fields.text("filter", ""), fields.texts("order_by"), ["-created_at", "-pk"])
    return paged(found, start, most, "experiments", messages.experiment)


def paged(found, start: int, most: int, name: str, shape) -> dict:
    rows = list(found[start : start + most + 1])
    answer: dict[str, Any] = {name: [shape(row) for row in rows[:most]]} if rows[:most] else {}
    if len(rows) > most:
        answer["next_page_token"] = page_tokens.write(start + most)
    return answer
