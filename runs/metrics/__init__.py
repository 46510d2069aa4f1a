"""Metrics: written once by `store_batch` or `store_groups`, read thousands of times by the functions of runs/metrics/read.py."""

from runs.metrics.batches import MAX_POINTS
from runs.metrics.read import (
    downsample_points,
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
from runs.metrics.store import merge_small_chunks, store_batch, store_groups, store_locked

__all__ = [
    "MAX_POINTS",
    "downsample_points",
    "encode_non_finite",
    "iterate_chunks",
    "merge_small_chunks",
    "read_downsampled",
    "read_points",
    "read_points_after",
    "read_points_of_many",
    "read_rows",
    "read_sdk_values",
    "read_window",
    "series_of",
    "store_batch",
    "store_groups",
    "store_locked",
]
