"""Creating subscriptions, resource groups and workspaces, for pages, API and commands."""

import secrets

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from accounts import activity
from accounts.actors import Actor
from studio.errors import Conflict, Denied, Invalid
from studio.rules import TAGS
from workspaces import deletion
from workspaces.access import can
from workspaces.models import ResourceGroup, Role, RoleAssignment, Subscription, Workspace
from workspaces.rules import DISPLAY_NAME, LOCATION, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE_NAME, WORKSPACE_RULES

REGIONS = [
    "eastus",
    "eastus2",
    "westus2",
    "westus3",
    "centralus",
    "northeurope",
    "westeurope",
    "uksouth",
    "southeastasia",
]
# The word that Azure puts into the name of an associated resource, and the maximum length of the name.
ASSOCIATED = {
    "storage_account": ("storage", 24),
    "key_vault": ("keyvault", 24),
    "application_insights": ("insights", 60),
}
DETAILS = {*WORKSPACE_RULES, "hbi_workspace"}


@transaction.atomic
def create_workspace(
    actor: Actor, subscription_id: str, group: str, name: str, details: dict | None = None, create_group: bool = False
) -> Workspace:
    """Create a workspace; a site admin may name a subscription that does not exist yet.

    `details` may have the keys of DETAILS. The actor becomes the Owner.
    """
    WORKSPACE_NAME.check(name)
    fields = check_details(details or {})
    where = _group_for(actor, subscription_id, group, fields, create_group)
    check_name_free(where, name)
    fields = {**_resource_name(name), "location": where.location, **fields}
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(
                resource_group=where, name=name, slug=free_slug(name, group), created_by=actor.user, **fields
            )
    except IntegrityError as error:
        raise Conflict(f"Another workspace {name!r} was created at the same moment.", target="name") from error
    RoleAssignment.objects.create(user=actor.user, role=Role.OWNER, workspace=workspace)
    activity.record("workspace.create", workspace, actor=actor, scope=workspace)
    return workspace


def check_name_free(group: ResourceGroup, name: str) -> None:
    taken = group.workspaces.filter(name__iexact=name).first()
    if taken and taken.deleted_at:
        raise Conflict(_conflict_with(taken), code="SoftDeletedWorkspaceExists", target="name")
    if taken:
        raise Conflict(f"There is a workspace {name!r} in resource group {group.name!r} already.", target="name")


def _conflict_with(deleted: Workspace) -> str:
    if deletion.Trash.is_purging(deleted):
        return (
            f"The workspace {deleted.name!r} is being deleted permanently and its name is available afterwards. "
            "Try again in a moment, or choose another name."
        )
    return (
        f"A deleted workspace {deleted.name!r} of resource group {deleted.resource_group.name!r} is in the trash and "
        "keeps its name. Restore it, delete it permanently (in the studio under Workspaces, Deleted; or by its DELETE "
        "with forceToPurge=true), or choose another name."
    )


@transaction.atomic
def ensure_subscription(actor: Actor, subscription_id: str, display_name: str = "") -> Subscription:
    """The subscription with this id, which can be any text; site admins create missing ones."""
    SUBSCRIPTION.check(subscription_id)
    found = Subscription.objects.visible_to(actor).filter(subscription_id__iexact=subscription_id).first()
    if found:
        return found
    if not actor.is_site_admin:
        raise _may_not_make("a workspace in subscription", subscription_id)
    made = Subscription.objects.create(subscription_id=subscription_id, display_name=DISPLAY_NAME.check(display_name))
    activity.record("subscription.create", made, actor=actor, scope=made)
    return made


@transaction.atomic
def ensure_group(actor: Actor, subscription: Subscription, name: str, location: str = "", tags=None) -> ResourceGroup:
    """The resource group with this name, created if missing."""
    found = ResourceGroup.objects.visible_to(actor).filter(subscription=subscription, name__iexact=name).first()
    if found:
        return found
    if not can(actor, "create_workspace", subscription):
        raise _may_not_make("a resource group in subscription", subscription.subscription_id)
    details = {"location": LOCATION.check(location) or "eastus", "tags": TAGS.check(tags)}
    gone = ResourceGroup.objects.filter(subscription=subscription, name__iexact=name).exclude(deleted_at=None).first()
    if gone:
        made = _insert_or_none(gone, details)
    else:
        made = ResourceGroup.objects.create(subscription=subscription, name=RESOURCE_GROUP.check(name), **details)
    activity.record("group.create", made, actor=actor, scope=made)
    return made


def _insert_or_none(group: ResourceGroup, details: dict) -> ResourceGroup:
    """A deleted group keeps its row while a workspace of it is in the trash; roles on the old group do not apply to the new."""
    group.roles.all().delete()
    ResourceGroup.objects.filter(pk=group.pk).update(deleted_at=None, **details)
    group.refresh_from_db()
    return group


def _group_for(actor, subscription_id, group, fields, create_group) -> ResourceGroup:
    subscription = ensure_subscription(actor, subscription_id)
    groups = ResourceGroup.objects.visible_to(actor).select_related("subscription")
    found = groups.filter(subscription=subscription, name__iexact=group).first()
    if found is None and create_group:
        found = ensure_group(actor, subscription, group, fields.get("location", ""))
    if found is None:
        if not can(actor, "create_workspace", subscription):
            raise _may_not_make("a workspace in resource group", group)
        raise Invalid(
            f"Resource group {group!r} could not be found. Create it first.",
            target="resource_group",
            code="ResourceGroupNotFound",
        )
    if not can(actor, "create_workspace", found):
        raise _may_not_make("a workspace in resource group", group)
    return found


def _may_not_make(what: str, name: str) -> Denied:
    # The same message whether it exists or not, so that strangers learn nothing.
    return Denied(f"You may not create {what} {name!r}. Ask an Owner for a role that allows it.")


def check_details(details: dict) -> dict:
    """The checked fields of a workspace; empty ones are left out."""
    unknown = set(details) - DETAILS
    if unknown:
        raise Invalid(f"A workspace has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(DETAILS))}.")
    fields = {key: value for key, value in details.items() if value not in (None, "")}
    return {
        key: WORKSPACE_RULES[key].check(value) if key in WORKSPACE_RULES else value for key, value in fields.items()
    }


def _resource_name(name: str) -> dict:
    """Names as Azure generates them: the workspace's name in lower case, the kind, and digits."""
    stem = "".join(c for c in name.lower() if c.isalnum())[:8]
    made = {}
    for field, (word, max_length) in ASSOCIATED.items():
        digits = "".join(secrets.choice("0123456789") for _ in range(10))
        made[field] = f"{stem}{word}{digits}"[:max_length]
    return made


def free_slug(name: str, group: str) -> str:
    """The slug of the workspace: its name, with the group's name or a number if it is taken."""
    stem = slugify(name).replace("_", "-") or "workspace"
    for slug in (stem, f"{stem}-{slugify(group)}"[:60].rstrip("-")):
        if not Workspace.objects.filter(slug=slug).exists():
            return slug
    taken = set(Workspace.objects.filter(slug__startswith=f"{stem}-").values_list("slug", flat=True))
    return next(slug for slug in (f"{stem}-{n}" for n in range(2, len(taken) + 3)) if slug not in taken)
