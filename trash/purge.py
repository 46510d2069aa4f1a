"""Deletes the trash permanently: rows in small batches, then their files, then the leftovers of crashes.

The row of the job has the selection and the progress; the remaining rows determine the next step. So each step is safe to
run twice, and a purge that was killed continues. It works in turns of a few seconds, so that it never occupies a worker
or the database's write lock for long. Who may purge: trash/views.py and trash/api.py.
"""

import datetime as dt
import functools
import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import activity
from accounts.models import User
from compute import notifications
from registry.purging import models_to_delete
from runs import purging
from runs.files import artifacts
from runs.models import Experiment, Run
from studio import storage
from studio.errors import Conflict
from studio.formats import format_count, format_names
from studio.purging import PurgeSelection, list_steps
from trash import database, orphaned_files
from trash.models import PurgeJob
from workspaces import deletion
from workspaces.models import Workspace

logger = logging.getLogger(__name__)
TASK = "trash.tasks.purge"
# Keys per query; SQLite accepts 32,766.
MAX_KEYS = 10_000
TURN_SECONDS = 3.0
HOLD_TIME = dt.timedelta(seconds=60)
# A pause in which others can write.
PAUSE_SECONDS = 0.01
# Names of experiments in a row of the activity log.
NAMED = 5


def queue_purge(user: User | None, workspace: Workspace, scope: str, **fields) -> PurgeJob:
    """Queue a purge; a second one of the same workspace waits for the first."""
    job = PurgeJob(
        workspace=workspace, workspace_name=workspace.name, area=workspace.storage_area, scope=scope, created_by=user
    )
    for name, value in fields.items():
        setattr(job, name, value)
    selection = selection_of(job)
    job.total = _count_runs(selection)
    job.kept = 0 if selection.whole_workspace else purging.kept_runs(selection).count()
    with transaction.atomic():
        job.save()
        _record(job)
        notifications.notify_control(TASK)
    return job


def _record(job: PurgeJob) -> None:
    """The row of the activity log; that of a whole workspace is workspace.purge."""
    number = format_count(job.total, "job")
    if job.scope == PurgeJob.Scope.TRASH:
        activity.record("trash.empty", job.workspace, scope=job.workspace, message=number)
    elif job.scope == PurgeJob.Scope.CHOSEN:
        label = ", ".join(filter(None, [number, _name_experiments(job.experiment_pks)]))
        activity.record("trash.delete", None, scope=job.workspace, label=label)


def _name_experiments(keys: list[int]) -> str:
    names = Experiment.objects.filter(pk__in=keys).values_list("name", flat=True)
    return f"experiments {format_names(list(names[:NAMED]), len(keys))}" if keys else ""


def selection_of(job: PurgeJob) -> PurgeSelection:
    return PurgeSelection(
        workspace_id=job.workspace_id or 0,  # If the workspace is gone, it finds nothing.
        whole_workspace=job.scope == PurgeJob.Scope.WORKSPACE,
        until=job.until if job.scope == PurgeJob.Scope.TRASH else None,
        run_pks=job.run_pks,
        experiment_pks=job.experiment_pks,
        count_runs=lambda number: _update(job, done=F("done") + number),
    )


def _count_runs(selection: PurgeSelection) -> int:
    """The number of selected runs including descendants."""
    chosen = purging.runs_to_delete(selection)
    tops = list(chosen.filter(pk__in=selection.run_pks).values_list("pk", flat=True))
    found, layer = set(tops), tops
    while layer:
        below = Run.objects.filter(parent__in=layer[:MAX_KEYS]).values_list("pk", flat=True)
        layer = [*layer[MAX_KEYS:], *(set(below) - found)]
        found.update(layer)
    return chosen.count() + len(found) - len(tops)


def queue_workspace_purge(user: User | None, workspace: Workspace) -> PurgeJob:
    if is_under_way(workspace):
        raise Conflict(f"{workspace.name} is already being deleted permanently.", code="purge_under_way")
    return queue_purge(user, workspace, PurgeJob.Scope.WORKSPACE)


def is_under_way(workspace: Workspace) -> bool:
    return workspace.purges.filter(scope=PurgeJob.Scope.WORKSPACE, state__in=PurgeJob.OPEN).exists()


def run_turn(seconds: float = TURN_SECONDS) -> bool:
    """Work on the oldest purge that no other worker holds; returns whether there is more to do."""
    if storage.is_deletion_held():
        return False
    now = timezone.now()
    free = PurgeJob.objects.filter(state__in=PurgeJob.OPEN).filter(Q(held_until=None) | Q(held_until__lt=now))
    for job in free.order_by("pk"):
        # One conditional UPDATE: of two workers, one gets the job.
        if free.filter(pk=job.pk).update(held_until=now + HOLD_TIME, state=PurgeJob.State.RUNNING):
            job.refresh_from_db()
            _turn(job, time.monotonic() + seconds)
            return free.exists()
    return False


