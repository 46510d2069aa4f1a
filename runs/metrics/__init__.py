"""Metrics: written once by `ingest`, read thousands of times by `series_of`, `points`, `thinned` and `as_sdk_values`.

numpy is imported with the first point, so that a process that handles none stays small.
"""

from runs.metrics.ingest import ingest
from runs.metrics.read import as_sdk_values, points, rows, series_of, thinned

__all__ = ["as_sdk_values", "ingest", "points", "rows", "series_of", "thinned"]
