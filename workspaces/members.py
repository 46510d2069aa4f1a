"""The roles on a workspace, and the rules for changing them."""

from django.db import transaction
from django.db.models import Q

from accounts import activity
from accounts.actors import Actor
from accounts.models import SignInLink, User
from studio.errors import Conflict, Invalid
from workspaces.access import require
from workspaces.models import CustomRole, ResourceGroup, Role, RoleAssignment, Subscription, UserGroup, Workspace
from workspaces.rules import FULL_NAME, ROLE, USERNAME


def list_assignments(workspace: Workspace):
    """The roles that apply to a workspace: its own first, then those of its group and subscription."""
    group = workspace.resource_group
    here = Q(workspace=workspace) | Q(resource_group=group) | Q(subscription=group.subscription_id)
    found = RoleAssignment.objects.filter(here).select_related(
        "user", "group", "custom_role", "workspace", "resource_group", "subscription"
    )
    return found.order_by("workspace", "resource_group", "user__username", "group__name", "pk")


def list_scopes(workspace: Workspace) -> dict[str, Workspace | ResourceGroup | Subscription]:
    """Where a role that applies to the workspace can be given."""
    group = workspace.resource_group
    return {"workspace": workspace, "resource group": group, "subscription": group.subscription}


def list_roles(workspace: Workspace) -> list[str]:
    """The names of the roles that can be given on the workspace: the built-in ones, and the assignable custom ones."""
    custom = [role.name for role in CustomRole.objects.all() if role.is_assignable(workspace.arm_id)]
    return [*Role.values, *custom]


@transaction.atomic
def add_role(actor: Actor, workspace: Workspace, username: str, role: str, scope: str = "workspace") -> RoleAssignment:
    """`username` may be the name of a service principal or a group too; `scope` is a key of `list_scopes`."""
    target = list_scopes(workspace)[scope]
    require(actor, "edit_members", target)
    holder = _find_holder(username)
    _lock(target)
    where, who = _fields(target, holder)
    present = RoleAssignment.objects.filter(**where, **who).first()
    if present:
        raise Conflict(f"{holder} already has the role {present.role} here; change it in the list.", target="username")
    given = RoleAssignment.objects.create(**where, **who, **_find_role(role, target))
    activity.record("role.give", holder, actor=actor, scope=target, changes={"role": ["", given.role]})
    return given


def _fields(target, holder) -> tuple[dict, dict]:
    kind = {Workspace: "workspace", ResourceGroup: "resource_group", Subscription: "subscription"}[type(target)]
    return {kind: target}, {"group" if isinstance(holder, UserGroup) else "user": holder}


def _find_role(name: str, target) -> dict:
    """The fields of an assignment of the role; a custom role must be assignable there."""
    custom = CustomRole.objects.filter(name__iexact=name).first()
    if custom is None:
        return {"role": ROLE.check(name), "custom_role": None}
    if not custom.is_assignable(target.arm_id):
        raise Invalid(f"The role {custom.name} cannot be assigned on {target}; see its scopes.", target="role")
    return {"role": custom.name, "custom_role": custom}


@transaction.atomic
def change_role(actor: Actor, workspace: Workspace, assignment: RoleAssignment, role: str) -> None:
    target = assignment.scope
    require(actor, "edit_members", target)
    _lock(target)
    fields = _find_role(role, target)
    if fields["role"] != Role.OWNER:
        _keep_an_owner(workspace, assignment)
    before = assignment.role
    for name, value in fields.items():
        setattr(assignment, name, value)
    assignment.save(update_fields=list(fields))
    changes = {"role": [before, assignment.role]}
    activity.record("role.change", assignment.holder, actor=actor, scope=target, changes=changes)


@transaction.atomic
def remove_role(actor: Actor, workspace: Workspace, assignment: RoleAssignment) -> None:
    """An Owner can remove anybody's role; everybody can leave, but not by a token that may not edit members."""
    target = assignment.scope
    if assignment.user_id != actor.user.pk or actor.is_run:
        require(actor, "edit_members", target)
    _lock(target)
    _keep_an_owner(workspace, assignment)
    holder = assignment.holder
    assignment.delete()
    changes = {"role": [assignment.role, ""]}
    activity.record("role.remove", holder, actor=actor, scope=target, changes=changes)


@transaction.atomic
def create_account(actor: Actor, workspace: Workspace, username: str, full_name: str, role: str) -> tuple[User, str]:
    """A new person with a role here, and the secret of the invitation."""
    require(actor, "create_account", workspace)
    USERNAME.check(username)
    if User.objects.filter(username__iexact=username).exists():
        raise Conflict(f"There is an account {username!r} already.", target="username")
    first, _, last = FULL_NAME.check(full_name).partition(" ")
    user = User.objects.create_user(username, first_name=first, last_name=last)
    given = RoleAssignment.objects.create(workspace=workspace, user=user, **_find_role(role, workspace))
    activity.record("account.create", user, actor=actor, scope=workspace)
    activity.record("role.give", user, actor=actor, scope=workspace, changes={"role": ["", given.role]})
    return user, SignInLink.create_for(user, is_invitation=True)


def invite_again(actor: Actor, workspace: Workspace, assignment: RoleAssignment) -> str:
    """The secret of a new invitation for a person who has not set a password; earlier invitations stop working."""
    require(actor, "create_account", workspace)
    user = assignment.user
    if user is None:
        raise Conflict("A group has no password. Invite its members instead.")
    if user.has_usable_password():
        raise Conflict(
            f"{user.username} has a password and needs no invitation. "
            f"If they forgot it, `manage.py signin {user.username}` prints a sign-in link."
        )
    return SignInLink.create_for(user, is_invitation=True)


def _find_holder(name: str) -> User | UserGroup:
    user = User.objects.filter(username__iexact=name, is_active=True).first()
    found = user or UserGroup.objects.filter(name__iexact=name).first()
    if found is None:
        raise Invalid(f"There is no account or group {name!r}. A site admin can create one.", target="username")
    return found


def _lock(target) -> None:
    """Changes to the roles of one scope are serialized, so that only one of the last two Owners can leave."""
    type(target).objects.select_for_update().get(pk=target.pk)


def _keep_an_owner(workspace: Workspace, leaving: RoleAssignment) -> None:
    others = list_assignments(workspace).filter(role=Role.OWNER, user__is_active=True).exclude(pk=leaving.pk)
    if leaving.role == Role.OWNER and not others.exists():
        raise Conflict(
            f"{leaving.holder} is the last Owner of {workspace.name}. Make someone else an Owner first.",
            code="last_owner",
        )
