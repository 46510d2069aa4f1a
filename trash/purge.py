"""Frees permanently what is in the trash: rows in small batches, then their files, then what a crash left behind.

The row of the job says what and how far; what is still there says what to do next. So each step is safe to run twice,
and a purge that was killed goes on where it was. It works in turns of a few seconds, so that it never holds a worker or
the database's write lock for long.
"""

import datetime as dt
import functools
import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, OperationalError, models, transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts.models import User
from compute import notifications
from compute.models import Work
from registry.models import LoggedModel, ModelFile, ModelVersion
from runs.files import artifacts
from runs.models import ArtifactSegment, Experiment, MetricSeries, Run, Snapshot
from studio import storage
from studio.errors import Conflict
from trash import database, orphaned_files
from trash.models import PurgeJob
from workspaces import deletion
from workspaces.models import Workspace

logger = logging.getLogger(__name__)
TASK = "trash.tasks.purge"
# Runs in one transaction, and points: of heavy runs fewer go at once.
BATCH = 200
POINTS = 2_000_000
# Keys in one query, of which SQLite takes 32,766.
MANY = 10_000
TURN_SECONDS = 3.0
HELD = dt.timedelta(seconds=60)
# So long others may write before the next batch.
REST_SECONDS = 0.01
# Somebody may just be submitting a run with a snapshot that has none.
SNAPSHOTS_KEPT = dt.timedelta(minutes=10)


def start(user: User | None, workspace: Workspace, scope: str, **fields) -> PurgeJob:
    """Put a purge into the queue; a second one of the same workspace waits for the first."""
    job = PurgeJob(
        workspace=workspace, workspace_name=workspace.name, area=workspace.storage_area, scope=scope, created_by=user
    )
    for name, value in fields.items():
        setattr(job, name, value)
    job.total, job.kept = _total(job), _held(job).count() if scope != PurgeJob.Scope.WORKSPACE else 0
    job.save()
    notifications.ring_control(TASK)
    return job


def _total(job: PurgeJob) -> int:
    """Of runs that were chosen by themselves, with all that descends from them."""
    tops = list(runs_of(job).filter(pk__in=job.run_pks).values_list("pk", flat=True))
    found, layer = set(tops), tops
    while layer:
        below = Run.objects.filter(parent__in=layer[:MANY]).values_list("pk", flat=True)
        layer = [*layer[MANY:], *(set(below) - found)]
        found.update(layer)
    return runs_of(job).count() + len(found) - len(tops)


def start_workspace(user: User | None, workspace: Workspace) -> PurgeJob:
    if is_under_way(workspace):
        raise Conflict(f"{workspace.name} is being deleted permanently already.", code="purge_under_way")
    return start(user, workspace, PurgeJob.Scope.WORKSPACE)


def is_under_way(workspace: Workspace) -> bool:
    return workspace.purges.filter(scope=PurgeJob.Scope.WORKSPACE, state__in=PurgeJob.OPEN).exists()


def _chosen(job: PurgeJob):
    """What the job names, whether a registered model needs it or not."""
    runs = Run.objects.filter(workspace=job.workspace)
    if job.scope == PurgeJob.Scope.WORKSPACE:
        return runs
    if job.scope == PurgeJob.Scope.TRASH:
        return runs.filter(deleted_at__lte=job.until)
    return runs.exclude(deleted_at=None).filter(Q(pk__in=job.run_pks) | Q(experiment__in=job.experiment_pks))


def _held(job: PurgeJob):
    """Those that stay: a registered model has its files in them or in a run of their family."""
    families = _needed_families(job)
    return _chosen(job).filter(Q(pk__in=families) | Q(root__in=families))


def _needed_families(job: PurgeJob) -> list[int]:
    """The topmost runs; lists, since there are few, and a query in a query would be answered anew for each batch."""
    versions = ModelVersion.objects.filter(model__workspace=job.workspace).exclude(run=None)
    return sorted({root or pk for pk, root in versions.values_list("run", "run__root")})


def runs_of(job: PurgeJob):
    if job.scope == PurgeJob.Scope.WORKSPACE or not (families := _needed_families(job)):
        return _chosen(job)
    return _chosen(job).exclude(Q(pk__in=families) | Q(root__in=families, root__isnull=False))


