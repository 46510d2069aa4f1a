"""Requests to services with their durations and what `run` printed, as Application Insights shows them: stored while
`enable_app_insights` is on, within an age and a number."""

import datetime as dt
from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils import timezone

from endpoints import kql
from endpoints.models import Endpoint, ServiceRequest

KEPT = dt.timedelta(days=7)
# The newest rows of an endpoint that are stored.
MAX_ROWS = 20_000
DAY = "24 hours"
SPANS = {
    DAY: dt.timedelta(days=1),
    "hour": dt.timedelta(hours=1),
    "30 minutes": dt.timedelta(minutes=30),
    "7 days": KEPT,
}


def delete_surplus() -> None:
    """Delete what is behind the newest rows of an endpoint: once a minute, since reports come several times a second."""
    for endpoint in Endpoint.objects.filter(has_insights=True):
        oldest = endpoint.requests.order_by("-pk").values_list("pk", flat=True)[MAX_ROWS : MAX_ROWS + 1]
        for key in oldest:
            endpoint.requests.filter(pk__lte=key).delete()


def forget_old() -> None:
    ServiceRequest.objects.filter(at__lt=timezone.now() - KEPT).delete()


def list_requests(endpoint: Endpoint, since: dt.timedelta, status: str = "") -> QuerySet:
    """The newest first; `status` is succeeded, failed or empty."""
    rows = endpoint.requests.filter(at__gte=timezone.now() - since).order_by("-at", "-pk")
    bounds = {"succeeded": {"status__lt": 400}, "failed": {"status__gte": 400}}
    return rows.filter(**bounds.get(status, {}))


def run_endpoint_query(endpoint: Endpoint, query: str, since: dt.timedelta) -> kql.Result:
    rows = list_requests(endpoint, since)[:MAX_ROWS]
    tables = {
        "requests": lambda: make_request_rows(rows, endpoint),
        "traces": lambda: make_trace_rows(rows, endpoint),
    }
    return kql.run_query(query, tables)


def make_request_rows(rows: Iterable[ServiceRequest], endpoint: Endpoint) -> list[dict]:
    """The table `requests`."""
    return [
        {
            "timestamp": row.at,
            "id": row.request_id,
            "name": f"{row.method} {row.path}",
            "duration": row.milliseconds,
            "resultCode": str(row.status),
            "success": row.status < 400,
            "itemCount": row.item_count,
            "customDimensions": _make_dimensions(row, endpoint),
        }
        for row in rows
    ]


def make_trace_rows(rows: Iterable[ServiceRequest], endpoint: Endpoint) -> list[dict]:
    """The table `traces`: the lines that `run` printed."""
    return [
        {
            "timestamp": row.at,
            "message": "STDOUT",
            "operation_Id": row.request_id,
            "itemCount": row.item_count,
            "customDimensions": {**_make_dimensions(row, endpoint), "Content": line},
        }
        for row in rows
        for line in row.output.splitlines()
    ]


def _make_dimensions(row: ServiceRequest, endpoint: Endpoint) -> dict[str, str]:
    return {
        "Service Name": endpoint.name,
        "Workspace Name": endpoint.workspace.name,
        "Request Id": row.request_id,
        "Client Request Id": row.client_request_id,
        "Revision": str(row.revision),
    }
