"""The means of groups are added up from blocks of runs."""

import datetime as dt
import statistics

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from runs import metrics, tasks
from runs.models import Experiment, ListSums, MetricSeries, SavedView, list_sums
from runs.models.experiments import LONG
from runs.pages.lists import group_sums, prepared_sums
from runs.pages.lists.columns import parse_column
from runs.purging import delete_runs
from runs.seeding.contents import make_scalars
from studio.purging import PurgeSelection
from tests import factories
from tests.html import html_of

VALUES = {
    "svm": [1e9 + 1, 1e9 + 2, 1e9 + 4, 1e9 + 3, 1e9 + 9],
    "forest": [1e9, 1e9 + 5, 1e9 + 5.5, 1e9 - 7],
    "none": [],
}


@pytest.fixture
def experiment(workspace, monkeypatch):
    # Two runs in a block.
    monkeypatch.setattr(group_sums, "BITS", 1)
    cache.clear()
    experiment = factories.make_experiment(workspace, "blocks")
    for model, values in VALUES.items():
        for value in values or [None]:
            run = factories.make_run(workspace, experiment=experiment, run_type=model)
            if value is not None:
                metrics.store_batch(run, "", make_scalars("gain", [0.0, value]))
    return experiment


def read(experiment, limit: int = 10, workspace=None) -> dict:
    found = read_columns(experiment, ["metric-gain"], limit, workspace)
    return {key: (count, sums[0]) for key, count, sums in found}


def read_columns(experiment, words: list[str], limit: int = 10, workspace=None) -> list[tuple]:
    runs = experiment.runs.annotate(group_key=F("run_type"))
    blocks = group_sums.RunBlocks.read(runs, "number")
    return group_sums.sum_groups(runs, [parse_column(word) for word in words], blocks, limit, workspace)


def test_sums_of_blocks_are_the_sums_of_all_runs(experiment):
    found = read(experiment)
    assert list(found) == ["svm", "forest", "none"]
    for model, values in VALUES.items():
        count, sums = found[model]
        assert (count, sums.count, sums.points) == (max(1, len(values)), len(values), 2 * len(values))
        if values:
            assert sums.mean == pytest.approx(statistics.mean(values), rel=1e-12)
            assert sums.spread == pytest.approx(statistics.stdev(values), rel=1e-6)
        else:
            assert (sums.mean, sums.spread, sums.longest) == (None, None, 0)
    assert list(read(experiment, 2)) == ["svm", "forest"]


def test_a_change_of_a_run_reads_only_its_block(experiment):
    before = read(experiment)
    with CaptureQueriesContext(connection) as nothing:
        assert read(experiment) == before
    run = experiment.runs.get(number=6)
    metrics.store_batch(run, "more", make_scalars("gain", [7.0] * 3))
    with CaptureQueriesContext(connection) as one:
        after = read(experiment)
    assert len(nothing) == 1
    [sums] = [query["sql"] for query in one if "SUM((" in query["sql"]]
    assert '"number" >= 6' in sums and '"number" < 8' in sums
    assert after["svm"] == before["svm"] and after["forest"][1].points == before["forest"][1].points + 3
    cache.clear()
    assert read(experiment) == after


def test_an_infinite_value_makes_its_group_infinite_alone(experiment):
    MetricSeries.objects.filter(run__number=6).update(last=float("inf"))
    found = read(experiment)
    assert (found["forest"][1].mean, found["forest"][1].count) == (float("inf"), 4)
    assert found["svm"][1].mean == pytest.approx(statistics.mean(VALUES["svm"]))


def test_too_many_groups_are_read_without_blocks(experiment, monkeypatch):
    usual = read(experiment)
    monkeypatch.setattr(group_sums, "MAX_ROWS", 3)
    cache.clear()
    few = read(experiment)
    assert list(few) == list(usual) and few["forest"][1].mean == pytest.approx(usual["forest"][1].mean)


def test_runs_that_are_deleted_meanwhile_leave_no_group(experiment):
    blocks = group_sums.RunBlocks.read(experiment.runs, "number")
    gone = experiment.runs.annotate(group_key=F("run_type")).filter(number__gt=1000)
    assert group_sums.sum_groups(gone, [parse_column("metric-gain")], blocks, 10) == []


def test_another_process_reads_what_one_has_stored(experiment, monkeypatch):
    workspace = experiment.workspace
    assert read(experiment, workspace=workspace) and not ListSums.objects.exists(), "short lists are not stored"
    monkeypatch.setattr(group_sums, "MANY_BLOCKS", 3)
    cache.clear()
    before = read(experiment, workspace=workspace)
    cache.clear()
    with CaptureQueriesContext(connection) as again:
        assert read(experiment, workspace=workspace) == before
    assert len(again) == 2 and {row.workspace for row in ListSums.objects.all()} == {workspace}
    metrics.store_batch(experiment.runs.get(number=6), "more", make_scalars("gain", [7.0] * 3))
    cache.clear()
    with CaptureQueriesContext(connection) as one:
        after = read(experiment, workspace=workspace)
    [sums] = [query["sql"] for query in one if "SUM((" in query["sql"]]
    assert '"number" >= 6' in sums and after["forest"][1].points == before["forest"][1].points + 3
    cache.clear()
    assert read(experiment) == after


