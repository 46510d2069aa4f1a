"""Requests to services with their durations and what `run` printed, as Application Insights shows them: stored while
`enable_app_insights` is on, within an age and a number."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable

from django.db.models import Q, QuerySet
from django.utils import timezone

from endpoints import kql
from endpoints.models import Endpoint, ServiceRequest
from endpoints.traffic import own_or_of_versions
from runs.charts.figures import build_figure, build_trace
from workspaces.models import Workspace

KEPT = dt.timedelta(days=7)
# The newest printed lines that a query reads.
MAX_LINES = 50_000
# The newest rows of an endpoint that are stored, and those of them with bodies.
MAX_ROWS, MAX_DATA_ROWS = 20_000, 2_000
# Lines of a chart, or groups of its columns.
MAX_SERIES = 30
EXAMPLES = {
    "Requests by service": "requests | summarize count(), avg(duration), percentile(duration, 95) by "
    'customDimensions.["Service Name"]',
    "Failed requests": "requests | where success == false | project timestamp, name, resultCode, id",
    "Requests over time": 'requests | summarize count() by bin(timestamp, 5m), customDimensions.["Service Name"] '
    "| render timechart",
    "Printed lines": 'traces | project timestamp, customDimensions.["Service Name"], customDimensions.Content',
}
MakeDimensions = Callable[[ServiceRequest], dict[str, str]]
DAY = "24 hours"
SPANS = {
    DAY: dt.timedelta(days=1),
    "hour": dt.timedelta(hours=1),
    "30 minutes": dt.timedelta(minutes=30),
    "7 days": KEPT,
}


def delete_surplus() -> None:
    """Delete what is behind the newest rows of an endpoint: once a minute, since reports come several times a second."""
    for endpoint in Endpoint.objects.filter(Q(has_insights=True) | Q(collects_data=True)):
        oldest = endpoint.requests.order_by("-pk").values_list("pk", flat=True)[MAX_ROWS : MAX_ROWS + 1]
        for key in oldest:
            endpoint.requests.filter(pk__lte=key).delete()
        with_data = endpoint.requests.exclude(body="", answer="").order_by("-pk")
        for key in with_data.values_list("pk", flat=True)[MAX_DATA_ROWS : MAX_DATA_ROWS + 1]:
            endpoint.requests.filter(pk__lte=key).exclude(body="", answer="").update(body="", answer="")


def forget_old() -> None:
    ServiceRequest.objects.filter(at__lt=timezone.now() - KEPT).delete()


def _list_lines(rows: Iterable[ServiceRequest]) -> Iterable[tuple[ServiceRequest, str]]:
    left = MAX_LINES
    for row in rows:
        for line in row.output.splitlines()[:left]:
            left -= 1
            yield row, line


def list_requests(endpoint: Endpoint, since: dt.timedelta, status: str = "") -> QuerySet:
    """The newest first; `status` is succeeded, failed or empty."""
    rows = ServiceRequest.objects.filter(own_or_of_versions(endpoint), at__gte=timezone.now() - since)
    rows = rows.order_by("-at", "-pk").defer("body", "answer")
    bounds = {"succeeded": {"status__lt": 400}, "failed": {"status__gte": 400}}
    return rows.filter(**bounds.get(status, {}))


def list_data(endpoint: Endpoint) -> QuerySet:
    """The requests whose body or answer is stored, the newest first."""
    rows = ServiceRequest.objects.filter(own_or_of_versions(endpoint)).exclude(body="", answer="")
    return rows.select_related("endpoint").order_by("-at", "-pk")


def run_endpoint_query(endpoint: Endpoint, query: str, since: dt.timedelta) -> kql.Result:
    names = {one.pk: one.name for one in [endpoint, *endpoint.versions.all()]}
    return _run(query, list_requests(endpoint, since), names, endpoint.workspace.name)


def run_workspace_query(workspace: Workspace, query: str, since: dt.timedelta) -> kql.Result:
    """The same over all endpoints of a workspace."""
    names = dict(Endpoint.objects.filter(workspace=workspace).values_list("pk", "name"))
    rows = ServiceRequest.objects.filter(endpoint__workspace=workspace, at__gte=timezone.now() - since)
    return _run(query, rows.order_by("-at", "-pk").defer("body", "answer"), names, workspace.name)


def _run(query: str, rows: QuerySet, names: dict[uuid.UUID, str], workspace: str) -> kql.Result:
    def make_dimensions(row: ServiceRequest) -> dict[str, str]:
        return {
            "Service Name": names.get(row.endpoint_id, ""),
            "Workspace Name": workspace,
            "Request Id": row.request_id,
            "Client Request Id": row.client_request_id,
            "Revision": str(row.revision),
        }

    tables = {
        "requests": lambda: make_request_rows(rows[:MAX_ROWS], make_dimensions),
        "traces": lambda: make_trace_rows(rows[:MAX_ROWS], make_dimensions),
    }
    return kql.run_query(query, tables)


def make_request_rows(rows: Iterable[ServiceRequest], make_dimensions: MakeDimensions) -> list[dict]:
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
            "customDimensions": make_dimensions(row),
        }
        for row in rows
    ]


def make_trace_rows(rows: Iterable[ServiceRequest], make_dimensions: MakeDimensions) -> list[dict]:
    """The table `traces`: the lines that `run` printed."""
    return [
        {
            "timestamp": row.at,
            "message": "STDOUT",
            "operation_Id": row.request_id,
            "itemCount": row.item_count,
            "customDimensions": {**make_dimensions(row), "Content": line},
        }
        for row, line in _list_lines(rows)
    ]


def draw_result(result: kql.Result) -> dict | None:
    """The figure that `render` asks for."""
    chart = result.chart
    if chart is None or not result.rows:
        return None
    table = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    series: dict[str, list[dict]] = {}
    for row in sorted(table, key=lambda row: row[chart.x]) if chart.kind == "timechart" else table:
        series.setdefault(str(row[chart.split]) if chart.split else "", []).append(row)
    trace = build_trace("scatter", "lines+markers") if chart.kind == "timechart" else build_trace("bar")
    traces = [
        {
            **trace,
            "x": [row[chart.x] for row in found],
            "y": [row[value] for row in found],
            "name": (f"{name}, {value}" if len(chart.values) > 1 else name) if name else value,
        }
        for name, found in list(series.items())[:MAX_SERIES]
        for value in chart.values
    ]
    return build_figure(traces, "", "", showlegend=len(traces) > 1)
