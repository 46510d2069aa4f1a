"""The fence: of a run whose work was claimed anew, or given up, the earlier attempt writes nothing more.

Whoever finds that a run's own token writes notes as `run.writer` the work and its attempt (runs/api/access.py). What
that script then stores asks again in the same transaction, for between the two the work may have been claimed by another.
"""

from compute.models import Work
from studio.errors import Conflict

# For a statement that stores something: true while the work is in this attempt.
STILL_HELD = (
    f"EXISTS (SELECT 1 FROM \"{Work._meta.db_table}\" WHERE id = %s AND attempt = %s AND state <> '{Work.State.LOST}')"
)


def bind(run, own, attempt: int) -> None:
    """`own` is the run whose token writes: this one, or one that it descends from."""
    if own.work is None:
        return
    run.writer = (own.work_id, attempt)
    if own.work.attempt != attempt or own.work.state == Work.State.LOST:
        raise stale_attempt_error(run)


def fence(run) -> None:
    """Until the transaction ends, nobody claims the work."""
    if run.writer is None:
        return
    work_id, attempt = run.writer
    held = Work.objects.select_for_update().filter(pk=work_id, attempt=attempt).exclude(state=Work.State.LOST)
    if held.first() is None:
        raise stale_attempt_error(run)


def stale_attempt_error(run) -> Conflict:
    text = f"Attempt {run.writer[1]} was overtaken or given up; what it writes to the run {run.run_id} is refused."
    return Conflict(text, code="stale_attempt")
