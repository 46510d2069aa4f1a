"""Objects of this app that are handed over when a person leaves: groups that they own, and their roles as Owner."""

from accounts.handover import HOLDINGS, Holding
from accounts.models import User
from workspaces.models import Role, RoleAssignment, UserGroup


def register() -> None:
    HOLDINGS.append(Holding("groups that they own", _groups_of, _give_groups))
    HOLDINGS.append(Holding("roles as Owner", _ownerships_of, _give_ownerships))


def _groups_of(person: User):
    return UserGroup.objects.filter(owners=person)


def _give_groups(groups, person: User, heir: User) -> None:
    for group in list(groups):
        group.owners.add(heir)
        group.owners.remove(person)


def _ownerships_of(person: User):
    return RoleAssignment.objects.filter(user=person, role=Role.OWNER, custom_role=None)


def _give_ownerships(rows, person: User, heir: User) -> None:
    """Nothing changes if the heir is an Owner already; lesser roles of the heir stay, because roles add up."""
    for row in list(rows):
        where = {name: getattr(row, name) for name in ("subscription", "resource_group", "workspace")}
        RoleAssignment.objects.get_or_create(user=heir, role=Role.OWNER, custom_role=None, **where)
        row.delete()
