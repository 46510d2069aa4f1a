"""How a workspace ends: its rows go in one transaction, then its files. Its nodes are gone with the rows, so hosts stop them."""

from django.db import transaction

from studio import storage
from studio.errors import Invalid
from workspaces.access import Actor, require
from workspaces.models import ResourceGroup, Workspace


@transaction.atomic
def delete(actor: Actor, workspace: Workspace) -> None:
    require(actor, "delete_workspace", workspace)
    area = workspace.storage_area
    workspace.delete()
    # Files without rows can be swept later; rows without files would show as errors.
    transaction.on_commit(lambda: storage.delete_area(area))


@transaction.atomic
def delete_group(actor: Actor, group: ResourceGroup) -> None:
    """With all workspaces in it, as in Azure."""
    require(actor, "delete_workspace", group)
    for workspace in group.workspaces.select_related("resource_group__subscription"):
        delete(actor, workspace)
    group.delete()


def confirm(workspace: Workspace, typed: str) -> None:
    """A deletion is asked twice: the second time by name."""
    if typed != workspace.name:
        raise Invalid(
            f"Type {workspace.name} to delete this workspace with all its jobs and files.", target="confirm_name"
        )
