"""Lines for charts from downsampled chunks: of a long chunk only the extremes are read, which were stored with it.

A chunk that is not downsampled, because it is short or not merged yet, is read completely.
"""

import dataclasses

import numpy as np
from django.db.models import Exists, OuterRef, Q
from tsdownsample import MinMaxDownsampler, MinMaxLTTBDownsampler

from runs.metrics import packing, sql
from runs.models import MetricChunk, MetricSeries
from runs.models.metrics import DownsampledChunk

KEPT = 256
# How many gaps are kept at most.
GAPS = 16
# A series of at most this many points is read exactly, not from downsampled chunks.
EXACT = 65_536
I8, F8 = np.dtype("<i8"), np.dtype("<f8")


@dataclasses.dataclass(frozen=True)
class SampledLine:
    """Points that draw the series; NaN is a gap. `count` points are stored; `gaps` of the drawn ones are not finite."""

    steps: np.ndarray
    times: np.ndarray
    values: np.ndarray
    count: int
    gaps: int


@dataclasses.dataclass(frozen=True)
class Range:
    """A part of a chart's axis, both ends included; `axis` is step or time (epoch ms)."""

    axis: str
    min: float
    max: float

    def overlaps(self) -> Q:
        return Q(**{f"max_{self.axis}__gte": self.min, f"min_{self.axis}__lte": self.max})


def store_downsampled(chunks: list[sql.Chunk]) -> None:
    DownsampledChunk.objects.bulk_create([made for made in map(_downsample_chunk, chunks) if made])


def _downsample_chunk(chunk: sql.Chunk) -> DownsampledChunk | None:
    codec, (steps, times, values) = packing.unpack_columns(bytes(chunk.data))
    if codec == packing.JSON:
        return None
    values = values.astype(F8)
    chosen = _extremes(values, KEPT)
    data = b"".join(column[chosen].tobytes() for column in (steps, times, values))
    return DownsampledChunk(
        series_id=chunk.series.pk, start=chunk.start, count=chunk.count, data=data,
        min_step=int(steps.min()), max_step=int(steps.max()),
        min_time=int(times.min()), max_time=int(times.max()), gaps=int(np.count_nonzero(~np.isfinite(values))),
    )  # fmt: skip


def _extremes(values: np.ndarray, max_count: int) -> np.ndarray:
    """Indexes of the extremes of every part, of both ends, and of the first few gaps."""
    finite = np.isfinite(values)
    indexes = np.flatnonzero(finite)
    if len(indexes) > max_count:
        indexes = indexes[MinMaxDownsampler().downsample(np.ascontiguousarray(values[indexes]), n_out=max_count)]
    return np.unique(np.concatenate([[0, len(values) - 1], indexes, _gaps(finite)[:GAPS]]).astype(I8))


def _gaps(finite: np.ndarray) -> np.ndarray:
    """The indexes at which gaps start."""
    return np.flatnonzero(~finite & np.concatenate([[True], finite[:-1]]))


def read_lines(series: list[MetricSeries], width: int, within: Range | None = None) -> dict[int, SampledLine]:
    """Lines by primary key, each downsampled to about `width` points, by three queries whatever the number of points."""
    found: dict[int, list] = {one.pk: [] for one in series}
    stored = DownsampledChunk.objects.filter(series__in=list(found))
    for extremes in stored.filter(within.overlaps()) if within else stored:
        found[extremes.series_id].append(extremes)
    exact = [pk for pk, parts in found.items() if sum(part.count for part in parts) <= EXACT]
    for pk, start, data in _raw(list(found), exact, within):
        if pk in exact:
            found[pk] = [part for part in found[pk] if isinstance(part, tuple) or part.start != start]
        found[pk].append((start, data))
    return {one.pk: _line(one, found[one.pk], width, within) for one in series}


def _raw(every: list[int], exact: list[int], within: Range | None):
    """Chunks that are not downsampled, and those that are few enough to be read completely."""
    extremes = DownsampledChunk.objects.filter(series=OuterRef("series"), start=OuterRef("start"))
    few = Q(series__in=exact) & Exists(extremes.filter(within.overlaps()) if within else extremes)
    chunks = MetricChunk.objects.filter(series__in=every).filter(few | ~Exists(extremes))
    return chunks.values_list("series_id", "start", "data")


def _line(series: MetricSeries, parts: list, width: int, within: Range | None) -> SampledLine:
    columns, gaps = _joined(parts)
    if np.any(np.diff(columns[0]) < 0):
        order = np.lexsort((columns[1], columns[0]))
        columns = tuple(column[order] for column in columns)
    if within:
        columns = _cut(columns, within)
        gaps = int(np.count_nonzero(~np.isfinite(columns[2])))
    steps, times, values = columns
    chosen = _thin(values, width)
    return SampledLine(steps[chosen], times[chosen], values[chosen], series.count, gaps)


def _joined(parts: list) -> tuple[tuple, int]:
    """The parts in order, without those that a merge between two of our queries has put into another."""
    pieces, gaps, end = [], 0, 0
    for start, count, columns, missing in sorted(map(_read, parts), key=lambda part: part[0]):
        if start >= end:
            pieces.append(columns)
            gaps, end = gaps + missing, start + count
    kinds = (I8, I8, F8)
    joined = [np.concatenate([part[n] for part in pieces]) if pieces else np.empty(0, kinds[n]) for n in range(3)]
    return tuple(joined), gaps


def _read(part) -> tuple[int, int, tuple, int]:
    if isinstance(part, DownsampledChunk):
        raw = np.frombuffer(bytes(part.data), I8).reshape(3, -1)
        return part.start, part.count, (raw[0], raw[1], raw[2].view(F8)), part.gaps
    start, data = part
    _, (steps, times, values) = packing.unpack_columns(bytes(data))
    values = packing.as_floats(values)
    return start, len(steps), (steps, times, values), int(np.count_nonzero(~np.isfinite(values)))


def _cut(columns: tuple, within: Range) -> tuple:
    """The points in the range and one more at either side, so that the line reaches the edges of the chart."""
    axis = columns[0] if within.axis == "step" else columns[1]
    inside = np.flatnonzero((axis >= within.min) & (axis <= within.max))
    if not len(inside):
        return tuple(column[:0] for column in columns)
    part = slice(max(0, inside[0] - 1), inside[-1] + 2)
    return tuple(column[part] for column in columns)


def _thin(values: np.ndarray, width: int) -> np.ndarray:
    if len(values) <= width:
        return np.arange(len(values))
    finite = np.isfinite(values)
    indexes, gaps = np.flatnonzero(finite), _gaps(finite)[: width // 4]
    if len(indexes) > width:
        chosen = MinMaxLTTBDownsampler().downsample(np.ascontiguousarray(values[indexes]), n_out=max(width, 3))
        indexes = indexes[chosen.astype(I8)]
    return np.sort(np.concatenate([indexes, gaps]).astype(I8))
