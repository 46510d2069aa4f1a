"""The roles on a workspace, and the rules for changing them."""

from django.db import transaction
from django.db.models import Q

from accounts import activity
from accounts.actors import Actor
from accounts.models import SignInLink, User
from studio.errors import Conflict, Invalid
from workspaces.access import require
from workspaces.models import Role, RoleAssignment, Workspace
from workspaces.rules import FULL_NAME, ROLE, USERNAME


def list_assignments(workspace: Workspace):
    """The roles that apply to a workspace: its own first, then those of its group and subscription."""
    group = workspace.resource_group
    here = Q(workspace=workspace) | Q(resource_group=group) | Q(subscription=group.subscription_id)
    found = RoleAssignment.objects.filter(here).select_related("user", "resource_group", "subscription")
    return found.order_by("workspace", "resource_group", "user__username", "pk")


@transaction.atomic
def add_role(actor: Actor, workspace: Workspace, username: str, role: str) -> RoleAssignment:
    require(actor, "edit_members", workspace)
    user = _find_user(username)
    _lock_workspace(workspace)
    present = RoleAssignment.objects.filter(workspace=workspace, user=user).first()
    if present:
        raise Conflict(
            f"{user.username} already has the role {present.role} here; change it in the list.", target="username"
        )
    given = RoleAssignment.objects.create(workspace=workspace, user=user, role=ROLE.check(role))
    activity.record("role.give", user, actor=actor, scope=workspace, changes={"role": ["", given.role]})
    return given


@transaction.atomic
def change_role(actor: Actor, workspace: Workspace, assignment: RoleAssignment, role: str) -> None:
    require(actor, "edit_members", workspace)
    _lock_workspace(workspace)
    if ROLE.check(role) != Role.OWNER:
        _keep_an_owner(workspace, assignment)
    before, assignment.role = assignment.role, role
    assignment.save(update_fields=["role"])
    changes = {"role": [before, role]}
    activity.record("role.change", assignment.user, actor=actor, scope=workspace, changes=changes)


@transaction.atomic
def remove_role(actor: Actor, workspace: Workspace, assignment: RoleAssignment) -> None:
    """An Owner can remove anybody's role; everybody can leave."""
    if assignment.user_id != actor.user.pk or actor.is_run:
        require(actor, "edit_members", workspace)
    _lock_workspace(workspace)
    _keep_an_owner(workspace, assignment)
    assignment.delete()
    changes = {"role": [assignment.role, ""]}
    activity.record("role.remove", assignment.user, actor=actor, scope=workspace, changes=changes)


@transaction.atomic
def create_account(actor: Actor, workspace: Workspace, username: str, full_name: str, role: str) -> tuple[User, str]:
    """A new person with a role here, and the secret of the invitation."""
    require(actor, "create_account", workspace)
    USERNAME.check(username)
    if User.objects.filter(username__iexact=username).exists():
        raise Conflict(f"There is an account {username!r} already.", target="username")
    first, _, last = FULL_NAME.check(full_name).partition(" ")
    user = User.objects.create_user(username, first_name=first, last_name=last)
    given = RoleAssignment.objects.create(workspace=workspace, user=user, role=ROLE.check(role))
    activity.record("account.create", user, actor=actor, scope=workspace)
    activity.record("role.give", user, actor=actor, scope=workspace, changes={"role": ["", given.role]})
    return user, SignInLink.create_for(user, is_invitation=True)


def invite_again(actor: Actor, workspace: Workspace, assignment: RoleAssignment) -> str:
    """The secret of a new invitation for a person who has not set a password; earlier invitations stop working."""
    require(actor, "create_account", workspace)
    if assignment.user.has_usable_password():
        raise Conflict(
            f"{assignment.user.username} has a password and needs no invitation. "
            f"Who forgot it gets a link by `manage.py signin {assignment.user.username}`."
        )
    return SignInLink.create_for(assignment.user, is_invitation=True)


def _find_user(username: str) -> User:
    user = User.objects.filter(username__iexact=username, is_active=True).first()
    if user is None:
        raise Invalid(f"There is no account {username!r}. A site admin can create one.", target="username")
    return user


def _lock_workspace(workspace: Workspace) -> None:
    """Changes to one workspace's roles are serialized, so that only one of the last two Owners can leave."""
    Workspace.objects.select_for_update().get(pk=workspace.pk)


def _keep_an_owner(workspace: Workspace, leaving: RoleAssignment) -> None:
    others = list_assignments(workspace).filter(role=Role.OWNER, user__is_active=True).exclude(pk=leaving.pk)
    if leaving.role == Role.OWNER and not others.exists():
        raise Conflict(
            f"{leaving.user.username} is the last Owner of {workspace.name}. Make someone else an Owner first.",
            code="last_owner",
        )
