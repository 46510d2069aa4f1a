"""Metrics in and out: kinds, order, summaries, packing, thinning."""

import math
import random

import pytest

from runs import metrics
from runs.metrics import packing
from runs.metrics.store import FULL, LOOSE
from runs.models import MetricChunk, MetricSeries
from studio.errors import Invalid, TooLarge


def scalar(name="loss", value=1.0, **fields):
    return {"name": name, "kind": "scalar", "value": value, **fields}


@pytest.fixture
def run(started):
    return started("r1")


def series(run, name="loss"):
    return MetricSeries.objects.get(run=run, name=name)


def read(run, name="loss"):
    return metrics.read_sdk_values(series(run, name))


def test_values_come_back_in_order_as_they_went(run):
    values = [0.5, 1e-300, -3.25, 1e308]
    assert metrics.store_batch(run, "b1", [scalar(value=value) for value in values]) == 4
    metrics.store_batch(run, "b2", [scalar(value=7.0)])
    assert read(run) == [*values, 7.0]


def test_whole_numbers_stay_whole_until_a_fraction_comes(run):
    metrics.store_batch(run, "b1", [scalar(value=3), scalar(value=2**62)])
    assert [type(value) for value in read(run)] == [int, int]
    metrics.store_batch(run, "b2", [scalar(value=0.5)])
    assert read(run) == [3.0, float(2**62), 0.5]
    assert metrics.read_points(series(run), after=2)[2].tolist() == [0.5]


def test_texts_truths_and_null_are_kept(run):
    metrics.store_batch(run, "b", [scalar(value=value) for value in ("best", True, None, 2)])
    assert read(run) == ["best", True, None, 2]
    assert series(run).last == 2.0


def test_nan_and_infinities_are_kept_and_a_nan_is_never_min_or_max(run):
    points = [scalar(value=value) for value in (1.0, "NaN", "Infinity", "-Infinity", "NaN")]
    metrics.store_batch(run, "b", points)
    assert read(run) == [1.0, "NaN", "Infinity", "-Infinity", "NaN"]
    row = series(run)
    assert (row.min, row.max, row.last, row.shown) == (-math.inf, math.inf, None, "NaN")


def test_a_series_of_nothing_but_nan_has_no_summary(run):
    metrics.store_batch(run, "b", [scalar(value="NaN")])
    row = series(run)
    assert (row.count, row.last, row.min, row.shown) == (1, None, None, "NaN")


def test_summaries_follow_every_batch(run):
    metrics.store_batch(run, "1", [scalar(value=5.0, step=10, time=1000), scalar(value=3.0, step=20, time=2000)])
    metrics.store_batch(run, "2", [scalar(value=9.0, step=30, time=3000), scalar(value=4.0, step=40, time=4000)])
    row = series(run)
    assert (row.count, row.first_step, row.last, row.last_step) == (4, 10, 4.0, 40)
    assert (row.min, row.min_step, row.max, row.max_step) == (3.0, 20, 9.0, 30)
    assert row.last_at.timestamp() == 4


def test_a_point_without_a_step_gets_its_position(run):
    metrics.store_batch(run, "1", [scalar(), scalar()])
    metrics.store_batch(run, "2", [scalar()])
    assert metrics.read_points(series(run))[0].tolist() == [0, 1, 2]


def test_steps_of_any_size_survive(run):
    steps = [2**63 - 1, -(2**63), 0]
    metrics.store_batch(run, "1", [scalar(step=step) for step in steps])
    assert metrics.read_points(series(run))[0].tolist() == steps


def test_the_same_batch_again_changes_nothing(run):
    for _ in range(3):
        assert metrics.store_batch(run, "same", [scalar(), scalar()]) == 2
    assert series(run).count == 2


def test_an_empty_batch_is_accepted(run):
    assert metrics.store_batch(run, "b", []) == 0