def _turn(job: PurgeJob, deadline: float) -> None:
    if job.database_before is None:
        _update(job, database_before=database.get_size())
    try:
        while _step(job):
            if time.monotonic() > deadline or storage.is_deletion_held():
                database.empty_log()
                _update(job, held_until=None)
                return
            time.sleep(PAUSE_SECONDS)
    except (InterfaceError, OperationalError) as error:
        # The database is busy or down: another turn continues after HOLD_TIME.
        logger.warning("The purge %s waits: %s", job.pk, error)
    except (DatabaseError, OSError, storage.Error) as error:
        logger.exception("The purge %s failed", job.pk)
        job.end(
            PurgeJob.State.FAILED,
            error=f"{type(error).__name__}: {error}. Start it again; it continues where it stopped.",
        )


def _step(job: PurgeJob) -> bool:
    """One step of the work; False after the last."""
    hold = functools.partial(_extend_hold, job)
    if job.files_after is None:
        if not _delete_batch(job):
            _delete_rest(job, hold)
        return True
    if database.free_space(hold):
        hold()
        return True
    database.empty_log()
    job.end(PurgeJob.State.COMPLETED, database_after=database.get_size())
    return False


def _delete_batch(job: PurgeJob) -> bool:
    """Delete a batch of the first step that has rows; False if none has."""
    selection = selection_of(job)
    for step in list_steps():
        files = step.delete_batch(selection)
        if files is not None:
            _delete_files(job, files)
            return True
    return False


def _delete_files(job: PurgeJob, files: list[tuple[str, int]]) -> None:
    for start_at in range(0, len(files), 1000):
        artifacts.delete_objects([key for key, _ in files[start_at : start_at + 1000]])
    freed = sum(size for _, size in files)
    _extend_hold(job, files_freed=F("files_freed") + freed)


def _delete_rest(job: PurgeJob, hold: Callable[[], None]) -> None:
    """Delete the rest after the batches; while files must stay, the step is repeated instead."""
    if job.scope == PurgeJob.Scope.WORKSPACE:
        _delete_workspace_row(job)
    if storage.is_deletion_held():
        return
    if job.scope == PurgeJob.Scope.WORKSPACE:
        _update(job, files_freed=F("files_freed") + storage.delete_area(job.area))
    freed, left = orphaned_files.delete_orphans(job.area, hold)
    _update(job, files_freed=F("files_freed") + freed, files_after=left)
    job.refresh_from_db()


def _delete_workspace_row(job: PurgeJob) -> None:
    """Delete the workspace. Hosts stop its nodes, whose rows are gone. The row may be gone already after a killed attempt."""
    workspace = Workspace.objects.filter(pk=job.workspace_id or 0).select_related("resource_group").first()
    if workspace:
        workspace.delete()
        deletion.forget_if_empty(workspace.resource_group)


def _update(job: PurgeJob, **fields) -> None:
    PurgeJob.objects.filter(pk=job.pk).update(**fields)


def _extend_hold(job: PurgeJob, **fields) -> None:
    """Extend the time for which this worker holds the job."""
    _update(job, held_until=timezone.now() + HOLD_TIME, **fields)


def has_something(selection: PurgeSelection) -> bool:
    rows = [purging.runs_to_delete(selection), purging.empty_experiments(selection), models_to_delete(selection)]
    return any(found.exists() for found in rows)


def queue_expired(before: dt.datetime) -> None:
    """Queue a purge for each workspace with older objects in its trash."""
    for workspace in Workspace.objects.filter(deleted_at__lt=before):
        if not is_under_way(workspace):
            with transaction.atomic():
                activity.record("workspace.purge", workspace, scope=workspace)
                queue_workspace_purge(None, workspace)
    old = Q(runs__deleted_at__lt=before) | Q(experiments__deleted_at__lt=before)
    old |= Q(models__deleted_at__lt=before) | Q(model_versions__deleted_at__lt=before)
    for workspace in Workspace.objects.filter(old, deleted_at=None).distinct():
        selection = PurgeSelection(workspace.pk, until=before)
        busy = workspace.purges.filter(state__in=PurgeJob.OPEN).exists()
        if not busy and has_something(selection):
            queue_purge(None, workspace, PurgeJob.Scope.TRASH, until=before)
