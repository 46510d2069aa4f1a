"""Groups of people: site admins create them, their owners manage the members."""

from django.db import transaction

from accounts import activity
from accounts.actors import Actor, require_site_admin
from accounts.models import User
from studio.errors import Conflict, Denied, Invalid
from workspaces.models import UserGroup
from workspaces.rules import GROUP_DESCRIPTION, GROUP_NAME


def list_groups(actor: Actor):
    """All groups for a site admin, otherwise those that the person owns or belongs to."""
    if actor.is_site_admin:
        return UserGroup.objects.all()
    mine = UserGroup.objects.filter(owners=actor.user) | UserGroup.objects.filter(members=actor.user)
    return mine.distinct()


def may_edit(actor: Actor, group: UserGroup) -> bool:
    # A group may have roles outside of the only workspace of a token.
    is_limited = actor.is_run or actor.scope != "admin" or actor.only_workspace is not None
    owns = not is_limited and group.owners.filter(pk=actor.user.pk).exists()
    return actor.is_site_admin or owns


@transaction.atomic
def create_group(actor: Actor, name: str, description: str = "") -> UserGroup:
    require_site_admin(actor, "make groups")
    GROUP_NAME.check(name)
    if UserGroup.objects.filter(name__iexact=name).exists():
        raise Conflict(f"There is a group {name!r} already.", target="name")
    group = UserGroup.objects.create(name=name, description=GROUP_DESCRIPTION.check(description))
    activity.record("user_group.create", group, actor=actor)
    return group


@transaction.atomic
def delete_group(actor: Actor, group: UserGroup) -> None:
    """Delete a group with its roles."""
    require_site_admin(actor, "delete groups")
    activity.record("user_group.delete", group, actor=actor, message=f"{group.members.count()} members")
    group.delete()


@transaction.atomic
def add_member(actor: Actor, group: UserGroup, username: str, is_owner: bool = False) -> User:
    _require(actor, group)
    user = User.objects.filter(username__iexact=username, is_active=True).first()
    if user is None:
        raise Invalid(f"There is no account {username!r}.", target="username")
    group.members.add(user)
    if is_owner:
        group.owners.add(user)
    kind = "owner" if is_owner else "member"
    activity.record("user_group.edit", group, actor=actor, changes={kind: ["", user.username]})
    return user


@transaction.atomic
def remove_member(actor: Actor, group: UserGroup, user: User) -> None:
    """Remove a person as a member and as an owner."""
    _require(actor, group)
    group.members.remove(user)
    group.owners.remove(user)
    activity.record("user_group.edit", group, actor=actor, changes={"member": [user.username, ""]})


def _require(actor: Actor, group: UserGroup) -> None:
    if not may_edit(actor, group):
        raise Denied(f"Only an owner of the group {group} or a site admin may change its members.")
