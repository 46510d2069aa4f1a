"""Apply the claims of an identity provider: membership in groups, which have roles, and the rights of a site admin.

Claims remove only what claims have given. They are read at each sign-in, but only if the provider sent the claim and
there is a mapping: without the claim, nothing is removed. Several matching values add up.
"""

from django.db import transaction

from accounts import activity
from accounts.actors import Actor, require_site_admin
from accounts.models import IdentityProvider, Session, User
from studio.errors import Conflict, Invalid
from workspaces.models import ClaimedMembership, ClaimMapping, UserGroup
from workspaces.rules import CLAIM_VALUE, GROUP_NAME


def apply_claims(person: User, provider: IdentityProvider, claims: dict) -> None:
    """Apply the claims in the transaction of the sign-in."""
    values = values_of(claims, provider.groups_claim)
    mappings = list(provider.mappings.select_related("group"))
    if values is None or not mappings:
        return
    wanted = {mapping.group for mapping in mappings if mapping.value in values}
    claimed = {row.group: row for row in provider.memberships.filter(user=person).select_related("group")}
    for group in wanted - claimed.keys():
        _give(person, provider, group)
    for group in claimed.keys() - wanted:
        _take(person, provider, claimed[group])


def values_of(claims: dict, name: str) -> set[str] | None:
    """The values of the claim, which may be one text or a list; None if it did not come. `a.b` is a claim in a claim."""
    found = claims
    for part in name.split("."):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    if isinstance(found, str):
        return {found}
    return {value for value in found if isinstance(value, str)} if isinstance(found, list) else None


def _give(person: User, provider: IdentityProvider, group: UserGroup | None) -> None:
    """Apply a claim; an existing membership is not recorded as claimed, so claims cannot remove it."""
    if group is None:
        if not person.is_superuser:
            ClaimedMembership.objects.create(user=person, provider=provider)
            _set_admin(person, provider, True)
    elif not group.members.filter(pk=person.pk).exists():
        ClaimedMembership.objects.create(user=person, provider=provider, group=group)
        group.members.add(person)
        activity.record("user_group.edit", group, message=f"by {provider}", changes={"member": ["", person.username]})


def _take(person: User, provider: IdentityProvider, row: ClaimedMembership) -> None:
    if row.group is None:
        if not _may_lose_admin(person):
            return
        _set_admin(person, provider, False)
    else:
        row.group.members.remove(person)
        changes = {"member": [person.username, ""]}
        activity.record("user_group.edit", row.group, message=f"by {provider}", changes=changes)
    row.delete()


def _may_lose_admin(person: User) -> bool:
    """Whether the person may lose the rights of a site admin: not a break-glass account, and not the last one."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=person.pk)
    return not person.is_break_glass and others.exists()


def _set_admin(person: User, provider: IdentityProvider, is_admin: bool) -> None:
    person.is_superuser = person.is_staff = is_admin
    person.save(update_fields=["is_superuser", "is_staff"])
    activity.record(
        "site_admin.change", person, message=f"by {provider}", changes={"is_superuser": [not is_admin, is_admin]}
    )


@transaction.atomic
def add_mapping(actor: Actor, provider: IdentityProvider, value: str, group_name: str, is_admin: bool) -> ClaimMapping:
    """Add a mapping; a missing group is created, to which an Owner can give roles."""
    _require(actor)
    CLAIM_VALUE.check(value)
    if is_admin == bool(group_name):
        raise Invalid("Write a group, or choose site admin.", target="group")
    group = _find_or_make(actor, group_name) if group_name else None
    if provider.mappings.filter(value=value, group=group).exists():
        raise Conflict("This mapping already exists.", target="value")
    made = ClaimMapping.objects.create(provider=provider, value=value, group=group)
    activity.record("provider.map", provider, actor=actor, changes={"mapping": ["", str(made)]})
    return made


def _find_or_make(actor: Actor, name: str) -> UserGroup:
    found = UserGroup.objects.filter(name__iexact=GROUP_NAME.check(name)).first()
    if found is None:
        found = UserGroup.objects.create(name=name)
        activity.record("user_group.create", found, actor=actor)
    return found


@transaction.atomic
def remove_mapping(actor: Actor, mapping: ClaimMapping) -> None:
    """Delete a mapping; its people stay in the group until the next sign-in with the claim, if another mapping is left."""
    _require(actor)
    activity.record("provider.map", mapping.provider, actor=actor, changes={"mapping": [str(mapping), ""]})
    mapping.delete()


def _require(actor: Actor) -> None:
    require_site_admin(actor, "map claims")


def count_sessions(provider: IdentityProvider) -> int:
    """The number of live sessions of people who signed in with it."""
    people = User.objects.filter(socialaccount__provider=provider.slug)
    return Session.objects.live().filter(user__in=people).count()
