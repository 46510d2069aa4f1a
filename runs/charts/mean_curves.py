"""The mean of several curves, with a band: its confidence interval, or the standard deviation of the curves."""

import numpy as np

from studio.formats import format_count

# Points of a mean curve; curves with more points are averaged into bins first.
MAX_POINTS = 200
# Student's t for 95 % confidence, by degrees of freedom from 1.
T95 = (
    12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09,
)  # fmt: skip

# What a band shows: where the mean may be with 95 % confidence, or how far the values lie from it.
CI95, STD = "ci", "std"

Curve = tuple[np.ndarray, np.ndarray]


def mean_of_curves(curves: list[Curve], band: str = CI95) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, mean, half the band and number of curves (x, y), each used only where it has values, as far as half of them go."""
    curves = [sorted_curve for x, y in curves if len((sorted_curve := _sort_curve(x, y))[0])]
    if not curves:
        return np.empty(0), np.empty(0), np.empty(0), np.empty(0)
    points = np.unique(np.concatenate([x for x, _ in curves]))
    if len(points) > MAX_POINTS:
        edges = np.linspace(points[0], points[-1], MAX_POINTS + 1)
        points = (edges[:-1] + edges[1:]) / 2
        curves = [_average_bins(x, y, edges, points) for x, y in curves]
    table = np.array([np.interp(points, x, y, left=np.nan, right=np.nan) for x, y in curves])
    # Where most curves have ended, the mean would jump to that of the few others.
    counts = np.isfinite(table).sum(axis=0)
    enough = np.flatnonzero(2 * counts >= len(curves))
    end = enough[-1] + 1 if len(enough) else len(points)
    return points[:end], *mean_of_rows(table[:, :end], band), counts[:end]


def describe_counts(counts: np.ndarray, total: int) -> list[str]:
    """The text of each point: of how many of `total` jobs it is the mean."""
    return [f"{int(count):,} of {format_count(total, 'job')}" for count in counts]


def mean_of_rows(table: np.ndarray, band: str = CI95) -> tuple[np.ndarray, np.ndarray]:
    """Mean and half the band of each column, over existing values."""
    table = np.where(np.isfinite(table), table, np.nan)
    count = np.isfinite(table).sum(axis=0)
    total = np.maximum(count, 1)
    mean = np.nansum(table, axis=0) / total
    spread = np.sqrt(np.nansum((table - mean) ** 2, axis=0) / np.maximum(count - 1, 1))
    return np.where(count > 0, mean, np.nan), half_band(spread, count, band)


def half_band(spread, count, band: str):
    """Half the height of the band around a mean, of arrays or numbers."""
    if band == STD:
        return spread
    return _student_t(np.asarray(count) - 1) * spread / np.sqrt(np.maximum(count, 1))


def _student_t(freedom: np.ndarray) -> np.ndarray:
    """Beyond the table it approaches 1.96, as for the normal distribution."""
    far = 1.96 + 2.45 / np.maximum(freedom, 1)
    return np.where(freedom > len(T95), far, np.array([0.0, *T95])[np.clip(freedom, 0, len(T95))])


def _sort_curve(x: np.ndarray, y: np.ndarray) -> Curve:
    finite = np.isfinite(y)
    x, y = x[finite].astype(float), y[finite]
    order = np.argsort(x, kind="stable")
    return x[order], y[order]


def _average_bins(x: np.ndarray, y: np.ndarray, edges: np.ndarray, points: np.ndarray) -> Curve:
    numbers = np.clip(np.searchsorted(edges, x, "right") - 1, 0, len(points) - 1)
    count, total = np.bincount(numbers, minlength=len(points)), np.bincount(numbers, y, minlength=len(points))
    has = count > 0
    return points[has], total[has] / count[has]
