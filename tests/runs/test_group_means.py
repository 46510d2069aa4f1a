"""The means of groups are computed from the values of columns, which long lists keep."""

import datetime as dt
import html
import re
import statistics

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from runs import metrics, tasks
from runs.models import ColumnChunk, Experiment, MetricSeries, SavedView, column_chunks
from runs.models.experiments import LONG
from runs.pages.lists import columns, deep_pages, group_polls, groups, prepared_columns, run_values
from runs.pages.lists.columns import parse_column
from runs.pages.lists.run_values import RunKeys
from runs.pages.lists.tables import RunTable
from runs.purging import delete_runs
from runs.seeding.contents import make_scalars
from studio.purging import PurgeSelection
from tests import factories
from tests.html import html_of

VALUES = {
    "svm": [1e9 + 1, 1e9 + 2, 1e9 + 4, 1e9 + 3, 1e9 + 9],
    "forest": [1e9, 1e9 + 5, 1e9 + 5.5, 1e9 - 7],
    "": [],
}


@pytest.fixture
def experiment(workspace):
    cache.clear()
    experiment = factories.make_experiment(workspace, "blocks")
    for model, values in VALUES.items():
        for value in values or [None]:
            run = factories.make_run(workspace, experiment=experiment, run_type=model)
            if value is not None:
                run.add_parameters({"model": model})
                metrics.store_batch(run, "", make_scalars("gain", [0.0, value]))
    return experiment


@pytest.fixture
def stored(monkeypatch):
    """Short lists are stored too, in chunks of four runs."""
    monkeypatch.setattr(run_values, "WORTH_STORING", 3)
    monkeypatch.setattr(run_values, "MANY", 3)
    monkeypatch.setattr(run_values, "BITS", 2)


def read(experiment, group: str = "param-model", words: tuple[str, ...] = ("metric-gain",), patient: bool = True):
    """For each group the number of its runs and the means; None if they would take long."""
    shown = [parse_column(word) for word in words]
    keys = RunKeys.read(experiment.runs)
    found = groups.load_groups(keys, parse_column(group), shown, [], experiment.workspace, patient)
    return None if found is None else {group.value: (group.count, *group.means.values()) for group in found}


def count_readings(made) -> int:
    """How many statements have read the values of columns."""
    readings = [f'SELECT "{table}"."run_id" AS "run",' for table in ("runs_metricseries", "runs_runparameter")]
    return len([row for row in made if any(reading in row["sql"] for reading in readings)])


def add_points(experiment, number: int) -> None:
    metrics.store_batch(experiment.runs.get(number=number), "more", make_scalars("gain", [7.0] * 3))


def test_means_of_groups_are_those_of_all_runs(experiment):
    for group in ("param-model", "type"):
        found = read(experiment, group)
        assert list(found) == ["forest", "svm", ""], group
        for model, values in VALUES.items():
            count, mean = found[model]
            assert (count, mean.count) == (max(1, len(values)), len(values))
            if values:
                assert mean.mean == pytest.approx(statistics.mean(values), rel=1e-15)
                assert mean.spread == pytest.approx(statistics.stdev(values), rel=1e-9)
            else:
                assert (mean.mean, mean.spread) == (None, None)
    assert not ColumnChunk.objects.exists(), "short lists are not stored"


def test_groups_by_each_kind_of_column(experiment):
    run = experiment.runs.get(number=1)
    run.edit(tags={"team": "red"})
    properties = {"azureml.kind": "best"}
    experiment.runs.filter(number=1).update(properties=properties, node_name="node-1", target_name="cpu")
    expected = {
        "tag-team": {"red": 1, "": 9},
        "property-azureml.kind": {"best": 1, "": 9},
        "node": {"node-1": 1, "": 9},
        "target": {"cpu": 1, "": 9},
        "experiment": {"blocks": 10},
        "status": {str(run.status): 10},
    }
    for word, counts in expected.items():
        found = read(experiment, word)
        assert {value: count for value, (count, _) in found.items()} == counts, word
    long = ["x" * 70 + end for end in "aab"]
    for number, value in enumerate(long):
        experiment.runs.get(number=number + 1).edit(tags={"long": value})
    assert {value: count for value, (count, _) in read(experiment, "tag-long").items()} == {
        long[0]: 2,
        long[2]: 1,
        "": 7,
    }
    by = read(experiment, "by")
    assert [count for count, _ in by.values()] == [10]


def test_the_largest_groups_are_found_if_there_are_too_many(experiment, monkeypatch):
    monkeypatch.setattr(groups, "MAX_GROUPS", 1)
    found = read(experiment)
    assert list(found) == ["svm", "forest"] and found["svm"][1].count == 5


def test_an_infinite_value_makes_its_group_infinite_alone(experiment):
    MetricSeries.objects.filter(run__number=6).update(last=float("inf"))
    found = read(experiment)
    assert (found["forest"][1].mean, found["forest"][1].spread, found["forest"][1].count) == (float("inf"), None, 4)
    assert found["svm"][1].mean == pytest.approx(statistics.mean(VALUES["svm"]))
    MetricSeries.objects.filter(run__number=7).update(last=float("-inf"))
    assert read(experiment)["forest"][1].mean is None


