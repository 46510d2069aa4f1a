"""The actions on many people, machines and workspaces at once: the same methods as on one."""

from operator import attrgetter
from typing import Any

from django.utils import timezone

from accounts import handover, people
from accounts.actors import Actor
from accounts.models import Token, User
from compute.models import Host, Node, Work
from operations.bulk import BulkKind, BulkVerb, find_by
from operations.machines import find_hosts
from operations.people import find_people
from runs.models import Run
from studio.errors import Conflict
from studio.formats import format_count
from studio.words import split_words
from trash import contents
from workspaces import deletion, groups
from workspaces.models import UserGroup, Workspace


def block(actor: Actor, person: User, given: dict[str, Any]) -> str:
    if person.closed_as == User.Closed.BLOCKED:
        raise Conflict("The account is blocked already.")
    ended = person.sessions.count()
    people.block_account(actor, person)
    return f"{format_count(ended, 'session')} ended" if ended else ""


def unblock(actor: Actor, person: User, given: dict[str, Any]) -> str:
    people.open_account(actor, person)
    return f"was {person.closed_as or 'deactivated'}"


def sign_out(actor: Actor, person: User, given: dict[str, Any]) -> str:
    ended = person.sessions.count()
    if not ended:
        raise Conflict("This person is not signed in.")
    people.end_sessions(person)
    return f"{format_count(ended, 'session')} ended"


def revoke_tokens(actor: Actor, person: User, given: dict[str, Any]) -> str:
    revoked = Token.revoke_all(person)
    if not revoked:
        raise Conflict("This person has no tokens.")
    return f"{format_count(revoked, 'token')} revoked"


def deactivate(actor: Actor, person: User, given: dict[str, Any]) -> str:
    if people.state_of(person) == User.Closed.DEACTIVATED:
        raise Conflict("The account is deactivated already.")
    heir = people.find_heir(given.get("heir", "")) if handover.count_held(person) else None
    held = people.deactivate_account(actor, person, heir)
    return ", ".join(f"{number} {label}" for label, number in held.items()) if held else "nothing to hand over"


def add_to_group(actor: Actor, person: User, given: dict[str, Any]) -> str:
    group = _find_group(given["group"])
    if group.members.filter(pk=person.pk).exists():
        raise Conflict(f"This person is a member of {group} already.")
    if not person.is_active:
        raise Conflict("The account is closed.")
    groups.add_member(actor, group, person.username)
    return ""


def remove_from_group(actor: Actor, person: User, given: dict[str, Any]) -> str:
    group = _find_group(given["group"])
    if not (group.members.filter(pk=person.pk).exists() or group.owners.filter(pk=person.pk).exists()):
        raise Conflict(f"This person is not a member of {group}.")
    groups.remove_member(actor, group, person)
    return ""


def _find_group(name: str) -> UserGroup:
    found = UserGroup.objects.filter(name__iexact=name).first()
    if found is None:
        raise Conflict(f"There is no group {name[:60]!r}.", target="group")
    return found


PEOPLE = BulkKind(
    "person",
    "people",
    find_by(people.list_people, "username"),
    attrgetter("username"),
    {
        "block": BulkVerb("Block", "No sign-in, session or token works until you unblock the account.", block),
        "unblock": BulkVerb("Unblock", "Blocked and deactivated accounts open again, and newcomers get in.", unblock),
        "signOut": BulkVerb("Sign out", "Every browser has to sign in again. Tokens stay.", sign_out),
        "revokeTokens": BulkVerb(
            "Revoke tokens", "All access tokens stop working. This cannot be undone.", revoke_tokens, is_danger=True
        ),
        "addToGroup": BulkVerb("Add to group", "They get the roles of the group.", add_to_group, ("group",)),
        "removeFromGroup": BulkVerb(
            "Remove from group", "They lose the roles of the group.", remove_from_group, ("group",)
        ),
        "deactivate": BulkVerb(
            "Deactivate",
            "Sessions and tokens end, and the new owner takes over what the accounts own.",
            deactivate,
            ("heir",),
            ("heir",),
            is_danger=True,
        ),
    },
    lambda query: find_people(split_words(query.get("q", "")), query.get("state", "")),
    "operations:people",
)


