"""Renaming and deleting a subscription, and moving a resource group to another one."""

from collections.abc import Callable

from django.db import transaction

from accounts import activity
from accounts.actors import Actor
from studio.errors import Conflict
from studio.formats import format_count, format_names
from workspaces.access import require
from workspaces.models import ResourceGroup, Subscription, Workspace
from workspaces.rules import DISPLAY_NAME

# Functions (workspace) with which other apps raise Conflict while something running knows its address.
BEFORE_MOVE: list[Callable[[Workspace], None]] = []
# Names in a message.
NAMED = 3


@transaction.atomic
def rename_subscription(actor: Actor, subscription: Subscription, display_name: str) -> None:
    """Change its display name; its id, which scripts name, stays."""
    require(actor, "edit_workspace", subscription)
    before, subscription.display_name = subscription.display_name, DISPLAY_NAME.check(display_name)
    if subscription.display_name == before:
        return
    subscription.save(update_fields=["display_name"])
    changes = {"display_name": [before, subscription.display_name]}
    activity.record("subscription.rename", subscription, actor=actor, scope=subscription, changes=changes)


@transaction.atomic
def move_group(actor: Actor, group: ResourceGroup, target: Subscription) -> None:
    """Move a group with its workspaces, whose addresses change; what was inherited from the old subscription ends."""
    require(actor, "delete_workspace", group)
    require(actor, "create_workspace", target)
    # If two groups of a name are moved at the same moment, the second waits.
    Subscription.objects.select_for_update().get(pk=target.pk)
    before = group.subscription
    if target == before:
        raise Conflict(f"{group} is in {target} already.", target="subscriptionId")
    if target.resource_groups.filter(name__iexact=group.name).exists():
        raise Conflict(
            f"{target} has a resource group {group.name} already, maybe in the trash. Delete that one permanently first.",
            target="subscriptionId",
        )
    for workspace in group.workspaces.filter(deleted_at=None):
        for check in BEFORE_MOVE:
            check(workspace)
    group.subscription = target
    group.save(update_fields=["subscription"])
    changes = {"subscription": [before.subscription_id, target.subscription_id]}
    activity.record("group.move", group, actor=actor, scope=target, changes=changes)


@transaction.atomic
def delete_subscription(actor: Actor, subscription: Subscription) -> None:
    """Delete an empty subscription with its roles, quota and budget."""
    require(actor, "delete_workspace", subscription)
    Subscription.objects.select_for_update().get(pk=subscription.pk)
    groups = list(subscription.resource_groups.order_by("name"))
    if groups:
        names = [f"{one.name} (in the trash)" if one.deleted_at else one.name for one in groups[:NAMED]]
        raise Conflict(
            f"{subscription} has {format_count(len(groups), 'resource group')}: {format_names(names, len(groups))}. "
            "Move or delete them first; those in the trash permanently.",
            code="SubscriptionNotEmpty",
        )
    message = format_count(subscription.roles.count(), "role")
    activity.record("subscription.delete", subscription, actor=actor, scope=subscription, message=message)
    subscription.delete()
