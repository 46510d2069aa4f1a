"""The part of /metrics that processes count (studio/process_counters.py), and how long jobs waited in the last hour."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from compute.models import Work
from runs.models import RunEvent, RunStatus
from studio import process_counters
from studio.process_counters import BUCKETS

# The names of the labels of each counter and histogram, in the order of their values.
COUNTERS = {
    "lazuli_http_requests_total": ("route", "method", "code"),
    "lazuli_ingest_points_total": (),
    "lazuli_lease_expired_total": (),
    "lazuli_notifications_total": ("channel", "outcome"),
    "lazuli_score_requests_total": ("endpoint", "deployment", "code"),
}
HISTOGRAMS = {
    "lazuli_db_query_duration_seconds": (),
    "lazuli_gateway_upstream_duration_seconds": (),
    "lazuli_http_request_duration_seconds": ("route",),
}
HOUR = dt.timedelta(hours=1)
QUANTILES = (0.5, 0.95)
# The newest rows that are read.
MAX_ROWS = 2000
Sample = tuple[str, dict[str, str], float]


def list_counted() -> Iterator[tuple[str, str, list[Sample]]]:
    """(name, type, samples) of each metric; a sample is its whole name, labels and value."""
    counts, times, _ = process_counters.read_all()
    for name, labels in COUNTERS.items():
        series = counts.get(name, {})
        yield name, "counter", [(name, dict(zip(labels, key, strict=True)), value) for key, value in series.items()]
    for name, labels in HISTOGRAMS.items():
        samples: list[Sample] = []
        for key, values in times.get(name, {}).items():
            samples += _list_buckets(name, dict(zip(labels, key, strict=True)), values)
        yield name, "histogram", samples
    yield "lazuli_run_start_delay_seconds", "summary", _summarize("lazuli_run_start_delay_seconds", _read_delays())
    yield "lazuli_environment_build_seconds", "summary", _summarize("lazuli_environment_build_seconds", _read_builds())


def _list_buckets(name: str, labels: dict[str, str], values: list[float]) -> Iterator[Sample]:
    total = 0.0
    for limit, number in zip([*map(str, BUCKETS), "+Inf"], values[:-1], strict=True):
        total += number
        yield f"{name}_bucket", {**labels, "le": limit}, total
    yield f"{name}_sum", labels, values[-1]
    yield f"{name}_count", labels, total


def _summarize(name: str, seconds: list[float]) -> list[Sample]:
    found = sorted(seconds)
    quantiles = [(name, {"quantile": str(one)}, found[int(one * (len(found) - 1))]) for one in QUANTILES if found]
    return [*quantiles, (f"{name}_sum", {}, sum(found)), (f"{name}_count", {}, float(len(found)))]


def _read_delays() -> list[float]:
    """How long the jobs that started in the last hour were queued."""
    newest = Work.objects.exclude(claimed_at=None).order_by("-pk").values_list("queued_at", "claimed_at")
    since = timezone.now() - HOUR
    rows: Any = newest[:MAX_ROWS]
    return [max((claimed - queued).total_seconds(), 0) for queued, claimed in rows if claimed > since]


def _read_builds() -> list[float]:
    """How long the environments of jobs were prepared that were ready in the last hour."""
    rows = RunEvent.objects.filter(at__gt=timezone.now() - HOUR).order_by("-at", "-pk")
    begun: dict[Any, dt.datetime] = {}
    found = []
    for run, status, at in reversed(rows.values_list("run", "status", "at")[:MAX_ROWS]):
        if status == RunStatus.PREPARING:
            begun[run] = at
        elif run in begun and status in (RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.STARTING):
            found.append((at - begun.pop(run)).total_seconds())
    return found
