"""Searching runs and experiments, page by page."""

from typing import Any

from mlflow_api import messages, page_tokens, run_messages
from mlflow_api.errors import invalid_parameter
from mlflow_api.request import MlflowRequest
from runs.models import Experiment
from runs.search import Search
from studio.search.conditions import Rows

MAX_RESULTS = 50_000
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


def runs(request: MlflowRequest) -> dict:
    fields = request.fields
    max_results, start = page_tokens.requested_page(fields, 1000, MAX_RESULTS)
    view = _view(request)
    found = request.runs().filter(experiment__in=request.experiments())
    if view != ALL:
        found = found.filter(deleted_at__isnull=view == ACTIVE)
    keys, more = Search(found, fields.text("filter", ""), fields.texts("order_by")).page(start, max_results)
    answer: dict[str, Any] = {"runs": run_messages.messages_of_keys(keys)} if keys else {}
    if more:
        answer["next_page_token"] = page_tokens.make_token(start + max_results)
    return answer


def _view(request: MlflowRequest) -> str:
    name = "run_view_type" if "run_view_type" in request.fields else "view_type"
    word = request.fields.word(name, ACTIVE)
    word = VIEWS.get(word, word)
    if word not in VIEWS.values():
        raise invalid_parameter(
            f"Invalid value {word!r} for parameter '{name}' supplied: write one of {', '.join(VIEWS.values())}."
        )
    return word


def experiments(request: MlflowRequest) -> dict:
    request.default_experiment()
    fields = request.fields
    max_results, start = page_tokens.requested_page(fields, 1000, MAX_RESULTS)
    view = _view(request)
    found = Experiment.objects.filter(workspace=request.require("read"))
    if view != ALL:
        found = found.filter(deleted_at__isnull=view == ACTIVE)
    found = EXPERIMENTS.find(found, fields.text("filter", ""), fields.texts("order_by"), ["-created_at", "-pk"])
    return page_message(found, start, max_results, "experiments", messages.experiment_message)


def page_message(found, start: int, max_results: int, name: str, message_of) -> dict:
    rows = list(found[start : start + max_results + 1])
    answer: dict[str, Any] = {name: [message_of(row) for row in rows[:max_results]]} if rows[:max_results] else {}
    if len(rows) > max_results:
        answer["next_page_token"] = page_tokens.make_token(start + max_results)
    return answer
