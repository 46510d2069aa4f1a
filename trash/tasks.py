"""Purges and rules of retention in the background. Each is safe to run twice, and at the same time as anything else."""

import logging

from celery import shared_task

from compute import notifications
from studio import storage
from trash import contents, orphaned_files, purge, retention

logger = logging.getLogger(__name__)


@shared_task(name=purge.TASK, ignore_result=True)
def purge_task() -> None:
    """Work at the queued purges for a few seconds; the rest goes to the end of the queue, so that nothing else waits long."""
    if purge.run_turn():
        notifications.notify_control(purge.TASK)


@shared_task(ignore_result=True)
def apply_retention() -> None:
    """Carry out the rules of retention that are due, and queue purges of what has been in the trash long enough.

    It runs every hour, since a studio on a laptop may be asleep at any hour of the night; each rule is carried out once a day.
    """
    retention.apply_due_rules()
    purge.queue_expired(contents.expired_before())


@shared_task(ignore_result=True)
def sweep_storage() -> None:
    """Once a day: files that no row names, for whoever stored them was killed before it stored the row."""
    freed, _ = orphaned_files.delete_orphans(storage.ROOT, lambda: None)
    if freed:
        logger.warning("Freed %d bytes of files that no row names.", freed)
