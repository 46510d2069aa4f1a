"""Storing a batch of points: atomically, once even if it is sent again, and safe with concurrent writers."""

import math
import uuid

from runs.metrics import deduplication, downsampled, packing, sql
from runs.metrics.batches import FULL, MAX_BATCH_ID, Group, format_last_value, group_points
from runs.metrics.deduplication import last_point, rank_value
from runs.models import MetricSeries, Run
from runs.models.metrics import DownsampledChunk
from studio import process_counters
from studio.database import begin_write
from studio.errors import Invalid, TooLarge
from studio.formats import from_millis

# Chunks are merged whenever there are this many.
LOOSE = 64
# Chunks of at least this many points get a downsampled chunk.
MIN_DOWNSAMPLED = 4_096
MAX_SERIES = 10_000
MAX_POINTS_PER_SERIES = 10_000_000


def store_batch(run: Run, batch_id: str, points: list) -> int:
    """Store a batch of points and return their number. The same `batch_id` again changes nothing."""
    store_groups(run, group_points(points), _checked(batch_id))
    return len(points)


def store_groups(run: Run, groups: dict[str, Group], batch_id: str = "", *, once: bool = False) -> None:
    """Store checked points by name. With `once`, points that the series already has (same step, time and value) are
    left out."""
    if not groups:
        return
    with begin_write():
        # Batches of one run are stored one after another.
        run.lock()
        if not batch_id or sql.add_batch(run, batch_id):
            store_locked(run, groups, once=once)


def _checked(batch_id) -> str:
    if not isinstance(batch_id, str | uuid.UUID) or len(str(batch_id)) > MAX_BATCH_ID:
        raise Invalid(f"batchId={batch_id!r}: write a text of at most {MAX_BATCH_ID} characters.", target="batchId")
    return str(batch_id)


def store_locked(run: Run, groups: dict[str, Group], *, once: bool = False) -> None:
    """The same, if the caller has locked the run in its transaction."""
    process_counters.count("lazuli_ingest_points_total", number=sum(len(group.values) for group in groups.values()))
    present = sql.find_series(run, list(groups))
    _check_kinds(present, groups)
    if once:
        groups = {n: deduplication.drop_repeated(present.get(n), g) for n, g in groups.items()}
        groups = {name: group for name, group in groups.items() if group.values}
    fresh = {
        n: MetricSeries(run=run, name=n, kind=g.kind, values=g.codec) for n, g in groups.items() if n not in present
    }
    if fresh and sql.count_series(run) + len(fresh) > MAX_SERIES:
        raise TooLarge(f"A run has at most {MAX_SERIES} metrics of different names.", code="limit_reached")
    chunks = [chunk for name, group in groups.items() for chunk in _chunks(present.get(name) or fresh[name], group)]
    sql.save_summaries([present[name] for name in groups if name in present])
    sql.add_series(list(fresh.values()))
    sql.add_chunks(chunks)
    _downsample_long(chunks)
    for name in groups:
        series = present.get(name) or fresh[name]
        if series.loose >= LOOSE:
            merge_chunks(series)


def _downsample_long(chunks: list[sql.Chunk]) -> None:
    long = [chunk for chunk in chunks if chunk.count >= MIN_DOWNSAMPLED]
    if long:
        downsampled.store_downsampled(long)


def _check_kinds(present: dict, groups: dict) -> None:
    for name, series in present.items():
        if series.kind != groups[name].kind:
            raise Invalid(
                f"{name!r} is a {series.kind} in this run; it cannot be a {groups[name].kind} too. Use another name.",
                target=name,
            )


def _chunks(series: MetricSeries, group: Group) -> list[sql.Chunk]:
    """The new points, packed; the summaries of the series follow them."""
    start, count = series.count, len(group.values)
    if start + count > MAX_POINTS_PER_SERIES:
        raise TooLarge(f"{series.name!r} would have more than {MAX_POINTS_PER_SERIES} points.", code="limit_reached")
    steps = [start + index if step is None else step for index, step in enumerate(group.steps)]
    _summarize(series, group, steps)
    made = []
    for begin in range(0, count, FULL):
        part = slice(begin, begin + FULL)
        data = packing.pack_columns(group.codec, steps[part], group.times[part], group.values[part])
        made.append(sql.Chunk(series, start + begin, len(steps[part]), data))
    series.count += count
    series.loose += len(made)
    series.values = packing.widest_codec([series.values, group.codec])
    return made


def _summarize(series: MetricSeries, group: Group, steps: list) -> None:
    if series.first_step is None:
        series.first_step = steps[0]
    if series.kind == MetricSeries.Kind.TABLE:
        series.last_step, series.shown = steps[-1], format_last_value(group.values[-1])
        return
    numbers = group.values if group.codec != "json" else [_number(value) for value in group.values]
    indexes = [index for index, value in enumerate(numbers) if value == value]
    if indexes:
        _summarize_numbers(series, numbers, steps, indexes)
    _summarize_last(series, group, steps, numbers)


def _summarize_numbers(series: MetricSeries, numbers: list, steps: list, indexes: list) -> None:
    low, high = min(indexes, key=numbers.__getitem__), max(indexes, key=numbers.__getitem__)
    if series.min is None or numbers[low] < series.min:
        series.min, series.min_step = float(numbers[low]), steps[low]
    if series.max is None or numbers[high] > series.max:
        series.max, series.max_step = float(numbers[high]), steps[high]


def _summarize_last(series: MetricSeries, group: Group, steps: list, numbers: list) -> None:
    """The last point is the one with the greatest step, then time, then value, in whatever order they arrive."""

    def rank_point(index: int) -> tuple:
        return steps[index], group.times[index], rank_value(numbers[index])

    index = max(reversed(range(len(steps))), key=rank_point)
    if series.last_at is not None and rank_point(index) < last_point(series):
        return
    series.last = float(numbers[index]) if numbers[index] == numbers[index] else None
    series.last_step, series.shown = steps[index], format_last_value(group.values[index])
    series.last_at = from_millis(group.times[index])


def _number(value) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def merge_chunks(series: MetricSeries) -> None:
    """Merge the small chunks at the end of a series; called inside the lock of the run."""
    batch: list[sql.Chunk] = []
    merged = []
    for chunk in sql.read_shorter_chunks(series, FULL):
        if batch and (batch[-1].start + batch[-1].count != chunk.start or sum(c.count for c in batch) >= FULL):
            merged.append(batch)
            batch = []
        batch.append(chunk)
    merged.append(batch)
    for chunks in merged:
        if len(chunks) > 1:
            _merge(chunks)
    sql.reset_loose(series)


def _merge(chunks: list[sql.Chunk]) -> None:
    codec, columns = packing.join_columns([packing.unpack_columns(bytes(chunk.data)) for chunk in chunks])
    series, start, data = chunks[0].series, chunks[0].start, packing.pack_columns(codec, *columns)
    merged = sql.Chunk(series, start, len(columns[0]), data)
    sql.replace_chunks(chunks, merged)
    if any(chunk.count >= MIN_DOWNSAMPLED for chunk in chunks):
        DownsampledChunk.objects.filter(series=series, start__in=[chunk.start for chunk in chunks]).delete()
    _downsample_long([merged])


def merge_small_chunks(series: MetricSeries) -> None:
    """Merge the small chunks of an ended run."""
    with begin_write():
        series.run.lock()
        merge_chunks(series)
