"""The check of the activity log for `manage.py doctor`, and the records of changes in the administration."""

from accounts import activity
from accounts.activity import HASHED, Activity
from accounts.activity_stream import StreamState, list_receivers
from studio.findings import Finding, passed
from studio.formats import format_count

WHAT, STREAM = "activity log", "stream of the activity log"
# The doctor, which must finish in seconds, reads only these rows; `manage.py verify_activity` reads all.
NEWEST = 20_000


def check_chains() -> Finding:
    newest = Activity.objects.order_by("-pk").values_list(*HASHED, "digest")[:NEWEST]
    rows = sorted(newest, key=lambda row: row[:2])
    problem = next(activity.find_breaks(rows, from_start=False), "")
    if problem:
        remedy = "Run manage.py verify_activity. Compare it with a backup or a download."
        return Finding(WHAT, "fail", problem, remedy)
    return passed(WHAT, f"The newest {len(rows):,} rows are unchanged.")


def check_stream() -> Finding:
    states = [StreamState.of(receiver) for receiver in list_receivers()]
    for state in filter(lambda one: one.is_failing, states):
        text = f"{format_count(state.waiting, 'row')} not yet at the {state.receiver} {state.address}: {state.answer}"
        setting = f"ACTIVITY_{state.receiver.upper()}"
        return Finding(STREAM, "fail", text, f"Correct {setting} or its receiver; then they are sent by themselves.")
    addresses = " and ".join(state.address for state in states)
    return passed(STREAM, f"It is sent to {addresses}." if states else "It is not sent to other systems.")


def record_row(verb: str, row, message) -> None:
    """Record a change of a row in the administration; `message` is Django's, with names of fields and without
    values."""
    activity.record(verb, row, label=f"{row._meta.verbose_name} {row}", message=str(message or ""))
