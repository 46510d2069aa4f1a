"""Undo everything that one request did, by its id in the activity log: what can be taken back, each by its own method."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from accounts import people
from accounts.activity import Activity
from accounts.actors import Actor
from accounts.models import User
from compute.models import Host, Work
from operations import waiting
from operations.bulk import MAX_AT_ONCE, BulkOutcome, act_on_rows
from studio.errors import Conflict, Invalid
from workspaces import groups
from workspaces.models import UserGroup

KEPT = dt.timedelta(days=30)


def _reopen_account(actor: Actor, row: Activity) -> str:
    people.open_account(actor, _find(User, row))
    return (
        "opened again"
        if row.verb == "account.block"
        else "opened again; tokens and what was handed over stay as they are"
    )


def _block_again(actor: Actor, row: Activity) -> str:
    if row.message != "it was blocked":
        raise Conflict("Only an account that was blocked is blocked again. Open its page.")
    person = _find(User, row)
    if not person.is_active:
        raise Conflict("The account is closed already.")
    people.block_account(actor, person)
    return "blocked again"


def _reopen_host(actor: Actor, row: Activity) -> str:
    host = _find(Host, row)
    if host.is_open or host.detached_at:
        raise Conflict("It is detached." if host.detached_at else "It accepts jobs already.")
    host.reopen()
    return "accepts jobs again"


def _change_member_back(actor: Actor, row: Activity) -> str:
    group = _find(UserGroup, row)
    [(kind, (before, after))] = row.changes.items()
    if before:
        groups.add_member(actor, group, before, is_owner=kind == "owner")
        return f"{before} is a member again"
    member = group.members.filter(username=after).first()
    if member is None:
        raise Conflict(f"{after} is no longer a member of {group}.")
    groups.remove_member(actor, group, member)
    return f"{after} is not a member any more"


def _move_back(actor: Actor, row: Activity) -> str:
    work = _find(Work, row)
    before, _ = row.changes["compute"]
    waiting.move_to_cluster(work, before)
    return f"waits for {before} again"


# What takes back an action of the activity log.
REVERSALS: dict[str, Callable[[Actor, Activity], str]] = {
    "account.block": _reopen_account,
    "account.deactivate": _reopen_account,
    "account.open": _block_again,
    "host.drain": _reopen_host,
    "host.quarantine": _reopen_host,
    "user_group.edit": _change_member_back,
    "work.move": _move_back,
}


def _find(model: Any, row: Activity) -> Any:
    found = model.objects.filter(pk=row.object_id).first()
    if found is None:
        raise Conflict("It no longer exists.")
    return found


def list_reversible(request_id: str) -> list[Activity]:
    """The rows of a request that can be taken back, the last first; Conflict if there is none."""
    if not request_id.isalnum() or len(request_id) > 32:
        raise Invalid(f"{request_id[:40]!r} is not the id of a request.", target="request")
    rows = Activity.objects.filter(request_id=request_id, verb__in=REVERSALS, outcome=Activity.Outcome.DONE)
    found = list(rows.filter(at__gt=timezone.now() - KEPT).order_by("-pk")[: MAX_AT_ONCE + 1])
    if not found:
        raise Conflict(
            f"Nothing of the request {request_id[:8]} can be undone: what it did is final or older than {KEPT.days} days.",
            code="nothing_to_undo",
        )
    return found


def can_be_undone(request_id: str) -> bool:
    return bool(request_id) and Activity.objects.filter(request_id=request_id, verb__in=REVERSALS).exists()


def undo_request(actor: Actor, request_id: str, *, previewed: str = "", is_dry: bool = False) -> BulkOutcome:
    """Take back what the request did; whatever has changed since is left as it is."""
    rows = list_reversible(request_id)
    return act_on_rows(
        lambda row: REVERSALS[row.verb](actor, row),
        rows,
        lambda row: f"{row.label}: {row.action_text}",
        previewed=previewed,
        is_dry=is_dry,
    )
