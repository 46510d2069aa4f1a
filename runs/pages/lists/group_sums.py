"""The sums of the groups of a list, by blocks of runs: after a change of a run only its block is read again."""

import dataclasses
import hashlib
import math
from collections import Counter
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db.models import Aggregate, Count, F, FilteredRelation, FloatField, Max, Q, Sum, Value

from runs.models import MetricSeries
from runs.pages.lists import stored_sums
from runs.pages.lists.columns import METRIC_COLUMNS, Column
from runs.pages.lists.remembered import SECONDS
from runs.pages.lists.stored_sums import Blocks, BlockSums
from studio.search.db_functions import BlockNumber

# A block has 2 ** BITS runs, as in the index runs_in_blocks.
BITS = 11
# With more rows than this, of all groups in all blocks, the list is summed up without blocks.
MAX_ROWS = 25_000
# As soon as so many blocks are read at once, the sums are stored.
MANY_BLOCKS = 8
# Number of runs in which a reference value of each metric is searched.
SOME = 50


@dataclasses.dataclass(frozen=True)
class MetricSum:
    """The values of a metric in a group: number, mean, standard deviation, and the points: of a run at most, of all runs."""

    count: int
    mean: float | None
    spread: float | None
    longest: int
    points: int


@dataclasses.dataclass(frozen=True)
class RunBlocks:
    """Runs divided by a column of theirs, and for each block sums that change with any of its runs: number, keys and
    revisions. `counts` are the numbers of runs by status."""

    column: str
    states: dict[int, tuple[int, int, int]]
    counts: Counter

    @classmethod
    def read(cls, runs, column: str) -> "RunBlocks":
        rows = runs.order_by().annotate(block=BlockNumber(column, bits=BITS)).values_list("block", "status")
        states: dict[int, tuple[int, int, int]] = {}
        counts: Counter = Counter()
        for block, status, number, *sums in rows.annotate(number=Count("*"), keys=Sum("pk"), revisions=Sum("revision")):
            keys, revisions = map(int, sums)
            had = states.get(block, (0, 0, 0))
            states[block] = (had[0] + number, had[1] + keys, had[2] + revisions)
            counts[status] += number
        return cls(column, states, counts)

    def select(self, runs, blocks: list[int]):
        if len(blocks) == len(self.states):
            return runs
        ranges = Q()
        for block in blocks:
            ranges |= Q(**{f"{self.column}__gte": block << BITS, f"{self.column}__lt": (block + 1) << BITS})
        return runs.filter(ranges)


def sum_groups(
    runs, metrics: list[Column], blocks: RunBlocks, limit: int, workspace=None
) -> list[tuple[str, int, list[MetricSum]]]:
    """The `limit` largest groups of `runs`, which have a `group_key`: key, number of runs, and a sum for each metric.

    Sums of many blocks are stored in the workspace, if it is given.
    """
    key = "group-sums-" + _key_of(runs, blocks, *metrics)
    had: Blocks | None = cache.get(key)
    is_known = had is not None
    if had is None:
        had = _recall_blocks(runs, metrics, blocks, workspace)
    found, missing = _complete_blocks(had, runs, metrics, blocks)
    if found is None:
        return _list_largest(list(_read_sums(runs, metrics, Value(0), limit).values()), limit)
    if len(missing) >= MANY_BLOCKS and workspace is not None:
        _store_blocks(runs, metrics, blocks, workspace, found)
    if missing or not is_known:
        cache.set(key, found, SECONDS)
    return _list_largest([part for _, part in found.values()], limit)


def are_known(runs, metrics: list[Column], blocks: RunBlocks) -> bool:
    """Whether `sum_groups` of a workspace has to read only a few blocks."""
    if len(blocks.states) < MANY_BLOCKS:
        return True
    key = "group-sums-" + _key_of(runs, blocks, *metrics)
    had: Blocks | None = cache.get(key)
    if had is None:
        had = stored_sums.join_blocks(_load_blocks(runs, metrics, blocks))
        if had:
            cache.set(key, had, SECONDS)
    return sum(block not in had or had[block][0] != state for block, state in blocks.states.items()) < MANY_BLOCKS


