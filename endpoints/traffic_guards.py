"""Traffic that goes back by itself: after a change of the shares, versions that got more are compared with the others."""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from accounts import activity
from endpoints import rules, traffic
from endpoints.guard_models import TrafficGuard
from endpoints.models import Endpoint, TrafficMinute
from studio.errors import Conflict

# How long a change is watched, and from how long before it the other versions are judged.
WATCHED = BASELINE = dt.timedelta(hours=1)
# Buckets of latency are 19 % wide, so a smaller difference says nothing.
MIN_SLOWER_MS = 1.0


def change_guard(endpoint: Endpoint, failures: int | None, p95: int | None, requests: int) -> TrafficGuard | None:
    """Set the rule; without limits there is no guard. A changed rule watches from the next change of the traffic on."""
    if not endpoint.has_versions:
        raise Conflict(f"{endpoint.name} has no versions whose traffic could go back.")
    after = {
        "failures": None if failures is None else rules.GUARD_FAILURES.check(failures),
        "p95": None if p95 is None else rules.GUARD_P95.check(p95),
        "requests": rules.GUARD_REQUESTS.check(requests),
    }
    with transaction.atomic():
        present = TrafficGuard.objects.filter(endpoint=endpoint).first()
        before = {name: getattr(present, name, None) for name in after}
        TrafficGuard.objects.filter(endpoint=endpoint).delete()
        guard = None
        if failures is not None or p95 is not None:
            guard = TrafficGuard.objects.create(endpoint=endpoint, shares=endpoint.shares, **after)
        if present or guard:
            changes = {f"guard {name}": [before[name], after[name] if guard else ""] for name in after}
            activity.record("endpoint.edit", endpoint, scope=endpoint.workspace, changes=changes)
    return guard


def check_guards() -> None:
    """Notice changes of shares, and move the traffic back where a version is worse."""
    for guard in TrafficGuard.objects.select_related("endpoint__workspace").iterator():
        shares = guard.endpoint.shares
        if shares != guard.shares:
            _watch(guard, shares)
        elif guard.since:
            reason = find_reason(guard)
            if reason:
                _go_back(guard, reason)
            elif timezone.now() - guard.since > WATCHED:
                _stop_watching(guard, shares)


def _watch(guard: TrafficGuard, shares: dict[str, int]) -> None:
    """Begin to watch the versions that get more, if there is something to go back to."""
    more = [name for name, share in shares.items() if share > guard.shares.get(name, 0)]
    before = {name: guard.shares.get(name, 0) for name in shares}
    if not more or sum(before.values()) != 100:
        _stop_watching(guard, shares)
        return
    rows = TrafficGuard.objects.filter(pk=guard.pk)
    rows.update(shares=shares, before=before, watched=more, since=timezone.now())


def _stop_watching(guard: TrafficGuard, shares: dict[str, int]) -> None:
    TrafficGuard.objects.filter(pk=guard.pk).update(shares=shares, before={}, watched=[], since=None)


def _go_back(guard: TrafficGuard, reason: str) -> None:
    with transaction.atomic():
        # Another process may have moved it at the same time.
        if TrafficGuard.objects.filter(pk=guard.pk, since=guard.since).update(since=None, watched=[]):
            endpoint = guard.endpoint
            endpoint.change_traffic(guard.before)
            _stop_watching(guard, guard.before)
            words = ", ".join(f"{name} {share}" for name, share in guard.before.items())
            message = f"{reason} The traffic is {words} again."
            activity.record("endpoint.traffic_back", endpoint, scope=endpoint.workspace, message=message)


def find_reason(guard: TrafficGuard) -> str:
    """How a watched version is worse than the others, as a sentence; empty if none is."""
    assert guard.since is not None
    start = guard.since.replace(second=0, microsecond=0)
    rows = TrafficMinute.objects.filter(traffic.own_or_of_versions(guard.endpoint), minute__gte=start - BASELINE)
    found: dict[str, list[TrafficMinute]] = {}
    for row in rows.select_related("endpoint"):
        name = row.endpoint.version_name
        if name not in guard.watched:
            found.setdefault("", []).append(row)
        elif row.minute >= start:
            found.setdefault(name, []).append(row)
    others = traffic.summarize_traffic(found.get("", []))
    for name in guard.watched:
        reason = _compare(guard, name, traffic.summarize_traffic(found.get(name, [])), others)
        if reason:
            return reason
    return ""


def _compare(guard: TrafficGuard, name: str, version: traffic.Summary, others: traffic.Summary) -> str:
    if version.requests < guard.requests:
        return ""
    share, usual = _find_share(version), _find_share(others)
    if guard.failures is not None and share > usual + guard.failures:
        return (
            f"{share:.0f} % of {version.requests} requests to {name} failed, {usual:.0f} % of the other versions'; "
            f"the limit is {guard.failures} points more."
        )
    if guard.p95 is None or version.p95 is None or others.p95 is None:
        return ""
    limit = max(others.p95 * (1 + guard.p95 / 100), others.p95 + MIN_SLOWER_MS)
    if version.p95 > limit:
        return (
            f"The latency p95 of {name} is {version.p95:.0f} ms, that of the other versions {others.p95:.0f} ms; "
            f"the limit is {guard.p95} % more."
        )
    return ""


def _find_share(summary: traffic.Summary) -> float:
    """The percentage of requests that failed."""
    return 100 * summary.failures / summary.requests if summary.requests else 0.0