def experiments_of(job: PurgeJob):
    """Those that have lost their last run."""
    empty = Experiment.objects.filter(workspace=job.workspace, runs=None)
    if job.scope == PurgeJob.Scope.WORKSPACE:
        return empty
    if job.scope == PurgeJob.Scope.TRASH:
        return empty.filter(deleted_at__lte=job.until)
    return empty.exclude(deleted_at=None).filter(pk__in=job.experiment_pks)


def work(seconds: float = TURN_SECONDS) -> bool:
    """A turn of the oldest purge that nobody holds; says whether there is more to do."""
    now = timezone.now()
    free = PurgeJob.objects.filter(state__in=PurgeJob.OPEN).filter(Q(held_until=None) | Q(held_until__lt=now))
    for job in free.order_by("pk"):
        # One conditional UPDATE: of two workers, one gets the job.
        if free.filter(pk=job.pk).update(held_until=now + HELD, state=PurgeJob.State.RUNNING):
            job.refresh_from_db()
            _turn(job, time.monotonic() + seconds)
            return free.exists()
    return False


def _turn(job: PurgeJob, deadline: float) -> None:
    if job.database_before is None:
        _note(job, database_before=database.size())
    try:
        while _step(job):
            if time.monotonic() > deadline:
                database.empty_log()
                _note(job, held_until=None)
                return
            time.sleep(REST_SECONDS)
    except OperationalError as error:
        # The database is busy or away: whoever looks after HELD goes on.
        logger.warning("The purge %s waits: %s", job.pk, error)
    except (DatabaseError, OSError, storage.Error) as error:
        logger.exception("The purge %s failed", job.pk)
        job.end(
            PurgeJob.State.FAILED, error=f"{type(error).__name__}: {error}. Start it again; it goes on where it was."
        )


def _step(job: PurgeJob) -> bool:
    """The next piece of work; False after the last."""
    hold = functools.partial(_hold, job)
    if job.files_after is None:
        if not (_free_runs(job) or _free_models(job) or _free_snapshots(job)):
            _free_rest(job, hold)
        return True
    if database.shrink(hold):
        hold()
        return True
    database.empty_log()
    job.end(PurgeJob.State.COMPLETED, database_after=database.size())
    return False


def _free_runs(job: PurgeJob) -> bool:
    """Rows first: files without rows are swept later, rows without files would show as errors."""
    chosen = _next(job)
    if not chosen:
        return False
    with transaction.atomic():
        still = Run.objects.filter(pk__in=chosen)
        if job.scope != PurgeJob.Scope.WORKSPACE:
            # Some may have been restored since they were chosen. A child that came as its parent went goes with it.
            still = still.exclude(deleted_at=None, parent__deleted_at=None)
        work_of = dict(still.select_for_update(of=("self",)).values_list("pk", "work"))
        files = list(ArtifactSegment.objects.filter(artifact__run__in=work_of).values_list("key", "size"))
        for model, column in pointing_to(Run):
            model.objects.filter(**{f"{column}__in": work_of}).update(**{column: None})
        for model, way in hanging_on(Run):
            rows = model.objects.filter(**{f"{way}__in": work_of})
            # Not `delete`, which asks first what hangs on the rows.
            rows._raw_delete(rows.db) if "__" not in way else rows.delete()
        runs = Run.objects.filter(pk__in=work_of)
        runs._raw_delete(runs.db)
        Work.objects.filter(pk__in=[work for work in work_of.values() if work]).delete()
        _note(job, done=F("done") + len(work_of))
    _free_files(job, files)
    return True


@functools.cache
def hanging_on(model) -> list[tuple[type, str]]:
    """The tables whose rows go with a row of `model`, each with its way to it, those that hang on others first."""
    found = []
    for related in model._meta.get_fields(include_hidden=True):
        if is_other_table(related) and related.on_delete is not models.SET_NULL:
            way = related.field.name
            deeper = [(other, f"{path}__{way}") for other, path in hanging_on(related.related_model)]
            found += [*deeper, (related.related_model, way)]
    return found


@functools.cache
def pointing_to(model) -> list[tuple[type, str]]:
    """The tables whose rows outlive a row of `model` that they name, each with its column."""
    found = [field for field in model._meta.get_fields(include_hidden=True) if is_other_table(field)]
    return [(field.related_model, field.field.name) for field in found if field.on_delete is models.SET_NULL]


def is_other_table(related) -> bool:
    return related.auto_created and related.is_relation and related.related_model is not Run