def store_sums(runs, metrics: list[Column], blocks: RunBlocks, workspace) -> None:
    """Store what `sum_groups` of these runs will need, unless it is stored already."""
    found, missing = _complete_blocks(_recall_blocks(runs, metrics, blocks, workspace), runs, metrics, blocks)
    if found and missing:
        _store_blocks(runs, metrics, blocks, workspace, found)


def _key_of(runs, blocks: RunBlocks, *metrics: Column) -> str:
    sql = runs.order_by().values("pk", "group_key").query.sql_with_params()
    words = repr((sql, blocks.column, [(one.kind, one.name) for one in metrics]))
    return hashlib.sha256(words.encode()).hexdigest()


def _recall_blocks(runs, metrics: list[Column], blocks: RunBlocks, workspace) -> Blocks:
    """The blocks that any process has stored; some may be outdated. If some of the metrics are stored, the other ones are
    read and stored too."""
    if workspace is None or len(blocks.states) < MANY_BLOCKS:
        return {}
    had = _load_blocks(runs, metrics, blocks)
    new = [one for one, known in zip(metrics, had, strict=False) if not known]
    if new and len(new) < len(metrics):
        read, _ = _complete_blocks({}, runs, new, blocks)
        if read is None:
            return {}
        _store_blocks(runs, new, blocks, workspace, read)
        of_new = iter(stored_sums.split_blocks(read, len(new)))
        had = [known or next(of_new) for known in had]
    return stored_sums.join_blocks(had)


def _load_blocks(runs, metrics: list[Column], blocks: RunBlocks) -> list[Blocks]:
    """For each metric its stored blocks; without metrics those of the numbers of runs."""
    keys = [_key_of(runs, blocks, one) for one in metrics] or [_key_of(runs, blocks)]
    return stored_sums.load_blocks(keys)


def _store_blocks(runs, metrics: list[Column], blocks: RunBlocks, workspace, found: Blocks) -> None:
    """Metric by metric, so that lists with other columns can use them, and the numbers of runs alone."""
    parts = {_key_of(runs, blocks): stored_sums.count_blocks(found)}
    for one, part in zip(metrics, stored_sums.split_blocks(found, len(metrics)), strict=True):
        parts[_key_of(runs, blocks, one)] = part
    stored_sums.store_blocks(parts, workspace)


def _complete_blocks(had: Blocks, runs, metrics: list[Column], blocks: RunBlocks) -> tuple[Blocks | None, list[int]]:
    """The blocks that still hold, with the missing ones, which are read; None if there are too many groups."""
    found = {block: had[block] for block, state in blocks.states.items() if block in had and had[block][0] == state}
    missing = [block for block in blocks.states if block not in found]
    if missing:
        read = _read_sums(blocks.select(runs, missing), metrics, BlockNumber(blocks.column, bits=BITS), MAX_ROWS + 1)
        if sum(len(part.keys) for part in read.values()) > MAX_ROWS:
            return None, missing
        # A run that has joined a new block since the states were read is left for the next request.
        found |= {block: (blocks.states[block], read[block]) for block in missing if block in read}
    return found, missing


