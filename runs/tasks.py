"""Background tasks for runs. Each is safe to run twice and concurrently."""

import datetime as dt
import logging

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from accounts import form_keys, view_as
from accounts.sessions import SessionStore
from compute import liveness, notifications
from compute.models import Work
from runs import bulk_work, facet_counts, metrics
from runs.files import artifacts, snapshots
from runs.models import BulkAct, ColumnChunk, Experiment, MetricBatch, MetricSeries, Run
from runs.models.bulk_acts import TASK
from runs.submission import LOCAL, SCRIPT_RUN
from studio import storage
from studio.errors import Conflict

logger = logging.getLogger(__name__)
# A runner sends a heartbeat every 5 seconds.
SILENCE = dt.timedelta(seconds=60)
# How long after its process ended a runner may still report the end of the run.
PATIENCE = dt.timedelta(seconds=10)
BATCHES_KEPT = dt.timedelta(days=1)
ACTS_KEPT = dt.timedelta(days=30)
SNAPSHOTS_KEPT = dt.timedelta(days=1)
# An upload that nobody has written to for so long was killed.
UPLOADS_KEPT = dt.timedelta(hours=1)
# Somebody may still be reading the segments of a run that has just ended.
SETTLED = dt.timedelta(seconds=120)
MANY_SEGMENTS = 100
LOCAL_LOST = "The runner on the submitter's machine stopped answering."


@shared_task(ignore_result=True)
def sweep() -> None:
    """End every run that has lost its runner."""
    for run in _find_abandoned().select_related("work", "workspace").prefetch_related("work__assignments__node")[:500]:
        try:
            _end_run(run)
        except Conflict as error:
            logger.info("The run %s ended by itself meanwhile: %s", run.run_id, error.message)


def _find_abandoned():
    now = timezone.now()
    gone = Q(work__state=Work.State.LOST) | Q(work__state=Work.State.CANCELED)
    ended = Q(work__state=Work.State.DONE, work__ended_at__lt=now - PATIENCE)
    # Not while no heartbeat could arrive.
    silent = Q(work=None, heartbeat_at__lt=now - SILENCE) if liveness.is_silence_meaningful() else Q(pk=None)
    # The row of its cluster was deleted, and the work with it.
    orphaned = Q(work=None, heartbeat_at=None, run_type=SCRIPT_RUN) & ~Q(target_name=LOCAL)
    return Run.objects.active().filter(gone | ended | silent | orphaned)


def _end_run(run: Run) -> None:
    if run.status == Run.Status.CANCEL_REQUESTED or (run.work and run.work.state == Work.State.CANCELED):
        run.move(Run.Status.CANCELED, message=run.work.reason if run.work else "")
    elif run.work is None and run.heartbeat_at is None:
        run.fail(
            "WorkLost", f"The work of this run no longer exists: the compute target {run.target_name} was removed."
        )
    elif run.work is None:
        run.fail("RunnerLost", LOCAL_LOST)
    elif run.work.state == Work.State.LOST:
        run.fail("NodeLost", run.work.reason or f"Node {run.work.node or run.node_name} was lost.")
    else:
        where = f" on node {run.work.node}" if run.work.node else ""
        run.fail("RunnerEnded", run.work.reason or f"The runner{where} ended without reporting how the run ended.")


@shared_task(ignore_result=True)
def housekeeping() -> None:
    """Delete outdated rows and merge small pieces."""
    now = timezone.now()
    MetricBatch.objects.filter(at__lt=now - BATCHES_KEPT).delete()
    BulkAct.objects.filter(ended_at__lt=now - ACTS_KEPT).delete()
    SessionStore.clear_expired()
    form_keys.forget_old_forms()
    ColumnChunk.objects.prune()
    view_as.end_old_views()
    _free_unfinished_uploads(now)
    if not storage.is_reserve_reached():
        for artifact in _find_fragmented(now):
            artifacts.join_segments(artifact)
    for snapshot in snapshots.find_unused(now - SNAPSHOTS_KEPT):
        snapshots.delete_snapshot(snapshot)
    _merge_metrics(now)


@shared_task(name=TASK, ignore_result=True)
def work_on_bulk_acts() -> None:
    """Work for a few seconds, then queue the task again, so that other tasks do not wait long."""
    if bulk_work.run_turn():
        notifications.notify_control(TASK)


@shared_task(ignore_result=True)
def count_facets() -> None:
    """Count what long lists can be filtered by."""
    facet_counts.count_wanted()


@shared_task(ignore_result=True)
def prepare_columns() -> None:
    """Read the columns of long experiments that are grouped and added up, so that no page has to."""
    if Experiment.objects.long().exists():
        # Saves the memory of the pages in a worker whose studio has no long experiment.
        from runs.pages.lists import prepared_columns

        prepared_columns.preparation.continue_briefly()


def _free_unfinished_uploads(now: dt.datetime) -> None:
    count, freed = storage.delete_unfinished((now - UPLOADS_KEPT).timestamp())
    if count:
        logger.warning("Freed %d unfinished uploads, %d MB.", count, freed // storage.MB)


def _find_fragmented(now: dt.datetime):
    settled = Q(run__ended_at__lt=now - SETTLED)
    return (
        artifacts.find_fragmented(2)
        .filter(settled | Q(parts__gte=MANY_SEGMENTS))
        .select_related("run__workspace")[:1000]
    )


def _merge_metrics(now: dt.datetime) -> None:
    loose = MetricSeries.objects.filter(loose__gt=1, run__ended_at__lt=now - SETTLED).select_related("run")
    for series in loose[:1000]:
        metrics.merge_small_chunks(series)
