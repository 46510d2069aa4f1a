"""Requests, failures and latencies of an endpoint: a row for each minute, filled by the gateway's reports."""

import dataclasses
import datetime as dt
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from endpoints.models import Endpoint, TrafficMinute
from runs.charts.figures import build_figure, build_trace
from studio import process_counters
from studio.gateway.meters import end_of

KEPT = dt.timedelta(days=3)
MINUTES = 60
QUANTILES = (0.5, 0.95, 0.99)
MINUTE = dt.timedelta(minutes=1)


def add_counts(endpoint: Endpoint, statuses: Mapping[str, int], buckets: Mapping[str, int], busy: float) -> None:
    minute = timezone.now().replace(second=0, microsecond=0)
    with transaction.atomic():
        row, _ = TrafficMinute.objects.select_for_update().get_or_create(endpoint=endpoint, minute=minute)
        row.statuses = _sum(row.statuses, statuses)
        row.buckets = _sum(row.buckets, buckets)
        row.busy = max(row.busy, busy)
        row.replicas = max(row.replicas, len(endpoint.current.addresses) if endpoint.current else 0)
        row.save(update_fields=["statuses", "buckets", "busy", "replicas"])
    _count(endpoint, statuses, buckets)


def _count(endpoint: Endpoint, statuses: Mapping[str, int], buckets: Mapping[str, int]) -> None:
    names = (endpoint.parent.name if endpoint.parent else endpoint.name, endpoint.name if endpoint.parent else "")
    for code, number in statuses.items():
        process_counters.count("lazuli_score_requests_total", *names, code, number=number)
    for bucket, number in buckets.items():
        seconds = end_of(int(bucket))
        process_counters.observe("lazuli_gateway_upstream_duration_seconds", seconds, number=number)


def _sum(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {key: first.get(key, 0) + second.get(key, 0) for key in {**first, **second}}


def forget_old() -> None:
    TrafficMinute.objects.filter(minute__lt=timezone.now() - KEPT).delete()


def find_quantile(buckets: Mapping[str, int], share: float) -> float | None:
    """In milliseconds, at most 19 % too long; None without requests."""
    total, seen = sum(buckets.values()), 0
    for bucket, count in sorted((int(bucket), count) for bucket, count in buckets.items()):
        seen += count
        if seen >= share * total:
            return end_of(bucket) * 1000
    return None


@dataclasses.dataclass(frozen=True)
class Summary:
    """The totals of the shown minutes."""

    requests: int
    failures: int
    p50: float | None
    p95: float | None
    p99: float | None
    # Requests a second in the busiest minute.
    peak: float = 0.0


def own_or_of_versions(endpoint: Endpoint) -> Q:
    """Traffic of the endpoint with that of its versions, without copies of requests."""
    own = Q(endpoint=endpoint)
    return own | Q(endpoint__parent=endpoint, endpoint__mirror_percentile=0) if endpoint.has_versions else own


def _add(first: TrafficMinute, second: TrafficMinute) -> TrafficMinute:
    return TrafficMinute(
        endpoint=first.endpoint,
        minute=first.minute,
        statuses=_sum(first.statuses, second.statuses),
        buckets=_sum(first.buckets, second.buckets),
        busy=first.busy + second.busy,
        replicas=first.replicas + second.replicas,
    )


def read_hour(endpoint: Endpoint) -> list[TrafficMinute]:
    """The last 60 minutes; those without requests are empty."""
    now = timezone.now().replace(second=0, microsecond=0)
    first = now - (MINUTES - 1) * MINUTE
    found: dict[dt.datetime, TrafficMinute] = {}
    for row in TrafficMinute.objects.filter(own_or_of_versions(endpoint), minute__gte=first):
        found[row.minute] = _add(found[row.minute], row) if row.minute in found else row
    minutes = [first + number * MINUTE for number in range(MINUTES)]
    return [found.get(minute) or TrafficMinute(endpoint=endpoint, minute=minute) for minute in minutes]


def summarize_traffic(rows: list[TrafficMinute]) -> Summary:
    buckets: dict[str, int] = {}
    for row in rows:
        buckets = _sum(buckets, row.buckets)
    p50, p95, p99 = (find_quantile(buckets, share) for share in QUANTILES)
    peak = max((row.requests for row in rows), default=0) / MINUTE.total_seconds()
    return Summary(sum(row.requests for row in rows), sum(row.failures for row in rows), p50, p95, p99, peak)


def draw_traffic(rows: list[TrafficMinute]) -> dict[str, dict]:
    """The figures by name."""
    times = [row.minute.isoformat() for row in rows]
    answered = {
        **build_trace("bar"),
        "x": times,
        "y": [row.requests - row.failures for row in rows],
        "name": "Answered",
    }
    failed = {**build_trace("bar"), "x": times, "y": [row.failures for row in rows], "name": "Failed"}
    latencies = [
        {
            **build_trace("scatter", "lines+markers"),
            "x": times,
            "y": [find_quantile(row.buckets, share) for row in rows],
            "name": f"p{share * 100:g}",
        }
        for share in QUANTILES
    ]
    load = [
        {
            **build_trace("scatter", "lines"),
            "x": times,
            "y": [row.busy for row in rows],
            "name": "Requests in progress",
        },
        {**build_trace("scatter", "lines"), "x": times, "y": [row.replicas for row in rows], "name": "Replicas"},
    ]
    return {
        "requests": build_figure([answered, failed], "", "requests per minute", barmode="stack", showlegend=True),
        "latencies": build_figure(latencies, "", "milliseconds", showlegend=True),
        "load": build_figure(load, "", "at most, in the minute", showlegend=True),
    }
