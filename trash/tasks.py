"""Background tasks for purges and retention rules. Each is safe to run twice and concurrently."""

import logging

from celery import shared_task

from compute import notifications
from studio import storage, trash_days
from trash import orphaned_files, purge, retention_rules

logger = logging.getLogger(__name__)


@shared_task(name=purge.TASK, ignore_result=True)
def purge_task() -> None:
    """Work on the queued purges for a few seconds, then queue the task again, so that other tasks do not wait long."""
    if purge.run_turn():
        notifications.notify_control(purge.TASK)


@shared_task(ignore_result=True)
def apply_retention() -> None:
    """Apply the retention rules that are due, and queue purges of expired objects in the trash.

    It runs every hour, because a laptop may be asleep at any hour of the night; each rule is applied once a day.
    """
    retention_rules.apply_due_rules()
    purge.queue_expired(trash_days.expired_before())


@shared_task(ignore_result=True)
def sweep_storage() -> None:
    """Once a day: delete files without a row, whose writer was killed before it stored the row."""
    if storage.is_deletion_held():
        return
    freed, _ = orphaned_files.delete_orphans(storage.ROOT, lambda: None)
    if freed:
        logger.warning("Freed %d bytes of files that no row names.", freed)
