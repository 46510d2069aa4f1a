"""Recorded requests: from a real process to the tab Requests, within their bounds, and queries over them."""

import datetime as dt
import time

import pytest
from django.utils import timezone

from endpoints import calls, kql, request_log, tasks
from endpoints.models import Endpoint, ServiceRequest
from studio.errors import Invalid
from tests import factories

PRINTING = """
def init(): print("from init")
def run(data):
    print("input", data)
    print("second line")
    if "bad" in data: raise ValueError("bad input")
    return 1
"""
LAB = (
    'traces | where message == "STDOUT" and customDimensions.["Service Name"] == "svc" '
    "| project timestamp, customDimensions.Content"
)


@pytest.mark.django_db(transaction=True)
def test_requests_of_a_process_are_recorded_while_insights_are_on_and_found_by_the_query_of_a_lab(
    deploy, start, as_user, alice, mallory
):
    revision = start(deploy(PRINTING))
    endpoint = Endpoint.objects.with_state().get()
    calls.send_test(endpoint, '"not recorded"')
    end = time.monotonic() + 30
    while "POST /score" not in revision.log and time.monotonic() < end:
        time.sleep(0.05)
        revision.refresh_from_db()
    assert not ServiceRequest.objects.exists()

    address, client = f"{endpoint.get_absolute_url()}requests/", as_user(alice)
    client.post(f"{endpoint.get_absolute_url()}insights/", {"on": "1"})
    calls.send_test(endpoint, '"first"')
    assert calls.send_test(endpoint, '"bad"').status == 500
    while ServiceRequest.objects.count() < 2 and time.monotonic() < end:
        time.sleep(0.05)
    failed, first = ServiceRequest.objects.order_by("-at")
    assert (first.status, first.output, first.revision) == (200, 'input "first"\nsecond line\n', 1)
    assert (failed.status, failed.method, failed.path, len(failed.request_id)) == (500, "POST", "/score", 36)
    assert first.milliseconds > 0 and first.item_count == 1

    page = client.get(address).content.decode()
    assert first.request_id in page and failed.request_id in page and "Stop recording" in page
    page = client.get(address, {"status": "failed", "since": "hour"}).content.decode()
    assert first.request_id not in page and failed.request_id in page
    page = client.get(address, {"query": LAB}).content.decode()
    assert "customDimensions_Content" in page and "input &quot;first&quot;" in page and "from init" not in page
    page = client.get(address, {"query": "requests | extend x = 1"}).content.decode()
    assert "The operator extend is not supported. The operators are where, project" in page
    assert as_user(mallory).get(address).status_code == 404


@pytest.fixture
def endpoint(workspace, alice):
    return Endpoint.create(workspace, alice, "svc", has_insights=True)


def make_request(endpoint, minutes=0, **fields):
    at = timezone.now() - dt.timedelta(minutes=minutes)
    fields = {"revision": 1, "method": "POST", "path": "/score", "status": 200, "milliseconds": 5.0} | fields
    return ServiceRequest(endpoint=endpoint, at=at, request_id=f"r{minutes}", **fields)


def test_the_oldest_requests_are_deleted_by_number_and_by_age(endpoint, monkeypatch):
    monkeypatch.setattr(request_log, "MAX_ROWS", 3)
    ServiceRequest.objects.bulk_create([make_request(endpoint, minutes) for minutes in (20_000, 4, 3, 2, 1)])
    tasks.forget_traffic()
    assert set(endpoint.requests.values_list("request_id", flat=True)) == {"r3", "r2", "r1"}
    make_request(endpoint, 20_000).save()
    tasks.forget_traffic()
    assert set(endpoint.requests.values_list("request_id", flat=True)) == {"r3", "r2", "r1"}


def test_a_query_reads_the_newest_lines_and_not_all_that_were_printed(endpoint, monkeypatch):
    monkeypatch.setattr(request_log, "MAX_LINES", 3)
    ServiceRequest.objects.bulk_create(make_request(endpoint, number, output="a\nb") for number in (1, 2, 3))
    query = "traces | project operation_Id"
    found = request_log.run_endpoint_query(endpoint, query, dt.timedelta(days=1))
    assert found.rows == [["r1"], ["r1"], ["r2"]]


AT = dt.datetime(2026, 1, 31, 12, 7, 30, tzinfo=dt.UTC)
ROWS = [
    {"timestamp": AT + dt.timedelta(minutes=number), "resultCode": code, "duration": duration, "success": code < "400"}
    for number, code, duration in [(0, "200", 5.0), (1, "500", 50.0), (4, "200", 15.0)]
]
TABLES = {"requests": lambda: [{**row, "customDimensions": {"Revision": "1"}} for row in ROWS]}


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("requests | count", [[3]]),
        ("requests | where success == false | project resultCode", [["500"]]),
        ("requests | where resultCode >= 400 or duration < 10 | project c = resultCode", [["200"], ["500"]]),
        ("requests | order by duration | take 2 | project duration", [[50.0], [15.0]]),
        ("requests | sort by resultCode asc, duration desc | project duration", [[15.0], [5.0], [50.0]]),
        ("requests | summarize count(), avg(duration) by resultCode", [["200", 2, 10.0], ["500", 1, 50.0]]),
        (
            "requests | summarize n = count() by bin(timestamp, 5m)",
            [["2026-01-31T12:05:00.000Z", 2], ["2026-01-31T12:10:00.000Z", 1]],
        ),
        ('requests | where customDimensions.Revision == "2" | summarize max(duration)', [[None]]),
        ('requests | where timestamp > datetime("2026-01-31T12:10:00") | summarize count()', [[1]]),
        ("requests | where timestamp > ago(1h) | summarize count()", [[0]]),
        ('requests | where resultCode contains "50" | count', [[1]]),
        ("requests | where (success == true or duration > 40) and not (duration < 10) | count", [[2]]),
        ('requests | where resultCode in ("500", "404") or duration in (5) | count', [[2]]),
        ("requests | top 1 by duration | project duration", [[50.0]]),
        ("requests | summarize p = percentile(duration, 50)", [[15.0]]),
    ],
)
def test_queries_filter_order_and_summarize(query, rows, monkeypatch):
    assert kql.run_query(query, TABLES).rows == rows


