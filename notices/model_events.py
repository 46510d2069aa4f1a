"""Notifies people of changes in the registry of models of a workspace that they can see: its rows in the activity log."""

import datetime as dt
import re

from django.urls import reverse

from accounts.activity import Activity
from accounts.models import User
from notices.models import Event, Notification, Preference
from registry.models import PromotionRequest
from workspaces.models import Workspace

EVENTS = {
    "model_version.create": Event.MODEL_REGISTERED,
    "model.alias": Event.MODEL_ALIAS,
    "model_version.stage": Event.MODEL_STAGE,
    "model.archive": Event.MODEL_ARCHIVED,
    "model_version.archive": Event.MODEL_ARCHIVED,
    "model.delete": Event.MODEL_ARCHIVED,
    "model_version.delete": Event.MODEL_ARCHIVED,
    "model.restore": Event.MODEL_ARCHIVED,
    "model_version.restore": Event.MODEL_ARCHIVED,
    "promotion.ask": Event.MODEL_APPROVAL,
    "promotion.approve": Event.MODEL_APPROVAL,
    "promotion.decline": Event.MODEL_APPROVAL,
}
ARM_ID = re.compile(r"/models/(?P<model>[^/]+)(/versions/(?P<version>\d+)(/promotionRequests/(?P<request>\d+))?)?$")
# Maximum rows of one turn and event, the newest: a script that registers more in two minutes is no news.
MAX_ROWS = 500


def find_changes(since: dt.datetime) -> int:
    """Send new notifications to those who have chosen the events or are asked; return their number."""
    wanted = set(Preference.objects.filter(event__in=set(EVENTS.values()), is_on=True).values_list("event", flat=True))
    verbs = [verb for verb, event in EVENTS.items() if event in {*wanted, Event.MODEL_APPROVAL}]
    # The keys follow the time, which has no index.
    last = Activity.objects.filter(at__lt=since).order_by("-pk").values_list("pk", flat=True).first() or 0
    rows = list(Activity.objects.filter(pk__gt=last, verb__in=verbs, outcome="done").order_by("-pk")[:MAX_ROWS])
    known = Notification.objects.filter(cause__in=[_cause_of(row) for row in rows]).values_list("cause", "person")
    return _send(rows[::-1], set(known))


def _send(rows: list[Activity], known: set[tuple[str, int]]) -> int:
    workspaces = Workspace.objects.select_related("resource_group__subscription").in_bulk({row.chain for row in rows})
    watchers: dict[tuple[str, int], list[User]] = {}
    sent = 0
    for row in rows:
        workspace, event, cause = workspaces.get(row.chain), EVENTS[row.verb], _cause_of(row)
        if workspace is None:
            continue
        if event == Event.MODEL_APPROVAL:
            people = _list_concerned(row)
        else:
            if (event, row.chain) not in watchers:
                watchers[event, row.chain] = Preference.list_watchers(event, workspace)
            people = watchers[event, row.chain]
        for person in people:
            if (cause, person.pk) not in known:
                sent += _notify(person, event, row, workspace)
    return sent


def _list_concerned(row: Activity) -> list[User]:
    """The people who can approve the request, or the one who asked."""
    requests = PromotionRequest.objects.select_related("version__model__workspace__resource_group", "created_by")
    requested = requests.filter(pk=_parts_of(row)["request"]).first()
    if requested is None or requested.created_by is None:
        return []
    if row.verb == "promotion.ask":
        return requested.list_approvers()
    return [requested.created_by] if requested.created_by_id != row.actor_id else []


def _parts_of(row: Activity) -> dict:
    match = ARM_ID.search(row.object_id)
    assert match, f"{row.object_id} is the address of a model, a version or a request"
    return match.groupdict()


def _cause_of(row: Activity) -> str:
    return f"activity:{row.pk}"


def _notify(person: User, event: str, row: Activity, workspace: Workspace) -> bool:
    parts = _parts_of(row)
    model, version = parts["model"], parts["version"]
    data = {"workspace": workspace.arm_id, "model": model, "verb": row.verb, "by": row.actor_name}
    if version:
        data["version"] = int(version)
    if row.changes:
        data["changes"] = row.changes
    where = [workspace.slug, model, *([version] if version else [])]
    path = reverse("registry:version_detail" if version else "registry:latest", args=where)
    changes = [f"{name}: {_word(before)} → {_word(after)}" for name, (before, after) in row.changes.items()]
    detail = ", ".join([f"Workspace {workspace.name}", *changes, *([row.message] if row.message else [])])
    return Notification.send(person, event, _cause_of(row), str(row), detail, path, data)


def _word(value) -> str:
    """An alias that is new or was removed has no version on one side."""
    words = {"None": "none", "True": "yes", "False": "no"}
    return words.get(str(value), str(value))
