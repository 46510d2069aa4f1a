"""Searching runs and experiments, page by page."""

import functools
from typing import Any

from mlflow_api import messages, page_tokens, run_messages
from mlflow_api.errors import invalid_parameter
from mlflow_api.request import MlflowRequest
from runs.models import Experiment, Run
from runs.search import Search, take_page
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
    text, orders = fields.text("filter", ""), fields.texts("order_by")
    experiments = tuple(experiment.pk for experiment in request.experiments())
    if request.actor.is_run:
        keys, more = _search(request.runs(), experiments, view, text, orders).page(start, max_results)
    else:
        compiled = _compiled(request.require("read").pk, experiments, view, text, tuple(orders))
        keys, more = take_page(compiled, start, max_results)
    answer: dict[str, Any] = {"runs": run_messages.messages_of_keys(keys)} if keys else {}
    if more:
        answer["next_page_token"] = page_tokens.make_token(start + max_results)
    return answer


@functools.lru_cache(maxsize=256)
def _compiled(workspace_id: int, experiments: tuple[int, ...], view: str, text: str, orders: tuple[str, ...]) -> list:
    """Cached for repeated queries: a page that follows a sweep, or a script that looks for the best run so far."""
    return _search(Run.objects.filter(workspace=workspace_id), experiments, view, text, list(orders)).compiled()


def _search(runs, experiments: tuple[int, ...], view: str, text: str, orders: list[str]) -> Search:
    found = runs.filter(experiment__in=experiments)
    return Search(found if view == ALL else found.filter(deleted_at__isnull=view == ACTIVE), text, orders)


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
