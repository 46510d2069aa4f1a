"""Metrics: written once by `ingest` or `store_groups`, read thousands of times by the functions of runs/metrics/read.py."""

from runs.metrics.batches import MAX_POINTS
from runs.metrics.ingest import ingest, merge_loose_chunks, store_groups
from runs.metrics.read import (
    downsample,
    encode_non_finite,
    iterate_chunks,
    read_downsampled,
    read_points,
    read_points_after,
    read_points_of_many,
    read_rows,
    read_sdk_values,
    read_window,
    series_of,
)

__all__ = [
    "MAX_POINTS",
    "downsample",
    "encode_non_finite",
    "ingest",
    "iterate_chunks",
    "merge_loose_chunks",
    "read_downsampled",
    "read_points",
    "read_points_after",
    "read_points_of_many",
    "read_rows",
    "read_sdk_values",
    "read_window",
    "series_of",
    "store_groups",
]
