"""A chart of very many points is drawn from downsampled chunks, and shows what the points would."""

import math

import numpy as np
import pytest

from runs import metrics
from runs.metrics import downsampled
from runs.metrics.downsampled import Range
from runs.models import MetricChunk
from runs.models.metrics import DownsampledChunk
from tests import factories


@pytest.fixture
def run(workspace):
    return factories.make_run(workspace)


def log(run, count: int, start: int = 0, **peaks):
    at = {int(step_name[1:]): value for step_name, value in peaks.items()}
    for first in range(start, start + count, 10_000):
        points = [
            {"name": "loss", "kind": "scalar", "step": n, "time": n * 10, "value": at.get(n, math.sin(n / 500))}
            for n in range(first, min(first + 10_000, start + count))
        ]
        metrics.store_batch(run, "", points)
    return run.metrics.get(name="loss")


def test_long_chunks_get_a_downsampled_chunk_and_short_ones_do_not(run):
    log(run, 10_000)
    log(run, 100, start=10_000)
    assert [chunk.count for chunk in DownsampledChunk.objects.filter(series__run=run)] == [10_000]


def test_a_peak_among_many_points_is_drawn(run, monkeypatch):
    series = log(run, 100_100, p54321=9.0, p77=-9.0)
    read = []
    monkeypatch.setattr(
        downsampled.packing,
        "unpack_columns",
        lambda data, unpack=downsampled.packing.unpack_columns: read.append(1) or unpack(data),
    )
    line = downsampled.read_lines([series], 500)[series.pk]
    assert read == [1]  # the short chunk at the end
    assert line.values.max() == 9 and line.steps[line.values.argmax()] == 54321 and line.values.min() == -9
    assert (line.steps[0], line.steps[-1], line.count) == (0, 100_099, 100_100) and len(line.steps) <= 500
    assert (line.times == line.steps * 10).all()


def test_a_short_range_is_exact_at_both_ends(run):
    series = log(run, 100_000)
    line = downsampled.read_lines([series], 500, Range("step", 50_010, 50_100))[series.pk]
    assert line.steps.tolist() == list(range(50_009, 50_102))
    by_time = downsampled.read_lines([series], 500, Range("time", 500_100, 501_000))[series.pk]
    assert by_time.steps.tolist() == line.steps.tolist()


def test_a_range_without_points_is_empty(run):
    assert not len(downsampled.read_lines([log(run, 10)], 500, Range("step", 50, 60)).popitem()[1].steps)


def test_gaps_are_counted_and_drawn(run):
    series = log(run, 70_000, p100=math.nan, p101=math.inf, p60000=math.nan)
    line = downsampled.read_lines([series], 500)[series.pk]
    assert line.gaps == 3 and line.steps[~np.isfinite(line.values)].tolist() == [100, 60_000]


def test_a_merge_replaces_downsampled_chunks(run):
    series = log(run, 30_000)
    metrics.merge_small_chunks(series)
    starts = MetricChunk.objects.filter(series=series).values_list("start", "count")
    assert sorted(DownsampledChunk.objects.filter(series=series).values_list("start", "count")) == sorted(starts)


def test_points_logged_out_of_order_are_drawn_in_order(run):
    log(run, 10, start=10)
    series = log(run, 10)
    assert downsampled.read_lines([series], 500)[series.pk].steps.tolist() == list(range(20))


def test_texts_among_numbers_are_gaps(run):
    for value in (1.5, "high", 2):
        metrics.store_batch(run, "", [{"name": "mixed", "kind": "scalar", "value": value}])
    series = run.metrics.get(name="mixed")
    line = downsampled.read_lines([series], 500)[series.pk]
    assert line.gaps == 1 and line.values.tolist()[::2] == [1.5, 2]