def test_render_draws_a_line_for_each_group_over_time_and_columns_for_texts():
    query = "requests | summarize n = count() by bin(timestamp, 5m), resultCode | render timechart"
    figure = request_log.draw_result(kql.run_query(query, TABLES))
    lines = {line["name"]: (line["type"], line["x"], line["y"]) for line in figure["data"]}
    first, second = "2026-01-31T12:05:00.000Z", "2026-01-31T12:10:00.000Z"
    assert lines == {"200": ("scatter", [first, second], [1, 1]), "500": ("scatter", [first], [1])}
    query = "requests | summarize n = count() by resultCode | render columnchart"
    (columns,) = request_log.draw_result(kql.run_query(query, TABLES))["data"]
    assert (columns["type"], columns["x"], columns["y"]) == ("bar", ["200", "500"], [2, 1])


def test_queries_of_a_workspace_read_the_requests_of_all_its_endpoints_and_no_others(
    endpoint, alice, as_user, bob, mallory, django_assert_max_num_queries
):
    other = Endpoint.create(endpoint.workspace, alice, "other", has_insights=True)
    hidden = Endpoint.create(factories.make_workspace(), mallory, "elsewhere", has_insights=True)
    rows = [make_request(one, number) for number, one in enumerate([endpoint, other, other, hidden])]
    ServiceRequest.objects.bulk_create(rows)
    address = f"/ws/{endpoint.workspace.slug}/endpoint-queries/"
    page = as_user(bob).get(address).content.decode()
    assert "Failed requests" in page
    query = 'requests | summarize count() by bin(timestamp, 1d), customDimensions.["Service Name"] | render timechart'
    with django_assert_max_num_queries(24):
        page = as_user(bob).get(address, {"query": query}).content.decode()
    assert ">svc<" in page and ">other<" in page and "elsewhere" not in page and "data-figure" in page
    assert "is not supported" in as_user(bob).get(address, {"query": "requests | join x"}).content.decode()
    assert as_user(mallory).get(address).status_code == 404
    assert as_user(alice).post(address).status_code == 405


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "A table is expected instead of the end"),
        ("exceptions", "There is no table exceptions: write requests"),
        ("requests | render piechart", "render piechart is not supported. The charts are timechart"),
        ("requests | project resultCode | render timechart", "render timechart needs a column of times"),
        ("requests | render timechart | take 1", "The end is expected instead of take"),
        ("requests | where (duration > 1", ") is expected instead of the end"),
        ("requests | where not duration > 1", "( is expected after not"),
        ("requests | where " + "(" * 21, "More than 20 parentheses"),
        ("requests | summarize percentile(duration, 101)", "percentile needs a number above 0"),
        ("requests | where cost > 1", "There is no column cost. The columns are timestamp, resultCode"),
        ("requests | where duration matches 1", "matches is not supported in where. Write one of =="),
        ("requests | where timestamp > 5", "timestamp cannot be compared with 5"),
        ("requests | where duration > now", "A value is expected instead of now"),
        ("requests | where timestamp > ago(5)", "is not a time: write ago"),
        ("requests | summarize dcount(duration)", "The aggregate dcount is not supported"),
        ("requests | summarize sum(resultCode)", "sum needs a column of numbers"),
        ("requests | summarize count() by bin(timestamp, 0m)", "bin needs a width such as 5m"),
        ("requests | summarize count() by bin(timestamp, 9999999999d)", "9999999999d is too long"),
        ("requests | where timestamp > ago(9999999999d)", "9999999999d is too long"),
        ("requests | summarize count() by bin(duration, 5m)", "bin needs a column of times"),
        ("requests | summarize count() by customDimensions", "cannot be grouped by all of customDimensions"),
        ("requests | order by customDimensions", "cannot be ordered"),
        ("requests | take all", "A number of rows is expected"),
        ("requests | order duration", "by is expected instead of duration"),
        ("requests count", "| is expected instead of count"),
        ("requests ; drop", "cannot be read"),
        ("requests | order by " + ",".join(["success"] * 51), "names columns more than 50 times"),
        ("requests" + " " * 4000, "4,000 are allowed"),
    ],
)
def test_what_a_query_cannot_do_is_refused_with_what_it_can(query, words):
    with pytest.raises(Invalid) as refused:
        kql.run_query(query, TABLES)
    assert words in refused.value.message