def test_lists_are_joined(run):
    metrics.store_batch(run, "1", [{"name": "l", "kind": "list", "value": [1, 2]}])
    metrics.store_batch(run, "2", [{"name": "l", "kind": "list", "value": [3]}])
    assert read(run, "l") == [1, 2, 3]


def test_tables_keep_their_rows(run):
    rows = [{"a": 1, "b": "x"}, {"a": 2.5}]
    metrics.store_batch(run, "1", [{"name": "t", "kind": "table", "rows": rows}])
    metrics.store_batch(run, "2", [{"name": "t", "kind": "table", "rows": [{"a": "NaN"}]}])
    assert read(run, "t") == [*rows, {"a": "NaN"}]
    assert metrics.read_rows(series(run, "t"), after=1, limit=1) == [{"a": 2.5}]


def test_every_bad_point_is_named_and_nothing_is_stored(run):
    batch = [scalar("good"), scalar(""), scalar(step=1.5), scalar(step=2**63), scalar(value=[1]), "no", {"name": "x"}]
    with pytest.raises(Invalid) as caught:
        metrics.store_batch(run, "b", batch)
    assert [detail["target"] for detail in caught.value.details] == [f"metrics[{n}]" for n in range(1, 7)]
    assert "Nothing of the batch was stored" in caught.value.message
    assert not MetricSeries.objects.exists()
    assert metrics.store_batch(run, "b", [scalar()]) == 1


@pytest.mark.parametrize(
    "point",
    [
        scalar("n" * 256),
        scalar("nul\0"),
        scalar(kind="odd"),
        scalar(time=-1),
        scalar(time=1.5),
        scalar(value={"a": 1}),
        scalar(value="\ud800"),
        scalar(value="x" * 10_001),
        scalar(value=10**400),
        {"name": "t", "kind": "table", "rows": []},
        {"name": "t", "kind": "table", "rows": [[1]]},
        {"name": "t", "kind": "table", "rows": [{"a": [1]}]},
        {"name": "t", "kind": "table", "rows": [{"a": math.inf}]},
        {"name": "l", "kind": "list", "value": []},
        {"name": "i", "kind": "image", "value": 3},
        {"name": 3, "value": 1},
        {"name": ["a"], "value": 1},
        None,
    ],
)
def test_bad_points_are_refused_with_a_message(run, point):
    with pytest.raises(Invalid) as caught:
        metrics.store_batch(run, "b", [point])
    assert caught.value.target == "metrics[0]"


def test_a_series_keeps_its_kind(run):
    metrics.store_batch(run, "1", [scalar("a")])
    with pytest.raises(Invalid, match="Use another name"):
        metrics.store_batch(run, "2", [{"name": "a", "kind": "table", "rows": [{"x": 1}]}])
    with pytest.raises(Invalid):
        metrics.store_batch(run, "3", [scalar("b"), {"name": "b", "kind": "list", "value": [1]}])


def test_too_many_points_are_refused(run):
    with pytest.raises(TooLarge, match="10000 are allowed"):
        metrics.store_batch(run, "b", [scalar()] * 10_001)


def test_many_single_points_end_in_few_chunks(run):
    values = [random.random() for _ in range(5 * LOOSE + 3)]
    for number, value in enumerate(values):
        metrics.store_batch(run, str(number), [scalar(value=value, time=1000 + number)])
    assert read(run) == values
    assert MetricChunk.objects.count() <= LOOSE + 1
    assert metrics.read_points(series(run))[1].tolist() == list(range(1000, 1000 + len(values)))


def test_big_batches_are_merged_and_read_from_anywhere(run):
    total = 70_000
    for start in range(0, total, 700):
        metrics.store_batch(run, str(start), [scalar(value=float(n), step=n) for n in range(start, start + 700)])
    assert read(run) == [float(n) for n in range(total)]
    assert max(MetricChunk.objects.values_list("count", flat=True)) < 2 * FULL
    for after in (0, 1, FULL, 2 * FULL + 7, total - 1, total, total + 5):
        assert metrics.read_points(series(run), after)[0].tolist() == list(range(after, total))