def _read_sums(runs, metrics: list[Column], block, limit: int) -> dict[int, BlockSums]:
    """The `limit` largest groups of blocks, by block."""
    relations = {f"m{n}": FilteredRelation("metrics", condition=Q(metrics__name=m.name)) for n, m in enumerate(metrics)}
    near = _reference_values(runs, metrics)
    sums: dict[str, Aggregate] = {}
    for index, other in enumerate(metrics):
        value = F(f"m{index}__{METRIC_COLUMNS[other.kind]}")
        away = value - Value(near[index], output_field=FloatField())
        sums |= {f"n{index}": Count(value), f"away{index}": Sum(away)}
        sums[f"squares{index}"] = Sum(away * away, output_field=FloatField())
        sums |= {f"longest{index}": Max(f"m{index}__count"), f"points{index}": Sum(f"m{index}__count")}
    grouped = runs.order_by().alias(**relations).annotate(block=block).values("block", "group_key")
    rows = grouped.annotate(total=Count("pk"), **sums).order_by("-total", "group_key")
    by_block: dict[int, list[tuple]] = {}
    for row in rows.values_list("block", "group_key", "total", *sums)[:limit]:
        by_block.setdefault(row[0], []).append(row[1:])
    return {block: _build_block(of_block, near) for block, of_block in by_block.items()}


def _reference_values(runs, metrics: list[Column]) -> list[float]:
    """A value of each metric from one of some runs: sums of differences to it avoid the cancellation of sums of the
    values."""
    some = list(runs.order_by().values_list("pk", flat=True)[:SOME])
    found = MetricSeries.objects.filter(run__in=some, name__in=[other.name for other in metrics])
    values = {(row.name, kind): getattr(row, field) for row in found for kind, field in METRIC_COLUMNS.items()}
    near = [values.get((other.name, other.kind)) or 0.0 for other in metrics]
    return [value if math.isfinite(value) else 0.0 for value in near]


def _build_block(rows: list[tuple], near: list[float]) -> BlockSums:
    """A group without values of a metric has NULL for its sums."""
    sums = np.array([row[2:] for row in rows], float).reshape(len(rows), len(near), 5)
    count, away, squares = sums[..., 0], sums[..., 1], sums[..., 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        sums[..., 2] = np.fmax(0, squares - away**2 / count)
        sums[..., 1] = np.where(count > 0, np.array(near) + away / count, 0)
    sums[..., 3:] = np.nan_to_num(sums[..., 3:])
    return BlockSums([row[0] for row in rows], np.array([row[1] for row in rows]), sums)


def _list_largest(parts: list[BlockSums], limit: int) -> list[tuple[str, int, list[MetricSum]]]:
    """Empty if all runs were deleted since their blocks were read."""
    if not parts:
        return []
    keys, totals, sums = _merge_blocks(parts)
    order = sorted(range(len(keys)), key=lambda index: (-totals[index], keys[index]))[:limit]
    return [(keys[index], int(totals[index]), [_build_sum(row) for row in sums[index].tolist()]) for index in order]


def _merge_blocks(parts: list[BlockSums]) -> tuple[list[str], Any, Any]:
    """Adds up means and squared distances by the formula of Chan, Golub and LeVeque, which does not cancel."""
    index_of: dict[str, int] = {}
    indexes = [[index_of.setdefault(key, len(index_of)) for key in part.keys] for part in parts]
    totals = np.zeros(len(index_of), int)
    sums = np.zeros((len(index_of), *parts[0].sums.shape[1:]))
    for part, rows in zip(parts, indexes, strict=True):
        totals[rows] += part.totals
        one, other = sums[rows], part.sums
        count = one[..., 0] + other[..., 0]
        with np.errstate(invalid="ignore"):
            apart, share = other[..., 1] - one[..., 1], other[..., 0] / np.maximum(count, 1)
            both = np.isfinite(apart)
            mean = np.where(both, one[..., 1] + apart * share, one[..., 1] + other[..., 1])
            squares = one[..., 2] + other[..., 2] + np.where(both, apart**2 * one[..., 0] * share, 0)
        longest, points = np.maximum(one[..., 3], other[..., 3]), one[..., 4] + other[..., 4]
        sums[rows] = np.stack([count, mean, squares, longest, points], axis=-1)
    return list(index_of), totals, sums


def _build_sum(row: list[float]) -> MetricSum:
    count, mean, squares, longest, points = row
    spread = math.sqrt(squares / (count - 1)) if count > 1 else None
    return MetricSum(int(count), mean if count else None, spread, int(longest), int(points))