def drain(actor: Actor, host: Host, given: dict[str, Any]) -> str:
    if host.drained_at and not given.get("reason") and not given.get("until"):
        raise Conflict("It accepts no jobs already.")
    host.drain(given.get("reason") or "", given.get("until"))
    return _count_running(host)


def quarantine(actor: Actor, host: Host, given: dict[str, Any]) -> str:
    host.quarantine(given["reason"])
    return _count_running(host)


def reopen(actor: Actor, host: Host, given: dict[str, Any]) -> str:
    if host.is_open:
        raise Conflict("It accepts jobs already.")
    host.reopen()
    return ""


def detach(actor: Actor, host: Host, given: dict[str, Any]) -> str:
    if host.detached_at:
        raise Conflict("It is being detached already.")
    host.detach()
    return _count_running(host)


def _count_running(host: Host) -> str:
    """Jobs that the machine finishes first."""
    nodes = Node.objects.present().filter(host=host)
    number = Work.objects.held().filter(assignments__node__in=nodes).distinct().count()
    return f"{format_count(number, 'job')} finish first" if number else ""


MACHINES = BulkKind(
    "machine",
    "machines",
    find_by(Host.objects.all, "name"),
    attrgetter("name"),
    {
        "drain": BulkVerb(
            "Drain",
            "They accept no more jobs, and their nodes stop after the current ones; until the time, if you write one.",
            drain,
            ("reason", "until"),
            ("reason", "until"),
        ),
        "reopen": BulkVerb("Accept jobs", "Drains and quarantines end.", reopen),
        "quarantine": BulkVerb(
            "Quarantine", "They accept no more jobs until you open them again.", quarantine, ("reason",)
        ),
        "detach": BulkVerb(
            "Detach", "They are removed when their nodes have ended. This cannot be undone.", detach, is_danger=True
        ),
    },
    lambda query: find_hosts(split_words(query.get("q", "")), query.get("state", "")),
    "operations:machines",
)


def empty_trash(actor: Actor, workspace: Workspace, given: dict[str, Any]) -> str:
    if workspace.deleted_at:
        raise Conflict("The workspace itself is in the trash.")
    until = min(given["at"], timezone.now())
    found = contents.preview_trash(workspace, until)
    if not found.lines:
        raise Conflict("Its trash is empty.")
    contents.empty_trash(actor.user, workspace, until=until)
    return "; ".join(found.lines)


def restore(actor: Actor, workspace: Workspace, given: dict[str, Any]) -> str:
    _require_deleted(workspace)
    deletion.restore_workspace(actor, workspace)
    return ""


def purge(actor: Actor, workspace: Workspace, given: dict[str, Any]) -> str:
    _require_deleted(workspace)
    if deletion.Trash.is_purging(workspace):
        raise Conflict("It is being deleted permanently already.")
    deletion.purge_workspace(actor, workspace)
    return format_count(Run.objects.filter(workspace=workspace).count(), "job")


def _require_deleted(workspace: Workspace) -> None:
    if not workspace.deleted_at:
        raise Conflict("The workspace is not in the trash.")


WORKSPACES = BulkKind(
    "workspace",
    "workspaces",
    find_by(Workspace.objects.with_path, "slug"),
    attrgetter("slug"),
    {
        "emptyTrash": BulkVerb(
            "Empty trash",
            "What is in the trash of these workspaces now is deleted permanently. This cannot be undone.",
            empty_trash,
            ("at",),
            is_danger=True,
        ),
        "restore": BulkVerb("Restore", "Deleted workspaces come back as they were.", restore),
        "purge": BulkVerb(
            "Delete permanently",
            "Deleted workspaces are deleted with all jobs, files and computes. This cannot be undone.",
            purge,
            is_danger=True,
        ),
    },
    lambda query: Workspace.objects.with_path().order_by("slug"),
    "operations:storage",
)
KINDS = {"people": PEOPLE, "machines": MACHINES, "workspaces": WORKSPACES}
