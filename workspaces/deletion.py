"""Deleting a workspace: it moves to the trash, where it can be restored or purged."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from studio.errors import Conflict, Invalid
from workspaces.access import allowed_among, require
from workspaces.models import ResourceGroup, Workspace

# Functions (workspace) with which other apps stop their objects when a workspace moves to the trash.
BEFORE_DELETE: list[Callable] = []


class Trash:
    """Set by trash.apps, because this app cannot import trash."""

    start_purge: Callable  # (user, workspace in the trash) -> the row of the purge
    is_purging: Callable  # (workspace) -> bool
    page_url: Callable  # () -> the page of deleted workspaces
    restore_url: Callable  # (workspace) -> where a POST restores it


@transaction.atomic
def delete_workspace(actor: Actor, workspace: Workspace, permanently: bool = False):
    """Move to the trash; with `permanently`, purge it from there at once and return the purge."""
    require(actor, "delete_workspace", workspace)
    for leave in BEFORE_DELETE:
        leave(workspace)
    workspace.deleted_at = timezone.now()
    Workspace.objects.filter(pk=workspace.pk).update(deleted_at=workspace.deleted_at)
    activity.record("workspace.delete", workspace, actor=actor, scope=workspace)
    return purge_workspace(actor, workspace) if permanently else None


def list_deleted(actor: Actor) -> list[Workspace]:
    """Workspaces in the trash that the actor may restore or purge, the last deleted first."""
    rows = Workspace.objects.in_trash_of(actor).with_path().order_by("-deleted_at", "-pk")
    return allowed_among(actor, "delete_workspace", rows)


@transaction.atomic
def purge_workspace(actor: Actor, workspace: Workspace):
    """Purge a workspace in the trash with everything in it."""
    require(actor, "delete_workspace", workspace)
    activity.record("workspace.purge", workspace, actor=actor, scope=workspace)
    return Trash.start_purge(actor.user, workspace)


@transaction.atomic
def restore_workspace(actor: Actor, workspace: Workspace) -> None:
    """Restore it as it was; jobs that were canceled on deletion stay canceled."""
    require(actor, "delete_workspace", workspace)
    if Trash.is_purging(workspace):
        raise Conflict(f"{workspace.name} is being deleted permanently and can no longer be restored.")
    Workspace.objects.filter(pk=workspace.pk).update(deleted_at=None)
    ResourceGroup.objects.filter(pk=workspace.resource_group_id).update(deleted_at=None)
    workspace.deleted_at = None
    activity.record("workspace.restore", workspace, actor=actor, scope=workspace)


@transaction.atomic
def delete_group(actor: Actor, group: ResourceGroup) -> None:
    """Delete a group with all its workspaces, as in Azure; they move to the trash, and restoring one restores the
    group."""
    require(actor, "delete_workspace", group)
    for workspace in group.workspaces.filter(deleted_at=None).select_related("resource_group__subscription"):
        delete_workspace(actor, workspace)
    ResourceGroup.objects.filter(pk=group.pk).update(deleted_at=timezone.now())
    activity.record("group.delete", group, actor=actor, scope=group)
    forget_if_empty(group)


def forget_if_empty(group: ResourceGroup) -> None:
    """Delete the row of a deleted group after its last workspace."""
    if not group.workspaces.exists():
        ResourceGroup.objects.filter(pk=group.pk).exclude(deleted_at=None).delete()


def check_confirmed(workspace: Workspace, typed: str) -> None:
    """A deletion is confirmed by typing the name."""
    if typed != workspace.name:
        raise Invalid(
            f"Type {workspace.name} to delete this workspace with all its jobs and files.", target="confirm_name"
        )
