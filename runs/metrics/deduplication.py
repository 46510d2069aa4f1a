"""Finds points that a series already has: MLflow's clients send a batch again, without an id, if its response was
lost."""

import math

import numpy as np

from runs.metrics import read
from runs.metrics.batches import Group
from runs.models import MetricSeries
from studio.formats import to_millis


def rank_value(value) -> float:
    """Sorts NaN before all numbers."""
    return value if value == value else -math.inf


def last_point(series: MetricSeries) -> tuple:
    """Step, time and value of the last point of a series that has points."""
    assert series.last_at is not None  # Written with each point.
    at = to_millis(series.last_at)
    return series.last_step, at, -math.inf if series.last is None else series.last


def drop_repeated(series: MetricSeries | None, group: Group) -> Group:
    """The group without points that the series already has."""
    points = list(zip(group.steps, group.times, map(_same, group.values), strict=True))
    first = {point: index for index, point in reversed(list(enumerate(points)))}
    known = _stored(series, first) if series is not None and series.count else set()
    indexes = sorted(index for point, index in first.items() if point not in known)
    if len(indexes) == len(points):
        return group
    steps, times, values = ([column[index] for index in indexes] for column in (group.steps, group.times, group.values))
    return Group(group.kind, steps, times, values, group.codec)


def _same(value):
    """Makes NaN equal to itself."""
    return value if value == value else None


def _stored(series: MetricSeries, points) -> set:
    """The points that the series already has. If all come after its last point, nothing is read."""
    last = last_point(series)
    doubtful = [point for point in points if (point[0], point[1], -math.inf if point[2] is None else point[2]) <= last]
    if not doubtful:
        return set()
    steps, times, values = read.read_points(series)
    near = np.isin(times, [point[1] for point in doubtful])
    values = np.asarray(values, object)[near].tolist()
    return set(zip(steps[near].tolist(), times[near].tolist(), map(_same, values), strict=True))
