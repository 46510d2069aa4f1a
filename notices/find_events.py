"""Finds what people want to know in what the database already says: ends of jobs, and lines of the activity log.

Each turn looks at the last minutes again, because rows are committed in another order than their times; a person gets one
notification of a cause, so nothing is sent twice, also not over restarts.
"""

import datetime as dt

from django.urls import reverse
from django.utils import timezone

from accounts.activity import Activity
from accounts.models import User
from costs.models import Budget
from notices.models import Event, Follow, Notification
from runs.models import Run, RunEvent
from runs.models.status import TERMINAL

# A turn every 5 seconds; after a longer pause of the control worker, events of this time are still sent.
LOOK_BACK = dt.timedelta(minutes=15)
# In one turn: a sweep that ends at once must not hold the worker.
MAX_EVENTS = 500


def find_events() -> int:
    """Send what is new; returns how many notifications that makes."""
    since = timezone.now() - LOOK_BACK
    return _find_ends_of_jobs(since) + _find_budgets(since)


def _find_ends_of_jobs(since: dt.datetime) -> int:
    rows = Notification.objects.filter(at__gte=since - LOOK_BACK, cause__startswith="run:")
    known = set(rows.values_list("cause", flat=True))
    ends = RunEvent.objects.filter(at__gte=since, status__in=TERMINAL, run__deleted_at=None)
    ends = ends.select_related("run__workspace", "run__created_by", "run__experiment").order_by("pk")
    sent = 0
    for end in ends[:MAX_EVENTS]:
        cause = f"run:{end.run_id}:{end.status}"
        if cause not in known:
            sent += _tell_of_end(end.run, end.status, cause)
    return sent


def _tell_of_end(run: Run, status: str, cause: str) -> int:
    followers = [follow.person for follow in Follow.objects.filter(run=run).select_related("person")]
    detail = str(run.error.get("message", ""))[:500] if status == Run.Status.FAILED else ""
    title = f"{run.display_name} of {run.experiment.name} {'failed' if status == 'Failed' else str(status).lower()}"
    sent = 0
    for person in followers:
        sent += Notification.send(person, Event.JOB_FOLLOWED, cause, title, detail, run.get_absolute_url())
    event = {"Failed": Event.JOB_FAILED, "Completed": Event.JOB_COMPLETED}.get(str(status))
    # Of a sweep its parent speaks for all.
    if event and run.created_by and run.parent_id is None and run.created_by not in followers:
        sent += Notification.send(run.created_by, event, cause, title, detail, run.get_absolute_url())
    return sent


def _find_budgets(since: dt.datetime) -> int:
    """Who the budget is of, and the site admins."""
    found = Activity.objects.filter(verb__in=["budget.warn", "budget.use_up"], at__gte=since)
    sent = 0
    for row in found:
        words = "is used up" if row.verb == "budget.use_up" else "is nearly used up"
        title, detail = f"The budget of {row.label} {words}", row.message
        admins = set(User.objects.filter(is_superuser=True, is_active=True))
        own = Budget.objects.filter(pk=row.object_id or 0, person__isnull=False).select_related("person").first()
        for person in admins | ({own.person} if own and own.person else set()):
            path = reverse("operations:limits") if person.is_superuser else reverse("costs:site")
            sent += Notification.send(person, Event.BUDGET, f"activity:{row.pk}", title, detail, path)
    return sent