def test_runs_that_are_deleted_meanwhile_leave_no_group(experiment):
    keys = RunKeys.read(experiment.runs)
    experiment.runs.filter(number__gt=5).delete()
    found = groups.load_groups(keys, parse_column("param-model"), [], [], experiment.workspace)
    assert [group.value for group in found] == ["svm"]


def test_only_changed_runs_are_read_again(experiment, stored):
    before = read(experiment)
    with CaptureQueriesContext(connection) as made:
        assert read(experiment) == before
    assert count_readings(made) == 0 and ColumnChunk.objects.count() >= 6
    add_points(experiment, 6)
    with CaptureQueriesContext(connection) as made:
        after = read(experiment)
    key = experiment.runs.get(number=6).pk
    assert count_readings(made) == 2
    assert any('"runs_metricseries"' in row["sql"] and f"IN ({key})" in row["sql"] for row in made)
    assert after["svm"] == before["svm"] and after["forest"] != before["forest"]
    ColumnChunk.objects.all().delete()
    assert read(experiment) == after


def test_many_changed_runs_are_stored_with_the_others(experiment, stored):
    read(experiment)
    for number in (2, 6, 7, 8):
        add_points(experiment, number)
    expected = read(experiment)
    with CaptureQueriesContext(connection) as made:
        assert read(experiment) == expected
    assert count_readings(made) == 0
    ColumnChunk.objects.all().delete()
    assert read(experiment) == expected


def test_any_filter_and_any_group_use_the_same_values(experiment, stored, workspace):
    other = factories.make_experiment(workspace, "other")
    metrics.store_batch(factories.make_run(workspace, experiment=other), "", make_scalars("gain", [3.0]))
    read(experiment, "type")
    read(experiment, words=("min-gain",))
    half = groups.load_groups(
        RunKeys.read(experiment.runs.filter(number__gt=3)),
        parse_column("param-model"),
        [parse_column("metric-gain")],
        [],
        workspace,
        patient=False,
    )
    assert {group.value: (group.count, group.means["metric-gain"].mean) for group in half} == {
        "forest": (4, pytest.approx(statistics.mean(VALUES["forest"]))),
        "svm": (2, pytest.approx(1e9 + 6)),
        "": (1, None),
    }
    assert read(experiment, words=("max-gain",), patient=False) is None, "nobody has read the maximum"


def test_names_of_people_and_experiments_are_the_present_ones(experiment, stored, alice):
    experiment.runs.update(created_by=alice)
    assert list(read(experiment, "by")) == ["alice"] and list(read(experiment, "experiment")) == ["blocks"]
    experiment.runs.filter(number=1).update(revision=99)
    Experiment.objects.filter(pk=experiment.pk).update(name="renamed")
    assert list(read(experiment, "experiment")) == ["renamed"]


def test_stored_values_do_not_stay(experiment, monkeypatch):
    for age in (1, 2, 3, 8 * 24):
        at = timezone.now() - dt.timedelta(hours=age)
        ColumnChunk.objects.create(
            workspace=experiment.workspace, column="status", number=age, content=b"", size=100, stored_at=at
        )
    for limit, left in ((1000, {1, 2, 3}), (250, {1, 2})):
        monkeypatch.setattr(column_chunks, "MAX_BYTES", limit)
        ColumnChunk.objects.prune()
        assert set(ColumnChunk.objects.values_list("number", flat=True)) == left
    experiment.runs.filter(number=1).update(deleted_at=timezone.now())
    delete_runs(PurgeSelection(experiment.workspace.pk, until=timezone.now()))
    assert not ColumnChunk.objects.exists(), "they have values of the runs"


def test_the_usual_columns_of_a_long_experiment_are_read_before_somebody_asks(
    experiment, stored, as_user, alice, monkeypatch
):
    runs = list(experiment.runs.order_by("number"))
    for run in runs:
        run.add_parameters({"half": f"v{run.number % 2}", "seed": str(run.number)})
    tasks.prepare_columns()
    assert not ColumnChunk.objects.exists(), "the experiment is not long"
    Experiment.objects.filter(pk=experiment.pk).update(run_count=LONG)
    monkeypatch.setattr(prepared_columns, "TURN_SECONDS", -1)
    prepare_all()
    prepared = set(ColumnChunk.objects.values_list("column", flat=True))
    assert {"param-half", "metric-gain", "status", "experiment"} <= prepared and "param-seed" not in prepared

    all_jobs = reverse("runs:jobs", args=[experiment.workspace.slug])
    pages = [experiment.get_absolute_url(), f"{all_jobs}?col=name&col=metric-gain"]
    SavedView.objects.create(workspace=experiment.workspace, query="col=name&col=metric-gain")
    prepare_all()

    def ask(address: str) -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as made:
            query = f"{'&' if '?' in address else '?'}group=param-half&filter=metrics.gain > 2"
            text = html_of(as_user(alice).get(address + query))
        assert "group-row" in text and "data-adding-up" not in text
        return count_readings(made)

    usual = [ask(page) for page in pages]
    add_points(experiment, 6)
    assert [ask(page) for page in pages] == [number + 2 for number in usual], "of the one run"
    experiment.edit(archived=True)
    assert list(prepared_columns.prepare_columns()) == []