def _next(job: PurgeJob) -> list[int]:
    """Some runs that have no children any more, as many as are light enough."""
    # In the order of the index of the trash, so that none is sorted.
    order = ["deleted_at"] if job.scope == PurgeJob.Scope.TRASH else []
    found = list(runs_of(job).order_by(*order).values_list("pk", flat=True)[:BATCH])
    while below := list(Run.objects.filter(parent__in=found).values_list("pk", flat=True)[:BATCH]):
        found = below
    return _light(found)


def _light(pks: list[int]) -> list[int]:
    weights = MetricSeries.objects.filter(run__in=pks).values_list("run").annotate(Sum("count")).order_by()
    points, weight = dict(weights), 0
    for place, pk in enumerate(pks):
        weight += points.get(pk, 0)
        if place and weight > POINTS:
            return pks[:place]
    return pks


def _free_files(job: PurgeJob, files: list[tuple[str, int]]) -> None:
    for start_at in range(0, len(files), 1000):
        artifacts.free([key for key, _ in files[start_at : start_at + 1000]])
    freed = sum(size for _, size in files)
    _hold(job, files_freed=F("files_freed") + freed)


def _free_models(job: PurgeJob) -> bool:
    """Logged models that were deleted, or whose experiment goes, unless a registered one is made of them."""
    gone = Q(experiment__in=experiments_of(job).values("pk"))
    if job.scope == PurgeJob.Scope.TRASH:
        gone |= Q(deleted_at__lte=job.until)
    found = LoggedModel.objects.filter(gone, workspace=job.workspace, versions=None)
    pks = list(found.order_by("pk").values_list("pk", flat=True)[:BATCH])
    files = list(ModelFile.objects.filter(model__in=pks).values_list("key", "size"))
    LoggedModel.objects.filter(pk__in=pks).delete()
    _free_files(job, files)
    return bool(pks)


def _free_snapshots(job: PurgeJob) -> bool:
    unused = Snapshot.objects.filter(workspace=job.workspace, runs=None)
    if job.scope != PurgeJob.Scope.WORKSPACE:
        unused = unused.filter(used_at__lt=timezone.now() - SNAPSHOTS_KEPT)
    found = list(unused.order_by("pk")[:BATCH])
    Snapshot.objects.filter(pk__in=[snapshot.pk for snapshot in found]).delete()
    _free_files(job, [(snapshot.key, snapshot.size) for snapshot in found])
    return bool(found)


def _free_rest(job: PurgeJob, hold: Callable[[], None]) -> None:
    """What is left when all that is many is gone."""
    experiments_of(job).delete()
    if job.scope == PurgeJob.Scope.WORKSPACE:
        _free_workspace(job)
    freed, left = orphaned_files.sweep(job.area, hold)
    _note(job, files_freed=F("files_freed") + freed, files_after=left)
    job.refresh_from_db()


def _free_workspace(job: PurgeJob) -> None:
    """Its nodes are gone with the rows, so hosts stop them. The row is gone already if a first try was killed."""
    workspace = Workspace.objects.filter(pk=job.workspace_id).select_related("resource_group").first()
    if workspace:
        workspace.delete()
        deletion.forget_if_empty(workspace.resource_group)
    _note(job, files_freed=F("files_freed") + storage.delete_area(job.area))


def _note(job: PurgeJob, **fields) -> None:
    PurgeJob.objects.filter(pk=job.pk).update(**fields)


def _hold(job: PurgeJob, **fields) -> None:
    """Nobody else takes the job up for a while."""
    _note(job, held_until=timezone.now() + HELD, **fields)


def expire(before: dt.datetime) -> None:
    """Queue a purge for each trash that has something older."""
    for workspace in Workspace.objects.filter(deleted_at__lt=before):
        if not is_under_way(workspace):
            start_workspace(None, workspace)
    old = Q(runs__deleted_at__lt=before) | Q(experiments__deleted_at__lt=before)
    for workspace in Workspace.objects.filter(old, deleted_at=None).distinct():
        job = PurgeJob(workspace=workspace, scope=PurgeJob.Scope.TRASH, until=before)
        busy = workspace.purges.filter(state__in=PurgeJob.OPEN).exists()
        if not busy and (runs_of(job).exists() or experiments_of(job).exists()):
            start(None, workspace, PurgeJob.Scope.TRASH, until=before)
