"""Finds events for notifications in the database: ends of jobs, and rows of the activity log.

Each turn reads the last minutes again, because rows are not committed in the order of their times; a person gets one
notification per cause, so nothing is sent twice, also across restarts.
"""

import datetime as dt
from collections import defaultdict

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.activity import Activity
from accounts.actors import Actor
from accounts.models import User
from costs.models import Budget
from endpoints.models import Endpoint
from notices import model_events, site_events
from notices.models import Event, Follow, Notification, Preference
from operations.models import JobRecord
from runs.models import BulkAct, Run, RunEvent
from runs.models.status import TERMINAL, RunStatus
from studio.formats import format_count
from workspaces import access

# A turn every 2 seconds; after a pause of the control worker it looks back to the last one, but no longer than LONGEST.
LOOK_BACK, LONGEST = dt.timedelta(minutes=2), dt.timedelta(days=1)
TASK = "notices.tasks.notify_people"
# Maximum jobs in one turn, so that a large sweep does not block the worker.
MAX_EVENTS = 500


def find_events() -> int:
    """Send new notifications; return their number."""
    now = timezone.now()
    last = JobRecord.objects.filter(name=TASK).values_list("ended_at", flat=True).first()
    since = max(min(now, last or now) - LOOK_BACK, now - LONGEST)
    sent = _find_ends_of_jobs(since) + _find_budgets(since) + _find_alerts(since) + _find_bulk_acts(since)
    sent += _find_failed_children(since) + site_events.find_events(since)
    return sent + model_events.find_changes(since)


def _find_ends_of_jobs(since: dt.datetime) -> int:
    known = set(Notification.objects.filter(at__gte=since, cause__startswith="run:").values_list("cause", flat=True))
    # By their keys: SQLite would otherwise begin with all runs without a parent.
    recent = RunEvent.objects.filter(at__gte=since, status__in=TERMINAL).order_by()
    ends = RunEvent.objects.filter(pk__in=recent.values("pk"), run__deleted_at=None)
    followers: dict[int, list[User]] = defaultdict(list)
    for follow in Follow.objects.filter(run__in=ends.values("run")).select_related("person"):
        followers[follow.run_id].append(follow.person)
    # The parent of a sweep notifies for its children too.
    wanted = ends.filter(Q(run__parent=None) | Q(run__in=followers))
    wanted = wanted.select_related("run__workspace", "run__created_by", "run__experiment").order_by("-pk")
    sent = 0
    for end in wanted[:MAX_EVENTS]:
        cause = f"run:{end.run_id}:{end.status}"
        if cause not in known:
            sent += _notify_of_end(end.run, end.status, cause, followers[end.run_id])
    return sent


def _notify_of_end(run: Run, status: str, cause: str, followers: list[User]) -> int:
    detail = str(run.error.get("message", ""))[:500] if status == Run.Status.FAILED else ""
    title = f"{run.display_name} of {run.experiment.name} {str(RunStatus(status).label).lower()}"
    sent = 0
    for person in followers:
        sent += Notification.send(person, Event.JOB_FOLLOWED, cause, title, detail, run.get_absolute_url())
    event = {"Failed": Event.JOB_FAILED, "Completed": Event.JOB_COMPLETED}.get(str(status))
    if event and run.created_by and run.parent_id is None and run.created_by not in followers:
        sent += Notification.send(run.created_by, event, cause, title, detail, run.get_absolute_url())
    if event == Event.JOB_FAILED and run.created_by and run.parent_id is None:
        sent += _tell_groups(run, run.created_by, cause, title, detail)
    return sent


def _tell_groups(run: Run, creator: User, cause: str, title: str, detail: str) -> int:
    """Notify the others in groups of the person who want that and can see the job."""
    wanted = Preference.objects.filter(event=Event.JOB_OF_GROUP, is_on=True)
    others = User.objects.filter(member_of__in=creator.member_of.all(), is_active=True, pk__in=wanted.values("person"))
    people = [one for one in others.exclude(pk=creator.pk).distinct() if access.can(Actor(one), "read", run.workspace)]
    path = run.get_absolute_url()
    return sum(Notification.send(person, Event.JOB_OF_GROUP, cause, title, detail, path) for person in people)


def _find_failed_children(since: dt.datetime) -> int:
    """Notify who began a sweep or pipeline, while it runs, that a child has failed."""
    recent = RunEvent.objects.filter(at__gte=since, status=RunStatus.FAILED).order_by()
    keys = RunEvent.objects.filter(pk__in=recent.values("pk"), run__parent__isnull=False).values("run__parent")
    parents = Run.objects.filter(pk__in=keys, deleted_at=None, created_by__isnull=False)
    sent = 0
    for run in parents.select_related("created_by", "workspace", "experiment")[:MAX_EVENTS]:
        assert run.created_by is not None, "the query leaves the others out"
        title = f"A child of {run.display_name} of {run.experiment.name} failed"
        path = run.get_absolute_url()
        sent += Notification.send(run.created_by, Event.JOB_CHILD, f"child:{run.pk}", title, "", path)
    return sent


def _find_budgets(since: dt.datetime) -> int:
    """Notify the person of the budget and the site admins."""
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


def _find_bulk_acts(since: dt.datetime) -> int:
    """Notify who began it that a change of many jobs has ended: its page has the log and the undo."""
    ended = BulkAct.objects.filter(ended_at__gte=since, user__isnull=False).exclude(state=BulkAct.State.CANCELED)
    sent = 0
    for act in ended.select_related("user", "workspace").defer("keys", "log")[:MAX_EVENTS]:
        assert act.user is not None, "the query leaves the others out"
        title = f"{act}: {act.get_state_display().lower()}"
        detail = f"{act.changed:,} of {format_count(act.total, 'job')} changed."
        sent += Notification.send(act.user, Event.BULK_ACT, f"bulk_act:{act.pk}", title, detail, act.get_absolute_url())
    return sent


ALERTS = {
    "endpoint.alert": "Alert",
    "endpoint.alert_end": "End of an alert",
    "endpoint.traffic_back": "Traffic went back",
}


def _find_alerts(since: dt.datetime) -> int:
    """Notify who created the endpoint, and others who want that, that an alert began or ended."""
    rows = Activity.objects.filter(verb__in=ALERTS, at__gte=since)[:MAX_EVENTS]
    sent = 0
    watchers: dict[int, list[User]] = {}
    for row in rows:
        found = Endpoint.objects.select_related("created_by", "workspace__resource_group")
        endpoint = found.filter(workspace=row.chain, name=row.label).first()
        if endpoint is None:
            continue
        title = f"{ALERTS[row.verb]}: {endpoint.name}"
        path = reverse("endpoints:monitoring", args=[endpoint.workspace.slug, endpoint.name])
        if endpoint.workspace_id not in watchers:
            watchers[endpoint.workspace_id] = Preference.list_watchers(Event.WORKSPACE_ENDPOINT, endpoint.workspace)
        wanted = [(person, Event.WORKSPACE_ENDPOINT) for person in watchers[endpoint.workspace_id]]
        for person, event in [(endpoint.created_by, Event.ENDPOINT), *wanted]:
            if person and (event == Event.ENDPOINT or person != endpoint.created_by):
                sent += Notification.send(person, event, f"activity:{row.pk}", title, row.message, path)
    return sent
