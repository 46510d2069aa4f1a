"""The check of the background tasks for `manage.py doctor`."""

from operations.models import JobRecord
from studio.findings import Finding, fail, passed, warn

WHAT = "background tasks"


def check_background_tasks() -> Finding:
    records = list(JobRecord.objects.all())
    late = [record for record in records if record.is_late]
    if records and len(late) == len(records):
        return fail(WHAT, "The control worker does not respond.", "Read its lines of the log, and restart the studio.")
    if late:
        text = f"{len(late)} of {len(records)} are late: {', '.join(record.name for record in late[:5])}."
        return warn(WHAT, text, "Read the lines of the control worker in the log.")
    if failed := [record for record in records if record.error]:
        return warn(WHAT, f"{failed[0].name} failed: {failed[0].error}", "Administration, Health, shows all.")
    return passed(WHAT, f"All {len(records)} run in time.")
