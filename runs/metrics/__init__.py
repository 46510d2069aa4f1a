"""Metrics: written once by `ingest` or `store`, read thousands of times by `series_of`, `points`, `thinned` and `as_sdk_values`."""

from runs.metrics.batches import MOST_POINTS
from runs.metrics.ingest import ingest, settle, store
from runs.metrics.read import (
    as_json,
    as_sdk_values,
    blocks,
    points,
    points_after,
    points_of_many,
    rows,
    series_of,
    thin,
    thinned,
    window,
)

__all__ = [
    "MOST_POINTS",
    "as_json",
    "as_sdk_values",
    "blocks",
    "ingest",
    "points",
    "points_after",
    "points_of_many",
    "rows",
    "series_of",
    "settle",
    "store",
    "thin",
    "thinned",
    "window",
]
