"""The filter values of a list: names, values, counts and ranges of all of its runs.

A short list is counted on request. The counts of a long one are stored in a row, which a task updates while pages show
it; before the first count, the newest runs are used.
"""

import datetime as dt
import itertools
import math
import time
from collections import Counter
from typing import Any

from django.db.models import Count, F, Max, Min, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from compute import notifications
from runs.models import ListFacets, MetricSeries, Run, RunParameter, RunTag
from studio.search.db_functions import AsNumber

# Lists of at most so many runs are counted at once.
SHORT = 3_000
# In a longer list only the newest runs are counted at once. Properties are read of the newest alone: they are whole documents.
NEWEST = 200
MAX_AGE = dt.timedelta(seconds=60)
# Counting takes at most this share of the time, because the control worker has other tasks.
SHARE = 0.02
# Names of each kind, and values of each name.
MAX_NAMES, MAX_VALUES = 500, 20
TASK = "runs.tasks.count_facets"
ATTRIBUTES = {
    "status": "status",
    "type": "run_type",
    "by": "created_by__username",
    "target": "target_name",
    "experiment": "experiment__name",
}


def read_facets(scope, workspace, experiment) -> dict:
    """The facets of `scope`, all runs of the list; `is_partial` if they are of the newest runs only."""
    if len(scope.order_by().values_list("pk", flat=True)[: SHORT + 1]) <= SHORT:
        return count_facets(scope)
    row, is_new = ListFacets.objects.get_or_create(workspace=workspace, experiment=experiment)
    max_age = max(MAX_AGE, dt.timedelta(seconds=row.content.get("seconds", 0) / SHARE))
    if is_new or row.counted_at is None or row.counted_at < timezone.now() - max_age:
        if not row.is_wanted:
            ListFacets.objects.filter(pk=row.pk).update(is_wanted=True)
        notifications.notify_control(TASK)
    if row.counted_at is not None:
        return row.content
    newest = list(scope.order_by("-created_at", "-pk").values_list("pk", flat=True)[:NEWEST])
    # Runs are selected by their keys alone: with the conditions of the list SQLite would read all of its runs for each count.
    return {**count_facets(Run.objects.filter(pk__in=newest)), "is_partial": True}


def count_wanted() -> None:
    """Count the lists that pages have shown."""
    for row in ListFacets.objects.filter(is_wanted=True):
        scope = Run.objects.filter(workspace=row.workspace_id, deleted_at=None)
        if row.experiment_id:
            scope = Run.objects.filter(experiment=row.experiment_id, deleted_at=None)
        # Marked first, because a page that requests them during the count may need newer ones.
        ListFacets.objects.filter(pk=row.pk).update(is_wanted=False)
        began = time.monotonic()
        content = {**count_facets(scope), "seconds": time.monotonic() - began}
        ListFacets.objects.filter(pk=row.pk).update(content=content, counted_at=timezone.now())


def count_facets(scope) -> dict:
    """As JSON: lists of [name, runs], of metrics [name, runs, lowest, greatest]; values by name as [value, runs]."""
    scope = scope.order_by()
    series = MetricSeries.objects.filter(run__in=scope, kind=MetricSeries.Kind.SCALAR).order_by()
    metrics = series.values_list("name").annotate(number=Count("pk"), low=Min("last"), high=Max("last"))
    params, tags = (rows.objects.filter(run__in=scope).order_by() for rows in (RunParameter, RunTag))
    return {
        "count": scope.count(),
        "metrics": [
            [name, number, _finite_or_none(low), _finite_or_none(high)]
            for name, number, low, high in metrics.order_by("-number", "name")[:MAX_NAMES]
        ],
        "params": _count_names(params),
        "tags": _count_names(tags),
        "properties": _property_names(scope),
        "param_values": _top_values(params),
        "tag_values": _top_values(tags),
        "param_ranges": _ranges(params),
        "attributes": {word: _count_attribute(scope, field) for word, field in ATTRIBUTES.items()},
    }


def _finite_or_none(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and math.isfinite(value) else None


def _count_names(rows) -> list[list]:
    counted = rows.values_list("name").annotate(number=Count("pk")).order_by("-number", "name")
    return [list(row) for row in counted[:MAX_NAMES]]


def _top_values(rows) -> dict[str, list[list]]:
    """The most common values of each name."""
    rank = Window(RowNumber(), partition_by="name", order_by=[F("number").desc(), F("value").asc()])
    counted = rows.values("name", "value").annotate(number=Count("pk")).annotate(rank=rank).filter(rank__lte=MAX_VALUES)
    found: Any = counted.order_by("name", "rank").values_list("name", "value", "number")
    groups = itertools.islice(itertools.groupby(found, key=lambda row: row[0]), MAX_NAMES)
    return {name: [[value, number] for _, value, number in of_name] for name, of_name in groups}


def _ranges(rows) -> dict[str, list[float]]:
    """The lowest and greatest number of each name that has several."""
    number = AsNumber("value")
    found = rows.values_list("name").annotate(low=Min(number), high=Max(number))
    return {name: [low, high] for name, low, high in found[:MAX_NAMES] if low is not None and low < high}


def _count_attribute(scope, field: str) -> list[list]:
    counted = scope.exclude(**{field: ""}).exclude(**{field: None}).values_list(field).annotate(number=Count("pk"))
    return [list(row) for row in counted.order_by("-number", field)[:MAX_VALUES]]


def _property_names(scope) -> list[str]:
    newest = scope.order_by("-created_at", "-pk").values_list("properties", flat=True)[:NEWEST]
    found = Counter(name for properties in newest for name in properties)
    return [name for name, _ in found.most_common(MAX_NAMES)]