def test_a_page_does_not_wait_for_values_that_nobody_has_read(experiment, as_user, alice, stored):
    def ask(**query) -> tuple[bool, bool]:
        cache.clear()
        text = html_of(as_user(alice).get(experiment.get_absolute_url(), {"group": "type", **query}))
        assert "data-poll" in text and "Ignored" not in text
        return "data-adding-up" in text, "group-row" in text

    assert ask() == (True, False)
    assert ask(whole="1") == (False, True)
    assert ask() == (False, True), "they have been stored"
    assert ask(filter="metrics.gain > 2") == (False, True)
    assert ask(group="param-model") == (True, False)
    assert ask(filter="metrics.gain > 1e99") == (False, False), "no job matches"
    headers = {"HX-Request": "true", "HX-Target": "run-table"}
    later = as_user(alice).get(experiment.get_absolute_url(), {"group": "type", "whole": "1"}, headers=headers)
    assert "group-row" in html_of(later) and "whole=1" not in html_of(later)


def test_polls_of_a_long_list_add_up_all_runs_once_in_a_while(experiment, as_user, alice, monkeypatch):
    monkeypatch.setattr(group_polls, "LONG", 5)
    experiment.runs.exclude(number=1).update(status="Completed")
    started, ended = (experiment.runs.get(number=number) for number in (1, 2))
    client, headers = as_user(alice), {"HX-Request": "true", "HX-Target": "run-poll"}

    def find_poll() -> str:
        text = html_of(client.get(experiment.get_absolute_url(), {"group": "type"}))
        return html.unescape(re.search(r'id="run-poll" hx-get="([^"]+)"', text)[1])

    def ask(address: str) -> tuple[int, int]:
        """The status, and how many statements added up ended runs."""
        with CaptureQueriesContext(connection) as made:
            answer = client.get(address, headers=headers)
        sums = [row for row in made if 'AS "revisions"' in row["sql"] and "NOT (" not in row["sql"]]
        return answer.status_code, len(sums)

    changes = [
        lambda: factories.make_run(experiment.workspace, experiment=experiment),
        lambda: metrics.store_batch(started, "", make_scalars("gain", [1.0])),
        lambda: ended.delete(),
        lambda: ended.restore(),
        lambda: ended.edit(tags={"team": "red"}),
        lambda: metrics.store_batch(ended, "late", make_scalars("late", [1.0])),
    ]
    for change in changes:
        poll = find_poll()
        assert [ask(poll) for _ in range(4)] == [(204, 1), (204, 0), (204, 0), (204, 0)]
        change()
        assert ask(poll) == (200, 1)
    poll = find_poll()
    assert ask(poll) == (204, 1)
    ended.edit(tags={"team": "blue"})
    factories.make_run(factories.make_workspace()).edit(tags={"team": "red"})
    assert ask(poll) == (204, 0)
    cache.clear()
    assert ask(poll) == (200, 1)


def test_pages_far_down_are_those_of_the_database(experiment, stored, alice, as_user, monkeypatch):
    MetricSeries.objects.filter(run__number__in=[2, 7]).update(last=1e9 + 3)

    def slice_table(words: str, start: int, stop: int) -> tuple:
        table = RunTable(experiment.runs, QueryDict(words), alice, experiment, workspace=experiment.workspace)
        return deep_pages.slice_runs(table, start, stop), columns.slice_runs(table.matching, table.sorts, start, stop)

    assert slice_table("sort=metric-gain", 1, 3)[0] is None, "nobody has read the values"
    read(experiment)
    for words in ("sort=metric-gain", "sort=-metric-gain", "sort=-metric-gain&status=Queued"):
        for start in range(8):
            found, expected = slice_table(words, start, start + 2)
            assert found == expected or (found is None and start + 2 > len(expected)), (words, start)
    assert slice_table("sort=metric-gain", 8, 10)[0] is None, "one of them has no value"
    assert slice_table("sort=metric-gain&sort=name", 2, 7)[0] is None, "two have the same value"
    found, expected = slice_table("sort=metric-gain&sort=name", 0, 2)
    assert found == expected
    monkeypatch.setattr(deep_pages, "FAR", 0)
    page = {"sort": "-metric-gain", "size": "10"}
    assert html_of(as_user(alice).get(experiment.get_absolute_url(), page)).count("row-link") == 10


def prepare_all() -> None:
    """Everything that the task does by and by."""
    prepared_columns.preparation.next_round = 0
    tasks.prepare_columns()
    for _ in prepared_columns.preparation.waiting:
        tasks.prepare_columns()
