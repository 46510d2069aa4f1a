"""How a workspace ends: first it goes to the trash, out of everybody's sight; from there it comes back, or is freed permanently."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from studio.errors import Conflict, Invalid
from workspaces.access import can, require
from workspaces.models import ResourceGroup, Workspace

# Functions (workspace): what each room above ends when a workspace goes to the trash.
BEFORE_DELETE: list[Callable] = []


class Trash:
    """Set by trash.apps, since this app imports none above it: it alone knows what a workspace holds, and its pages."""

    start_purge: Callable  # (user, workspace in the trash) -> the row of the purge
    is_purging: Callable  # (workspace) -> bool
    page_url: Callable  # () -> the page of deleted workspaces
    restore_url: Callable  # (workspace) -> where a POST restores it


@transaction.atomic
def delete_workspace(actor: Actor, workspace: Workspace, permanently: bool = False):
    """To the trash; with `permanently` it is freed from there at once, and the row of the purge is given."""
    require(actor, "delete_workspace", workspace)
    for leave in BEFORE_DELETE:
        leave(workspace)
    workspace.deleted_at = timezone.now()
    Workspace.objects.filter(pk=workspace.pk).update(deleted_at=workspace.deleted_at)
    return purge_workspace(actor, workspace) if permanently else None


def list_deleted(actor: Actor) -> list[Workspace]:
    """Those in the trash that the actor may restore or free, the last deleted first."""
    rows = Workspace.objects.in_trash_of(actor).with_path().order_by("-deleted_at", "-pk")
    return [row for row in rows if can(actor, "delete_workspace", row)]


def purge_workspace(actor: Actor, workspace: Workspace):
    """Free a workspace that is in the trash, with all that it holds."""
    require(actor, "delete_workspace", workspace)
    return Trash.start_purge(actor.user, workspace)


@transaction.atomic
def restore_workspace(actor: Actor, workspace: Workspace) -> None:
    """As it was; what was canceled when it went stays canceled."""
    require(actor, "delete_workspace", workspace)
    if Trash.is_purging(workspace):
        raise Conflict(f"{workspace.name} is being deleted permanently; it cannot be restored any more.")
    Workspace.objects.filter(pk=workspace.pk).update(deleted_at=None)
    ResourceGroup.objects.filter(pk=workspace.resource_group_id).update(deleted_at=None)
    workspace.deleted_at = None


@transaction.atomic
def delete_group(actor: Actor, group: ResourceGroup) -> None:
    """With all workspaces in it, as in Azure; they go to the trash, and the group comes back with the first that does."""
    require(actor, "delete_workspace", group)
    for workspace in group.workspaces.filter(deleted_at=None).select_related("resource_group__subscription"):
        delete_workspace(actor, workspace)
    ResourceGroup.objects.filter(pk=group.pk).update(deleted_at=timezone.now())
    forget_if_empty(group)


def forget_if_empty(group: ResourceGroup) -> None:
    """The row of a deleted group goes with its last workspace."""
    if not group.workspaces.exists():
        ResourceGroup.objects.filter(pk=group.pk).exclude(deleted_at=None).delete()


def check_confirmed(workspace: Workspace, typed: str) -> None:
    """A deletion is asked twice: the second time by name."""
    if typed != workspace.name:
        raise Invalid(
            f"Type {workspace.name} to delete this workspace with all its jobs and files.", target="confirm_name"
        )
