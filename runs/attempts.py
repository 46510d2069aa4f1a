"""Fencing: when the work of a run is claimed again or abandoned, the earlier attempt cannot write any more.

For writes with a run's own token, `run.writer` has the work and its attempt (runs/api/access.py). The transaction of
the write checks them again, because another node may have claimed the work in between.
"""

from compute.models import Work
from studio.errors import Conflict

# A condition for statements that store something: true while the work is in this attempt.
STILL_HELD = (
    f"EXISTS (SELECT 1 FROM \"{Work._meta.db_table}\" WHERE id = %s AND attempt = %s AND state <> '{Work.State.LOST}')"
)


def bind(run, own, attempt: int) -> None:
    """`own` is the run whose token writes: this run, or an ancestor."""
    if own.work is None:
        return
    run.writer = (own.work_id, attempt)
    if own.work.attempt != attempt or own.work.state == Work.State.LOST:
        raise stale_attempt_error(run)


def fence(run) -> None:
    """Locks the work: nobody can claim it until the transaction ends."""
    if run.writer is None:
        return
    work_id, attempt = run.writer
    held = Work.objects.select_for_update().filter(pk=work_id, attempt=attempt).exclude(state=Work.State.LOST)
    if held.first() is None:
        raise stale_attempt_error(run)


def stale_attempt_error(run) -> Conflict:
    text = f"Attempt {run.writer[1]} was replaced or abandoned; its writes to the run {run.run_id} are refused."
    return Conflict(text, code="stale_attempt")
