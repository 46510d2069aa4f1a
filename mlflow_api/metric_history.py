"""All points of a metric: in pages, of many runs at once, or downsampled."""

import json

import numpy as np
from django.http import HttpResponse

from mlflow_api import messages, page_tokens
from mlflow_api.errors import invalid_parameter
from mlflow_api.request import MlflowRequest
from runs import metrics
from runs.metrics.packing import as_floats, as_list
from runs.models import MetricSeries

MAX_POINTS = 25_000
MAX_RUNS = 100
MAX_INTERVAL = 2_500


def get(request: MlflowRequest) -> HttpResponse:
    key = request.fields.text("metric_key")
    max_results = request.fields.integer("max_results", 0)
    if "max_results" in request.fields and not max_results > 0:
        raise invalid_parameter(
            f"Invalid value {max_results} for parameter 'max_results' supplied: write a number from 1 to {MAX_POINTS}."
        )
    start = page_tokens.parse_token(request.fields.text("page_token", ""))
    steps, times, values = _read_sorted(messages.numeric_series().filter(run=request.run(), name=key).first())
    # Without a limit, MLflow's clients expect all points.
    end = start + min(max_results, MAX_POINTS) if max_results else len(steps)
    points = _write_json(key, steps[start:end], times[start:end], values[start:end])
    more = f',"next_page_token":{json.dumps(page_tokens.make_token(end))}' if end < len(steps) else ""
    return HttpResponse(f'{{"metrics":[{points}]{more}}}', content_type="application/json")


def _write_json(key: str, steps, times, values) -> str:
    """Many points as JSON, several times faster than with an object for each."""
    start = f'{{"key":{json.dumps(key)},"value":'
    finite = bool(np.isfinite(values).all())
    numbers = as_list(values) if finite else [json.dumps(messages.encode_number(value)) for value in as_list(values)]
    rows = zip(numbers, as_list(times), as_list(steps), strict=True)
    return ",".join([f'{start}{value},"timestamp":{at},"step":{step}}}' for value, at, step in rows])


def _read_sorted(series: MetricSeries | None):
    """The points of a series, sorted by time, then step, then value."""
    if series is None:
        return np.empty(0, "<i8"), np.empty(0, "<i8"), np.empty(0)
    steps, times, values = metrics.read_points(series)
    values = as_floats(values)
    return _in_order((steps, times, values), times, steps, values)


def _in_order(columns, *keys):
    """Sorted by the keys. Scripts log in order, and checking that costs a hundredth of sorting."""
    if (keys[0][1:] > keys[0][:-1]).all():
        return columns
    order = np.lexsort(keys[::-1])
    return tuple(column[order] for column in columns)


def _list_metrics(key: str, steps, times, values, **more) -> list[dict]:
    finite = bool(np.isfinite(values).all())
    numbers = as_list(values) if finite else [messages.encode_number(value) for value in as_list(values)]
    rows = zip(numbers, as_list(times), as_list(steps), strict=True)
    return [{"key": key, "value": value, "timestamp": at, "step": step, **more} for value, at, step in rows]


def read_bulk(request: MlflowRequest) -> dict:
    """The history of a metric in several runs, run by run."""
    run_ids = request.fields.texts("run_id") or request.fields.texts("run_ids")
    if not run_ids:
        raise invalid_parameter("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(run_ids) > MAX_RUNS:
        raise invalid_parameter(
            f"GetMetricHistoryBulk request cannot specify more than {MAX_RUNS} run_ids; got {len(run_ids)}."
        )
    key, max_results = (
        request.fields.text("metric_key", ""),
        min(request.fields.integer("max_results", MAX_POINTS), MAX_POINTS),
    )
    if not key:
        raise invalid_parameter("GetMetricHistoryBulk request must specify a metric_key.")
    found = []
    for run_id, series in _series_of(request, sorted(run_ids), key):
        found += _list_metrics(key, *_read_sorted(series), run_id=run_id)
        if len(found) >= max_results:
            break
    return {"metrics": found[:max_results]}


def read_bulk_interval(request: MlflowRequest) -> dict:
    """At most so many points of each run, evenly over its steps and including the last."""
    run_ids, key = _run_ids(request), request.fields.text("metric_key")
    max_results = request.fields.integer("max_results", MAX_INTERVAL)
    if not 1 <= max_results <= MAX_INTERVAL:
        raise invalid_parameter(f"max_results must be between 1 and {MAX_INTERVAL}, got {max_results}.")
    first, last = _read_interval(request)
    found = [
        (run_id, _select_interval(_by_step(series), first, last))
        for run_id, series in _series_of(request, run_ids, key)
    ]
    kept = _pick_steps(found, max_results)
    answer = []
    for run_id, (steps, times, values) in found:
        chosen = _limit_points(np.flatnonzero(np.isin(steps, kept)))
        answer += _list_metrics(key, steps[chosen], times[chosen], values[chosen], run_id=run_id)
    return {"metrics": answer}


def _read_interval(request: MlflowRequest) -> tuple[int | None, int | None]:
    fields = request.fields
    if ("start_step" in fields) != ("end_step" in fields):
        raise invalid_parameter("If either start step or end step are specified, both must be specified.")
    if "start_step" not in fields:
        return None, None
    first, last = fields.integer("start_step"), fields.integer("end_step")
    if first > last:
        raise invalid_parameter(
            f"end_step must be greater than start_step. Found start_step={first} and end_step={last}."
        )
    return first, last


def _by_step(series: MetricSeries):
    columns = _read_sorted(series)
    return _in_order(columns, columns[0], columns[1])


def _select_interval(columns, first, last):
    if first is None:
        return columns
    inside = (columns[0] >= first) & (columns[0] <= last)
    return tuple(column[inside] for column in columns)


def _pick_steps(found, max_results: int):
    """The steps to show: evenly from the steps of all runs, and the last of each run."""
    if not found:
        return np.empty(0, "<i8")
    steps = found[0][1][0] if len(found) == 1 else np.concatenate([columns[0] for _, columns in found])
    steps = steps if (steps[1:] > steps[:-1]).all() else np.unique(steps)
    if len(steps) <= max_results:
        return steps
    indexes = np.arange(max_results) * len(steps) // max_results
    return np.concatenate([steps[indexes], *[columns[0][-1:] for _, columns in found]])


def _limit_points(indexes):
    """Limits points, because any number can have the same step, e.g. those logged without one."""
    if len(indexes) <= MAX_INTERVAL:
        return indexes
    return indexes[np.arange(1, MAX_INTERVAL + 1) * len(indexes) // MAX_INTERVAL - 1]


def _run_ids(request: MlflowRequest) -> list[str]:
    run_ids = request.fields.texts("run_ids")
    if not run_ids:
        raise invalid_parameter("Missing value for required parameter 'run_ids'. Name at least one run.")
    if len(run_ids) > MAX_RUNS:
        raise invalid_parameter(
            f"GetMetricHistoryBulkInterval request must specify at most {MAX_RUNS} run_ids. Got {len(run_ids)}."
        )
    return run_ids


def _series_of(request: MlflowRequest, run_ids: list[str], key: str) -> list[tuple[str, MetricSeries]]:
    present = dict(request.runs().filter(run_id__in=run_ids).values_list("pk", "run_id"))
    rows = {present[row.run_id]: row for row in messages.numeric_series().filter(run__in=present, name=key)}
    return [(run_id, rows[run_id]) for run_id in run_ids if run_id in rows]
