"""What frees the trash and carries out rules of retention. Each is safe to run twice, and at the same time as anything else."""

from celery import shared_task

from compute import notifications
from trash import contents, purge, retention


@shared_task(name=purge.TASK, ignore_result=True)
def purge_task() -> None:
    """A few seconds of the purges that wait; what is left goes to the end of the queue, so that nothing else waits long."""
    if purge.work():
        notifications.ring_control(purge.TASK)


@shared_task(ignore_result=True)
def tidy() -> None:
    """What the rules of the workspaces let go goes to the trash, and what was there long enough is freed.

    Asked for every hour, for a studio on a laptop may be asleep at any hour of the night; each rule is carried out once a day.
    """
    retention.apply_due()
    purge.expire(contents.expired_before())