def test_kinds_of_values_mix_across_a_merge(run):
    values = [[1, 2.5, "text", "NaN", True][n % 5] for n in range(2 * LOOSE)]
    for number, value in enumerate(values):
        metrics.store_batch(run, str(number), [scalar(value=value)])
    assert read(run) == values


def test_settling_joins_what_is_left(run):
    for number in range(5):
        metrics.store_batch(run, str(number), [scalar(value=number)])
    metrics.merge_small_chunks(series(run))
    assert MetricChunk.objects.count() == 1
    assert read(run) == [0, 1, 2, 3, 4]


def test_thinning_keeps_the_spikes(run):
    values = [math.sin(n / 500) for n in range(9_000)]
    values[1234], values[7777] = 50.0, -50.0
    metrics.store_batch(run, "b", [scalar(value=value, step=n) for n, value in enumerate(values)])
    steps, times, chosen, count = metrics.read_downsampled(series(run), 200)
    assert count == 9_000
    assert len(steps) == len(times) == len(chosen) <= 200
    assert {50.0, -50.0} <= set(chosen.tolist())
    assert (steps[0], steps[-1]) == (0, 8_999)


def test_few_points_are_not_thinned_and_keep_their_gap(run):
    metrics.store_batch(run, "b", [scalar(value=1.0), scalar(value="NaN"), scalar(value=2.0)])
    values = metrics.read_downsampled(series(run), 100)[2].tolist()
    assert values[0] == 1.0 and math.isnan(values[1])


@pytest.mark.parametrize("count", [1, 63, 64, 1000])
@pytest.mark.parametrize("codec", ["int", "float", "json"])
def test_packing_round_trips(codec, count):
    steps = [random.randrange(-(2**63), 2**63) for _ in range(count)]
    times = [random.randrange(2**45) for _ in range(count)]
    make = {"int": lambda: random.randrange(-(2**63), 2**63), "float": random.random, "json": lambda: {"é": [1, None]}}
    values = [make[codec]() for _ in range(count)]
    kind, columns = packing.unpack_columns(packing.pack_columns(codec, steps, times, values))
    assert kind == codec
    assert [packing.as_list(column) for column in columns] == [steps, times, values]


def test_a_million_like_points_take_few_bytes(run):
    points = [scalar(value=random.random(), step=n, time=1_790_000_000_000 + 13 * n) for n in range(10_000)]
    metrics.store_batch(run, "b", points)
    assert sum(len(data) for data in MetricChunk.objects.values_list("data", flat=True)) / 10_000 < 12


def test_points_of_many_series_come_by_one_query(started, django_assert_num_queries):
    runs = [started(f"many{number}") for number in range(3)]
    for number, run in enumerate(runs):
        metrics.store_batch(
            run, "", [{"name": "loss", "kind": "scalar", "value": number + step / 10} for step in range(4)]
        )
    series = [run.metrics.get() for run in runs]
    with django_assert_num_queries(1):
        found = metrics.read_points_of_many(series)
    assert [found[one.pk][2].tolist() for one in series] == [metrics.read_points(one)[2].tolist() for one in series]


def test_what_came_after_an_ordinal_comes_by_one_query_for_many_series(started, django_assert_num_queries):
    run = started()
    for batch in range(3):
        points = [{"name": name, "value": batch * 10 + n} for name in ("loss", "acc") for n in range(10)]
        metrics.store_batch(run, f"b{batch}", points)
    loss, acc = (MetricSeries.objects.get(run=run, name=name) for name in ("loss", "acc"))
    with django_assert_num_queries(1):
        found = metrics.read_points_after({loss.pk: 25, acc.pk: 30})
    assert found[loss.pk][2].tolist() == [25, 26, 27, 28, 29]
    assert [len(column) for column in found[acc.pk]] == [0, 0, 0]
    assert metrics.read_points_after({}) == {}
