"""The means of the metrics of groups of runs."""

import dataclasses
import math
from typing import Any

import numpy as np

from runs.pages.lists import run_values
from runs.pages.lists.run_values import RunKeys, Source


@dataclasses.dataclass(frozen=True)
class Mean:
    """The mean of a metric in a group, with standard deviation and number of values."""

    mean: float | None
    spread: float | None
    count: int

    @property
    def is_finite(self) -> bool:
        return self.mean is not None and math.isfinite(self.mean)


@dataclasses.dataclass(frozen=True)
class GroupMeans:
    """A group: the key of one of its runs, the number of runs, and the mean of each metric."""

    example: int
    total: int
    means: list[Mean]


def read_groups(
    runs: RunKeys, group: Source, metrics: list[Source], limit: int, workspace, patient: bool = True
) -> list[GroupMeans] | None:
    """The `limit` largest groups; None if their values take long to read and nobody is patient."""
    values = run_values.read_values(group, runs, workspace, patient)
    if values is None:
        return None
    # Far quicker than np.unique with positions.
    distinct = np.unique(values)
    group_of = np.searchsorted(distinct, values)
    totals, first = np.bincount(group_of), np.empty(len(distinct), np.intp)
    first[group_of[::-1]] = np.arange(len(values))[::-1]
    largest = np.lexsort((first, -totals))[:limit]
    # All other groups share a number.
    rank = np.full(len(totals), len(largest))
    rank[largest] = np.arange(len(largest))
    means = []
    for metric in metrics:
        values = run_values.read_values(metric, runs, workspace, patient)
        if values is None:
            return None
        means.append(_compute_means(rank[group_of], values, len(largest)))
    return [
        GroupMeans(int(runs.keys[first[index]]), int(totals[index]), [of_metric[number] for of_metric in means])
        for number, index in enumerate(largest)
    ]


def _compute_means(group_of, values, number: int) -> list[Mean]:
    """Means and squared distances of the differences to a first mean, which do not cancel."""
    there = ~np.isnan(values)
    if not there.all():
        group_of, values = group_of[there], values[there]

    def add_up(weights) -> Any:
        return np.bincount(group_of, weights, minlength=number + 1)[: number + 1]

    with np.errstate(invalid="ignore", divide="ignore"):
        counts = add_up(None)
        means = add_up(values) / counts
        away = values - means[group_of]
        correction = add_up(away) / counts
        squares = add_up(away * away) - counts * correction**2
        means = np.where(np.isfinite(correction), means + correction, means)
        spreads = np.sqrt(np.maximum(squares, 0) / (counts - 1))
    rows = zip(counts.tolist(), means.tolist(), spreads.tolist(), strict=True)
    return [Mean(_number_or_none(mean), _number_or_none(spread), count) for count, mean, spread in list(rows)[:number]]


def _number_or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
