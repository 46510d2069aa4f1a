"""Experiments and runs with their metrics, parameters, tags, artifacts and snapshots."""

from runs.models.artifacts import Artifact, ArtifactSegment
from runs.models.bulk_acts import BulkAct
from runs.models.column_chunks import ColumnChunk
from runs.models.experiments import Experiment
from runs.models.facets import ListFacets
from runs.models.home_visits import HomeVisit
from runs.models.lineage import RunDataset
from runs.models.metrics import DownsampledChunk, MetricBatch, MetricChunk, MetricSeries
from runs.models.runs import Run
from runs.models.saved_views import RunColour, SavedView, Star, TagEdit
from runs.models.snapshots import Snapshot
from runs.models.status import RunEvent, RunStatus
from runs.models.tags_and_parameters import RunParameter, RunTag

__all__ = [
    "Artifact",
    "ArtifactSegment",
    "BulkAct",
    "ColumnChunk",
    "DownsampledChunk",
    "Experiment",
    "HomeVisit",
    "ListFacets",
    "MetricBatch",
    "MetricChunk",
    "MetricSeries",
    "Run",
    "RunColour",
    "RunDataset",
    "RunEvent",
    "RunParameter",
    "RunStatus",
    "RunTag",
    "SavedView",
    "Snapshot",
    "Star",
    "TagEdit",
]