def test_other_columns_of_a_stored_list_need_only_what_is_missing(experiment, monkeypatch):
    monkeypatch.setattr(group_sums, "MANY_BLOCKS", 3)
    read(experiment, workspace=experiment.workspace)
    columns = ["min-gain", "metric-gain", "max-gain"]
    # Columns, and how many metrics of how many lists of blocks are read.
    for words, expected in ((columns, [2]), (columns[::-1], []), (["max-gain"], []), ([], [])):
        cache.clear()
        with CaptureQueriesContext(connection) as made:
            found = read_columns(experiment, words, workspace=experiment.workspace)
        assert [row["sql"].count("SUM((") // 2 for row in made if "SUM((" in row["sql"]] == expected, words
        assert len(made) <= 3 + 3 * bool(expected)
        cache.clear()
        assert found == read_columns(experiment, words)
    # The blocks of one metric are newer than those of another.
    metrics.store_batch(experiment.runs.get(number=6), "more", make_scalars("gain", [7.0] * 3))
    cache.clear()
    found = read_columns(experiment, columns, workspace=experiment.workspace)
    cache.clear()
    assert found == read_columns(experiment, columns)


def test_stored_sums_do_not_stay(experiment, monkeypatch):
    for age in (1, 2, 3, 8 * 24):
        at = timezone.now() - dt.timedelta(hours=age)
        ListSums.objects.create(workspace=experiment.workspace, key=str(age), content=b"", stored_at=at)
    ListSums.objects.prune()
    assert set(ListSums.objects.values_list("key", flat=True)) == {"1", "2", "3"}
    monkeypatch.setattr(list_sums, "MAX_LISTS", 2)
    ListSums.objects.prune()
    assert set(ListSums.objects.values_list("key", flat=True)) == {"1", "2"}
    experiment.runs.filter(number=1).update(deleted_at=timezone.now())
    delete_runs(PurgeSelection(experiment.workspace.pk, until=timezone.now()))
    assert not ListSums.objects.exists(), "they name values of the runs"


def test_the_usual_lists_of_a_long_experiment_are_added_up_before_somebody_asks(
    experiment, as_user, alice, monkeypatch
):
    monkeypatch.setattr(group_sums, "MANY_BLOCKS", 3)
    runs = list(experiment.runs.order_by("number"))
    for run in runs:
        run.add_parameters({"model": f"v{run.number % 2}", "seed": str(run.number)})
    tasks.sum_lists()
    assert not ListSums.objects.exists(), "the experiment is not long"
    Experiment.objects.filter(pk=experiment.pk).update(run_count=LONG)
    prepared = prepare_all()
    for one, words in prepared.items():
        assert "param-model" in words and "param-seed" not in words, one
    assert set(prepared) == {experiment.pk, None} and "experiment" in prepared[None]

    all_jobs = reverse("runs:jobs", args=[experiment.workspace.slug])
    pages = {"experiment": experiment.get_absolute_url(), "all jobs": f"{all_jobs}?col=name&col=metric-gain"}
    SavedView.objects.create(workspace=experiment.workspace, query="col=name&col=metric-gain")
    prepare_all()

    def count_readings(address: str) -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as made:
            query = f"{'&' if '?' in address else '?'}group=param-model"
            assert "gain" in html_of(as_user(alice).get(address + query))
        return len([row for row in made if "SUM((" in row["sql"]])

    assert {page: count_readings(address) for page, address in pages.items()} == {"experiment": 0, "all jobs": 0}
    metrics.store_batch(runs[5], "more", make_scalars("gain", [7.0] * 3))
    assert {page: count_readings(address) for page, address in pages.items()} == {"experiment": 1, "all jobs": 1}
    prepare_all()
    assert {page: count_readings(address) for page, address in pages.items()} == {"experiment": 0, "all jobs": 0}
    experiment.edit(archived=True)
    assert prepare_all() == {}


def test_a_page_does_not_wait_for_long_sums(experiment, as_user, alice, monkeypatch):
    def ask(**query) -> tuple[bool, bool, int]:
        cache.clear()
        with CaptureQueriesContext(connection) as made:
            answer = as_user(alice).get(experiment.get_absolute_url(), {"group": "type", **query})
        text = html_of(answer)
        assert "data-poll" in text and "Ignored" not in text
        return "data-adding-up" in text, "group-row" in text, len([row for row in made if "SUM((" in row["sql"]])

    assert ask() == (False, True, 1), "a short list needs no second request"
    monkeypatch.setattr(group_sums, "MANY_BLOCKS", 3)
    assert ask() == (True, False, 0)
    assert ask(whole="1") == (False, True, 1)
    assert ask() == (False, True, 0), "they have been stored"
    assert ask(filter="metrics.gain > 2") == (True, False, 0)
    assert ask(filter="metrics.gain > 1e99") == (False, False, 0), "no job matches"
    headers = {"HX-Request": "true", "HX-Target": "run-table"}
    later = as_user(alice).get(experiment.get_absolute_url(), {"group": "type", "whole": "1"}, headers=headers)
    assert "group-row" in html_of(later) and "whole=1" not in html_of(later)


def prepare_all() -> dict[int | None, list[str]]:
    """Everything that the task does by and by."""
    found: dict[int | None, list[str]] = {}
    for _, experiment, word in prepared_sums.list_usual():
        found.setdefault(experiment, []).append(word)
    prepared_sums.preparation.next_round = 0
    tasks.sum_lists()
    while prepared_sums.preparation.waiting:
        tasks.sum_lists()
    return found
