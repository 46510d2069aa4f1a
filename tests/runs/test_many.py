"""Lists and searches are answered from indexes on both databases, so that they stay quick over 100,000 runs."""

import json
import re
import sys

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notices import find_events
from runs import tasks
from runs.models import MetricChunk, MetricSeries, Run, RunParameter, RunTag
from runs.pages.lists import columns

pytestmark = pytest.mark.django_db(transaction=True)
RUNS = 400
# Tables that grow with the number of runs.
LARGE = ["runs_run", "runs_metricseries", "runs_runtag", "runs_runparameter", "runs_metricchunk", "runs_runevent"]


@pytest.fixture
def many(monkeypatch):
    """A workspace of the benchmark's, with fewer runs."""
    monkeypatch.syspath_prepend(str(settings.BASE_DIR / "bench"))
    import fill

    yield fill.fill(RUNS)
    sys.modules.pop("fill")


def queries(ask) -> list[str]:
    with CaptureQueriesContext(connection) as requested:
        assert ask().status_code == 200
    return [query["sql"] for query in requested.captured_queries if query["sql"].startswith("SELECT")]


def scanned(sql: str) -> set[str]:
    """The large tables that the database reads from end to end for this."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = "\n".join(row[3] for row in cursor.fetchall())
            return _scanned_by_sqlite(plan, sql)
        # It would read few rows whole, however good an index is.
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")
    return set(re.findall(r"Seq Scan on (\w+)", plan)) & set(LARGE)


def _scanned_by_sqlite(plan: str, sql: str) -> set[str]:
    names = re.findall(r"^SCAN (\w+)(?! USING COVERING INDEX)", plan, re.MULTILINE)
    aliases = dict(re.findall(r'"(\w+)" (?:AS )?"?(U\d+|sort\w*|series)"?', sql))
    real = {name: table for table, name in aliases.items()}
    return {real.get(name, name) for name in names} & set(LARGE)


def pages(experiment):
    slug = experiment.workspace.slug
    page = reverse("runs:experiment_detail", args=[slug, experiment.experiment_id])
    return {
        "experiment": page,
        "charts": reverse("runs:experiment_charts", args=[slug, experiment.experiment_id]),
        "sorted by a metric": f"{page}?sort=-metric-accuracy",
        "sorted by the minimum of a metric": f"{page}?sort=min-accuracy",
        "sorted by the maximum of a metric": f"{page}?sort=-max-accuracy",
        "sorted by a parameter": f"{page}?sort=param-depth",
        "sorted by a tag": f"{page}?sort=-tag-team",
        "sorted by a parameter, then a metric": f"{page}?sort=param-model&sort=-metric-auc",
        "with a status": f"{page}?status=Failed",
        "jobs": reverse("runs:jobs", args=[slug]),
        "experiments": reverse("runs:experiments", args=[slug]),
        "trash": reverse("trash:list", args=[slug]),
    }


def test_the_benchmark_makes_runs_as_the_studio_does(many):
    assert Run.objects.filter(experiment=many).count() == RUNS
    assert MetricSeries.objects.filter(run__experiment=many).count() == 5 * RUNS == MetricChunk.objects.count()
    assert RunParameter.objects.count() == 5 * RUNS and RunTag.objects.count() == 2 * RUNS
    run = Run.objects.get(run_id=f"many_{RUNS}")
    assert run.metrics.get(name="loss").last == pytest.approx((RUNS * 7919 % 100_003) / 100_003)
    assert run.created_at < Run.objects.get(run_id="many_1").created_at


def test_a_scan_is_seen(many):
    assert scanned('SELECT "id" FROM "runs_run" WHERE "description" = \'x\'') == {"runs_run"}


def finds_by_name(sql: str) -> bool:
    """Whether SQLite looks for values of some runs by their names, which every run has."""
    if connection.vendor != "sqlite" or not re.search(r'"run_id" IN \(\d', sql):
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = " ".join(row[3] for row in cursor.fetchall())
    return not re.search(r"\((\w+=\? AND )?run_id=\?", plan)


def test_pages_read_no_large_table_from_end_to_end(many, as_user):
    client, of_runs = as_user(many.created_by), 0
    for what, address in pages(many).items():
        for sql in queries(lambda address=address: client.get(address)):
            assert not scanned(sql) and not finds_by_name(sql), f"{what}: {sql}"
            of_runs += '"run_id" IN (' in sql
    assert of_runs > 20


@pytest.mark.parametrize("task", [tasks.sweep, find_events.find_events])
def test_tasks_of_every_five_seconds_read_no_large_table_from_end_to_end(many, task):
    with CaptureQueriesContext(connection) as requested:
        task()
    read = [query["sql"] for query in requested.captured_queries if query["sql"].startswith("SELECT")]
    assert any("runs_run" in sql for sql in read)
    for sql in read:
        assert not scanned(sql), sql


SEARCHES = [
    ("metrics.accuracy > 0.5", ["metrics.accuracy DESC"]),
    ("metrics.accuracy > 0.5", ["metrics.loss ASC"]),
    ("metrics.accuracy != 0.5", ["metrics.accuracy DESC"]),
    ("metrics.accuracy = NaN", ["metrics.loss ASC"]),
    ("params.seed = 'v7919'", []),
    ("params.model = 'v3' and metrics.auc < 0.2", ["metrics.auc ASC"]),
    ("tags.team = 'team4'", ["metrics.loss ASC"]),
    ("attributes.status = 'FAILED'", []),
    ("", ["params.depth ASC"]),
    ("metrics.auc < 0.2", ["params.seed DESC"]),
    ("", ["tags.team ASC"]),
    ("", []),
]


def test_searches_read_no_large_table_from_end_to_end(many, api):
    caller = api(many.created_by)
    address = f"/mlflow/v1.0{many.workspace.arm_id}/api/2.0/mlflow/runs/search"
    for text, order_by in SEARCHES:
        body = {"experiment_ids": [str(many.experiment_id)], "filter": text, "order_by": order_by, "max_results": 20}
        for sql in queries(lambda body=body: caller.post(address, body)):
            assert not scanned(sql), f"{text}, {order_by}: {sql}"


def test_a_sort_by_a_metric_pages_through_all_runs(many, as_user):
    """Those without the metric come last, each run once, whichever way."""
    MetricSeries.objects.filter(name="accuracy", run__number__lte=30).delete()
    MetricSeries.objects.filter(name="accuracy", run__number__in=[31, 32]).update(last=None)
    client, page = as_user(many.created_by), pages(many)["experiment"]
    last = dict(MetricSeries.objects.filter(name="accuracy").values_list("run", "last"))
    for sort in ("metric-accuracy", "-metric-accuracy"):
        seen = []
        for number in range(1, 5):
            text = client.get(page, {"sort": sort, "size": 100, "page": number}).content.decode()
            seen += re.findall(r'id="run-(\d+)"', text)
        values = [last.get(int(pk)) for pk in seen]
        numbers = [value for value in values if value is not None]
        assert len(set(seen)) == RUNS and numbers == sorted(numbers, reverse=sort.startswith("-"))
        assert values == numbers + [None] * 32


VALUES = ["10", "9", "1e3", " 2 ", "-0.5", "nan", "abc", "Z", "", "9" * 400, f"0.{'0' * 400}1", "01", "2.0", "x" * 2000]


@pytest.fixture
def mixed(many):
    """Parameters that are numbers, texts or absent: number → value."""
    values = {number: VALUES[number % 20] for number in range(1, RUNS + 1) if number % 20 < len(VALUES)}
    rows = dict(Run.objects.filter(experiment=many).values_list("number", "pk"))
    RunParameter.objects.bulk_create(
        RunParameter(run_id=rows[number], name="mixed", value=value) for number, value in values.items()
    )
    return many, values


def test_a_sort_by_a_parameter_pages_through_all_runs(mixed, as_user):
    """Numbers as numbers, then texts, then those without, the newest first among equals."""
    experiment, values = mixed
    numbers = {"10": 10, "9": 9, "1e3": 1000, " 2 ": 2, "-0.5": -0.5, "2.0": 2}
    client, page = as_user(experiment.created_by), pages(experiment)["experiment"]
    for sort in ("param-mixed", "-param-mixed"):
        # A run of a greater number is older here.
        expected = [
            *sorted((n for n in values if values[n] in numbers), key=lambda n: (sign(sort) * numbers[values[n]], n)),
            *sorted((n for n in values if values[n] not in numbers), key=lambda n: (find_position(values[n], sort), n)),
            *[number for number in range(1, RUNS + 1) if number not in values],
        ]
        seen = []
        for number in range(1, 5):
            text = client.get(page, {"sort": sort, "size": 100, "page": number}).content.decode()
            seen += re.findall(r'id="run-(\d+)"', text)
        shown = dict(Run.objects.values_list("pk", "number"))
        assert [shown[int(pk)] for pk in seen] == expected


SORTS = [
    ["param-mixed"], ["-param-mixed"], ["param-depth", "-metric-auc"], ["-tag-team", "param-model", "number"],
    ["param-model", "param-mixed"], ["param-model", "duration"], ["metric-accuracy", "param-depth"],
]  # fmt: skip


def test_the_first_of_many_equal_values_are_found_by_the_next_key(mixed, as_user, monkeypatch):
    client, page = as_user(mixed[0].created_by), pages(mixed[0])["experiment"]
    for sort in SORTS:
        shown = []
        for many in (10**6, 15):
            monkeypatch.setattr(columns, "MANY_EQUAL", many)
            text = client.get(page, {"sort": sort, "size": 10, "charts": "off"}).content.decode()
            shown.append(re.findall(r'id="run-(\d+)"', text))
        assert shown[0] == shown[1] and len(shown[0]) == 10, sort


def sign(sort: str) -> int:
    return -1 if sort.startswith("-") else 1


def find_position(value: str, sort: str) -> int:
    texts = sorted(set(VALUES))
    return sign(sort) * texts.index(value)


def test_a_search_ordered_by_a_parameter_pages_through_all_runs(mixed, api):
    """As texts, then those without, the newest first among equals."""
    experiment, values = mixed
    caller, address = (
        api(experiment.created_by),
        f"/mlflow/v1.0{experiment.workspace.arm_id}/api/2.0/mlflow/runs/search",
    )
    for word in ("ASC", "DESC"):
        body = {"experiment_ids": [str(experiment.experiment_id)], "order_by": [f"params.mixed {word}"]}
        seen, more = [], {}
        while more is not None:
            answer = caller.post(address, {**body, "max_results": 70, **more}).json()
            seen += [int(run["info"]["run_id"].removeprefix("many_")) for run in answer["runs"]]
            more = {"page_token": answer["next_page_token"]} if "next_page_token" in answer else None
        sort = "-" if word == "DESC" else ""
        have = sorted(values, key=lambda n: (find_position(values[n], sort), n))
        assert seen == [*have, *[number for number in range(1, RUNS + 1) if number not in values]]


def test_a_poll_of_a_grouped_list_folds_it_only_when_a_run_changed(many, as_user):
    client, page = as_user(many.created_by), pages(many)["experiment"]
    query = {"group": "param-model", "unfold": "v3"}
    htmx = {"HX-Request": "true", "HX-Target": "run-poll"}
    run = Run.objects.get(run_id=f"many_{RUNS}")
    changes = [lambda: run.edit(tags={"team": "other"}), lambda: run.edit(display_name="renamed"), run.delete]
    for change in changes:
        text = client.get(page, query).content.decode()
        poll = re.search(r'id="run-poll" hx-get="([^"]+)"', text)[1].replace("&amp;", "&")
        with CaptureQueriesContext(connection) as requested:
            assert client.get(poll, headers=htmx).status_code == 204
        assert not [query for query in requested.captured_queries if "group_key" in query["sql"]]
        change()
        assert 'id="run-table"' in client.get(poll, headers=htmx).content.decode()


def test_what_the_counters_say(many, as_user):
    Run.objects.filter(number=1).get().delete()
    text = as_user(many.created_by).get(pages(many)["experiment"]).content.decode()
    failed = sum(number % 7 == 0 for number in range(2, RUNS + 1))
    assert json.dumps(failed) in text and json.dumps(RUNS - 1 - failed) in text
