"""Alerts of endpoints: whether the traffic of the last minutes is beyond the limits that people have set."""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from accounts import activity
from endpoints import rules, traffic
from endpoints.models import Endpoint, EndpointAlert, TrafficMinute

Kind = EndpointAlert.Kind
RULES = {Kind.P95: rules.LATENCY_LIMIT, Kind.FAILURES: rules.FAILURE_LIMIT, Kind.QUIET: rules.QUIET_LIMIT}
# Latency and failures are those of so many minutes, the current one included, with at least so many requests.
WINDOW, MIN_REQUESTS = dt.timedelta(minutes=5), 5


def change_alerts(endpoint: Endpoint, limits: dict[str, int | None]) -> None:
    """Set the limits by kind; None removes an alert. A changed limit begins without an alert."""
    with transaction.atomic():
        before = dict(endpoint.alerts.values_list("kind", "limit"))
        after = {str(kind): RULES[Kind(kind)].check(limit) for kind, limit in limits.items() if limit is not None}
        changed = {kind for kind in {*before, *after} if before.get(kind) != after.get(kind)}
        endpoint.alerts.filter(kind__in=changed).delete()
        EndpointAlert.objects.bulk_create(
            EndpointAlert(endpoint=endpoint, kind=kind, limit=limit) for kind, limit in after.items() if kind in changed
        )
        if changed:
            changes = {f"alert {kind}": [before.get(kind, ""), after.get(kind, "")] for kind in sorted(changed)}
            activity.record("endpoint.edit", endpoint, scope=endpoint.workspace, changes=changes)


def check_alerts() -> None:
    """Raise and end alerts, each with one line in the activity log, of which people are notified."""
    for alert in EndpointAlert.objects.select_related("endpoint__workspace").iterator():
        reason = find_reason(alert)
        if bool(reason) != bool(alert.raised_at):
            _change(alert, reason)


def _change(alert: EndpointAlert, reason: str) -> None:
    with transaction.atomic():
        unchanged = EndpointAlert.objects.filter(pk=alert.pk, raised_at=alert.raised_at)
        if unchanged.update(raised_at=timezone.now() if reason else None):
            message = reason or f"{alert.get_kind_display()}: within its limit again."
            scope = alert.endpoint.workspace
            activity.record(
                "endpoint.alert" if reason else "endpoint.alert_end", alert.endpoint, scope=scope, message=message
            )


def find_reason(alert: EndpointAlert) -> str:
    """How the limit is exceeded, as a sentence; empty if it is not."""
    rows = TrafficMinute.objects.filter(traffic.own_or_of_versions(alert.endpoint))
    if alert.kind == Kind.QUIET:
        return _find_silence(alert, rows.order_by("-minute").first())
    summary = traffic.summarize_traffic(list(rows.filter(minute__gt=timezone.now() - WINDOW)))
    if summary.requests < MIN_REQUESTS:
        return ""
    share = 100 * summary.failures / summary.requests
    if alert.kind == Kind.FAILURES and share > alert.limit:
        return f"{share:.0f} % of {summary.requests} requests failed; the limit is {alert.limit} %."
    if alert.kind == Kind.P95 and summary.p95 and summary.p95 > alert.limit:
        return f"The latency p95 is {summary.p95:.0f} ms; the limit is {alert.limit} ms."
    return ""


def _find_silence(alert: EndpointAlert, last: TrafficMinute | None) -> str:
    used_at = max(alert.created_at, last.minute + traffic.MINUTE if last else alert.created_at)
    minutes = (timezone.now() - used_at).total_seconds() / 60
    return (
        f"There was no request for {minutes:.0f} minutes; the limit is {alert.limit}." if minutes > alert.limit else ""
    )
