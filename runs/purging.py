"""Objects of runs that a purge deletes and keeps: see studio/purging.py. Rows are deleted first, because files without
rows are found later."""

import datetime as dt
import functools
from collections.abc import Iterator

from django.db import models, transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from assets.data import stores
from compute.models import Work
from runs.models import ArtifactSegment, ColumnChunk, Experiment, MetricSeries, Run, Snapshot
from studio import purging
from studio.purging import FOLDERS, STEPS, PurgeSelection, PurgeStep, StorageFolder, StoredFile

# Points per transaction: fewer runs at once if they have many points.
MAX_POINTS = 2_000_000
# An unused snapshot may belong to a run that is being submitted.
SNAPSHOTS_KEPT = dt.timedelta(minutes=10)


def chosen_runs(selection: PurgeSelection) -> QuerySet:
    """The selected runs, including those that a registered model needs."""
    runs = Run.objects.filter(workspace=selection.workspace_id)
    if selection.whole_workspace:
        return runs
    if selection.until:
        return runs.filter(deleted_at__lte=selection.until)
    named = Q(pk__in=selection.run_pks) | Q(experiment__in=selection.experiment_pks)
    return runs.exclude(deleted_at=None).filter(named)


def needed_families(workspace_id: int) -> list[int]:
    """The root runs of families with a needed run, e.g. because a registered model has its files there."""
    needed = Run.objects.filter(pk__in=purging.list_needed_runs(workspace_id))
    return sorted({root or pk for pk, root in needed.values_list("pk", "root")})


def kept_runs(selection: PurgeSelection) -> QuerySet:
    families = needed_families(selection.workspace_id)
    return chosen_runs(selection).filter(Q(pk__in=families) | Q(root__in=families))


def runs_to_delete(selection: PurgeSelection) -> QuerySet:
    if selection.whole_workspace or not (families := needed_families(selection.workspace_id)):
        return chosen_runs(selection)
    return chosen_runs(selection).exclude(Q(pk__in=families) | Q(root__in=families, root__isnull=False))


def empty_experiments(selection: PurgeSelection) -> QuerySet:
    """Selected experiments without runs."""
    empty = Experiment.objects.filter(workspace=selection.workspace_id, runs=None)
    if selection.whole_workspace:
        return empty
    if selection.until:
        return empty.filter(deleted_at__lte=selection.until)
    return empty.exclude(deleted_at=None).filter(pk__in=selection.experiment_pks)


def delete_runs(selection: PurgeSelection) -> list[StoredFile] | None:
    chosen = _next_runs(selection)
    if not chosen:
        return None
    with transaction.atomic():
        still = Run.objects.filter(pk__in=chosen)
        if not selection.whole_workspace:
            # Some may have been restored since they were selected. New children of a deleted run go with it.
            still = still.exclude(deleted_at=None, parent__deleted_at=None)
        work_of = dict(still.select_for_update(of=("self",)).values_list("pk", "work"))
        files = list(ArtifactSegment.objects.filter(artifact__run__in=work_of).values_list("key", "size"))
        for model, column in referring_tables(Run):
            model._default_manager.filter(**{f"{column}__in": work_of}).update(**{column: None})
        for model, path in dependent_tables(Run):
            rows = model._default_manager.filter(**{f"{path}__in": work_of})
            # Not `delete`, which first queries the dependent rows.
            rows._raw_delete(rows.db) if "__" not in path else rows.delete()
        runs = Run.objects.filter(pk__in=work_of)
        runs._raw_delete(runs.db)
        Work.objects.filter(pk__in=[work for work in work_of.values() if work]).delete()
        # They have values of the runs.
        ColumnChunk.objects.filter(workspace=selection.workspace_id).delete()
        selection.count_runs(len(work_of))
    return files


@functools.cache
def dependent_tables(model) -> list[tuple[type[models.Model], str]]:
    """The tables whose rows are deleted with a row of `model`, with their path to it, dependent ones first."""
    found = []
    for related in _relations(model):
        if related.on_delete is not models.SET_NULL:
            column = related.field.name
            deeper = [(other, f"{path}__{column}") for other, path in dependent_tables(related.related_model)]
            found += [*deeper, (related.related_model, column)]
    return found


@functools.cache
def referring_tables(model) -> list[tuple[type[models.Model], str]]:
    """The tables whose rows refer to `model` but stay, with the column."""
    found = [related for related in _relations(model) if related.on_delete is models.SET_NULL]
    return [(related.related_model, related.field.name) for related in found]


def _relations(model) -> Iterator:
    """Relations from other tables; the children of a run are deleted before it."""
    for related in model._meta.get_fields(include_hidden=True):
        if related.auto_created and related.is_relation and related.related_model is not Run:
            yield related


def _next_runs(selection: PurgeSelection) -> list[int]:
    """Some runs without children, as many as have few enough points."""
    # In the order of the index of the trash, so that no sort is needed.
    order = ["deleted_at"] if selection.until else []
    found = list(runs_to_delete(selection).order_by(*order).values_list("pk", flat=True)[: purging.BATCH])
    while below := list(Run.objects.filter(parent__in=found).values_list("pk", flat=True)[: purging.BATCH]):
        found = below
    return _light_runs(found)


def _light_runs(pks: list[int]) -> list[int]:
    weights = MetricSeries.objects.filter(run__in=pks).values_list("run").annotate(Sum("count")).order_by()
    points, weight = dict(weights), 0
    for index, pk in enumerate(pks):
        weight += points.get(pk, 0)
        if index and weight > MAX_POINTS:
            return pks[:index]
    return pks


def delete_snapshots(selection: PurgeSelection) -> list[StoredFile] | None:
    unused = Snapshot.objects.filter(workspace=selection.workspace_id, runs=None)
    if not selection.whole_workspace:
        unused = unused.filter(used_at__lt=timezone.now() - SNAPSHOTS_KEPT)
    found = list(unused.order_by("pk")[: purging.BATCH])
    Snapshot.objects.filter(pk__in=[snapshot.pk for snapshot in found]).delete()
    return [(snapshot.key, snapshot.size) for snapshot in found] if found else None


def delete_experiments(selection: PurgeSelection) -> list[StoredFile] | None:
    number, _ = empty_experiments(selection).delete()
    return [] if number else None


def keys_of_artifacts(keys: list[str], runs: set[int]) -> QuerySet:
    return ArtifactSegment.objects.filter(artifact__run__in=runs).values_list("key", flat=True)


def keys_of_snapshots(keys: list[str], owners: set[int]) -> QuerySet:
    return Snapshot.objects.filter(key__in=keys).values_list("key", flat=True)


def keys_of_pieces(keys: list[str], owners: set[int]) -> list[str]:
    """None: pieces of an upload have no row, and stay for a day."""
    return []


def register() -> None:
    STEPS.extend([PurgeStep(10, delete_runs), PurgeStep(30, delete_snapshots), PurgeStep(40, delete_experiments)])
    FOLDERS.append(StorageFolder("runs", keys_of_artifacts, Run.objects.all))
    FOLDERS.append(StorageFolder("snapshots", keys_of_snapshots))
    FOLDERS.append(StorageFolder(stores.UPLOADS, keys_of_pieces))
