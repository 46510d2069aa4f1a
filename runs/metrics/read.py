"""Reading metrics: lists use the rows of series; points are read from chunks by ordinal."""

import math

import numpy as np
from django.db import connection
from django.db.models import F
from tsdownsample import MinMaxLTTBDownsampler

from runs.metrics import packing
from runs.metrics.batches import FULL, format_last_value
from runs.models import MetricChunk, MetricSeries, Run

# The longest chunk: a merge can exceed the size of a full chunk by one batch.
MAX_CHUNK_POINTS = 2 * FULL
# Plain SQL, because the page of a live run polls every second; AT_ONCE series per statement.
AFTER = f'SELECT series_id, start, data FROM "{MetricChunk._meta.db_table}" WHERE {{}} ORDER BY series_id, start'
ONE_AFTER = "(series_id = %s AND start > %s AND start + count > %s)"
AT_ONCE = 100


def series_of(run: Run):
    return MetricSeries.objects.filter(run=run)


def read_points(series: MetricSeries, after: int = 0):
    """Steps, times (epoch ms) and values after the first `after` points, as arrays; values that are not all numbers are
    a list."""
    codec, (steps, times, values) = packing.join_columns(_parts(series, after))
    if codec != packing.JSON and series.values == MetricSeries.Values.FLOAT:
        values = values.astype("<f8", copy=False)
    return steps, times, values


def read_window(series: MetricSeries, start: int, count: int):
    """Steps, times and values of `count` points from an ordinal, without reading later chunks."""
    _, columns = packing.join_columns(_parts(series, start, start + count))
    return tuple(column[:count] for column in columns)


def iterate_chunks(series: MetricSeries):
    """All steps, times and values, one chunk at a time to save memory."""
    chunks = MetricChunk.objects.filter(series=series).order_by("start")
    for data in chunks.values_list("data", flat=True).iterator(chunk_size=4):
        yield packing.unpack_columns(bytes(data))[1]


def _parts(series: MetricSeries, after: int, until: int | None = None) -> list:
    chunks = MetricChunk.objects.filter(series=series, start__gt=after - MAX_CHUNK_POINTS)
    if until is not None:
        chunks = chunks.filter(start__lt=until)
    chunks = chunks.annotate(end=F("start") + F("count")).filter(end__gt=after).order_by("start")
    parts = []
    for start, data in chunks.values_list("start", "data"):
        codec, columns = packing.unpack_columns(bytes(data))
        skip = max(0, after - start)
        parts.append((codec, tuple(column[skip:] for column in columns)))
    return parts


def read_points_after(known: dict[int, int]) -> dict:
    """New points by primary key of the series, after the known number of points; one query per hundred series."""
    parts: dict[int, list] = {pk: [] for pk in known}
    pairs = list(known.items())
    for first in range(0, len(pairs), AT_ONCE):
        some = pairs[first : first + AT_ONCE]
        with connection.cursor() as cursor:
            values = [value for pk, after in some for value in (pk, after - MAX_CHUNK_POINTS, after)]
            cursor.execute(AFTER.format(" OR ".join([ONE_AFTER] * len(some))), values)
            for pk, start, data in cursor.fetchall():
                codec, columns = packing.unpack_columns(bytes(data))
                skip = max(0, known[pk] - start)
                parts[pk].append((codec, tuple(column[skip:] for column in columns)))
    return {pk: packing.join_columns(found)[1] for pk, found in parts.items()}


def read_points_of_many(series: list[MetricSeries]) -> dict:
    """All points by primary key of the series, by one query."""
    parts: dict[int, list] = {one.pk: [] for one in series}
    chunks = MetricChunk.objects.filter(series__in=list(parts)).order_by("series", "start")
    for pk, data in chunks.values_list("series", "data"):
        parts[pk].append(packing.unpack_columns(bytes(data)))
    return {pk: packing.join_columns(found)[1] for pk, found in parts.items()}


def read_downsampled(series: MetricSeries, width: int):
    """Steps, times and values of at most `width` points that draw the same line, and the number of all points.

    The extremes of every part are kept. Values that are not numbers become NaN, and are left out if there are
    more points than fit.
    """
    return downsample_points(read_points(series), width)


def downsample_points(columns, width: int):
    """The same for points in memory."""
    steps, times, values = columns
    numbers = packing.as_floats(values)
    count = len(numbers)
    if count > width:
        finite = np.flatnonzero(np.isfinite(numbers))
        if len(finite) > width:
            chosen = MinMaxLTTBDownsampler().downsample(np.ascontiguousarray(numbers[finite]), n_out=max(width, 3))
            finite = finite[chosen]
        steps, times, numbers = steps[finite], times[finite], numbers[finite]
    return steps, times, numbers, count


def read_sdk_values(series: MetricSeries) -> list:
    """The values as `get_metrics` gives them, with NaN and infinities as texts."""
    return encode_non_finite(packing.as_list(read_points(series)[2]))


def read_rows(series: MetricSeries, after: int = 0, limit: int | None = None) -> list:
    """The rows of a table."""
    return read_points(series, after)[2][:limit]


def encode_non_finite(values: list) -> list:
    """The list with NaN and infinities as texts, which JSON cannot represent."""
    return [
        value if not isinstance(value, float) or math.isfinite(value) else format_last_value(value) for value in values
    ]
