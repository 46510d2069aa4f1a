"""Permissions: `can(actor, verb, object)`, used by pages, API and tasks."""

import json
from collections.abc import Iterable

from django.db.models import Q

from accounts.actors import Actor
from accounts.refusals import record_refusal
from accounts.rules import TokenScope
from studio.database import prepared_cursor
from studio.errors import Denied
from workspaces.models import CustomRole, ResourceGroup, RoleAssignment, Subscription, UserGroup, Workspace
from workspaces.role_definitions import BUILT_IN, NEEDED, Definition, verbs_of

READ = {"read"}
COMPUTE = {"use_compute", "edit_compute"}
WORK = {"submit", "edit"}  # runs, experiments, environments
SECRETS = {"list_secrets", "read_secrets", "edit_secrets"}
# What each built-in role allows, by its actions (workspaces/role_definitions.py).
VERBS: dict[str, frozenset[str]] = {name: verbs_of(frozenset({one})) for name, one in BUILT_IN.items()}
ALL = frozenset(NEEDED)
# Plain SQL, because each page needs it: Django takes ten times as long to write it as the database to run it.
ROLES = f"""
SELECT a.subscription_id, a.resource_group_id, a.role, c.actions, c.not_actions
FROM "{RoleAssignment._meta.db_table}" a LEFT JOIN "{CustomRole._meta.db_table}" c ON c.id = a.custom_role_id
WHERE (a.workspace_id = %s OR a.resource_group_id = %s OR a.subscription_id = %s) AND (a.user_id = %s OR a.group_id IN
  (SELECT m.usergroup_id FROM "{UserGroup.members.through._meta.db_table}" m WHERE m.user_id = %s))"""
# The permissions of tokens by scope; a token of the scope `admin` has all permissions of its owner.
SCOPES: dict[str, frozenset[str]] = {
    TokenScope.READ.value: frozenset(READ | {"read_compute", "list_secrets", "read_activity"}),
    TokenScope.WRITE.value: frozenset(
        READ | WORK | COMPUTE | SECRETS | {"read_compute", "read_activity", "edit_workspace"}
    ),
}


def assignments_on(user, thing):
    """The assignments to a person, or to a group of theirs, that apply to a subscription, group or workspace."""
    return RoleAssignment.objects.of(user).filter(scope_filter(thing))


def scope_filter(thing) -> Q:
    """A condition for the assignments that apply to a subscription, group or workspace, inherited ones included."""
    if isinstance(thing, Workspace):
        return (
            Q(workspace=thing)
            | Q(resource_group=thing.resource_group_id)
            | Q(subscription=thing.resource_group.subscription_id)
        )
    if isinstance(thing, ResourceGroup):
        return Q(resource_group=thing) | Q(subscription=thing.subscription_id)
    if isinstance(thing, Subscription):
        return Q(subscription=thing)
    raise TypeError(f"roles are held on subscriptions, groups and workspaces, not on {type(thing).__name__}")


def definitions_on(user, thing) -> frozenset[Definition]:
    """The roles of a person there, inherited ones and those of their groups included."""
    if isinstance(thing, Workspace):
        return frozenset(definition for _, _, definition in _roles_on_workspace(user, thing))
    rows = assignments_on(user, thing).values_list(*DEFINITION_FIELDS)
    return frozenset(make_definition(*row) for row in rows)


def _roles_on_workspace(user, workspace: Workspace) -> list[tuple[int | None, int | None, Definition]]:
    """The roles of `assignments_on`, each with the subscription or the resource group that it is on."""
    group = workspace.resource_group
    with prepared_cursor() as cursor:
        cursor.execute(ROLES, [workspace.pk, group.pk, group.subscription_id, user.pk, user.pk])
        rows = cursor.fetchall()
    return [
        (subscription, group, make_definition(role, actions and json.loads(actions), others and json.loads(others)))
        for subscription, group, role, actions, others in rows
    ]


DEFINITION_FIELDS = ("role", "custom_role__actions", "custom_role__not_actions")


def make_definition(role: str, actions: list | None, not_actions: list | None) -> Definition:
    """The definition of an assignment's role; a custom role has lists of actions."""
    return BUILT_IN[role] if actions is None else Definition(role, tuple(actions), tuple(not_actions or ()))


def can(actor: Actor, verb: str, thing) -> bool:
    """Whether the actor may do this to the subscription, group or workspace. Site admins may do everything."""
    if actor.is_run:
        own = isinstance(thing, Workspace) and thing.pk == actor.workspace_id
        # A run may read the secrets that its submitter may read at this moment.
        return own and (verb == "read" or (verb == "read_secrets" and can(Actor(actor.user), verb, thing)))
    if not _is_open_to(actor, verb, thing):
        return False
    if actor.user.is_superuser:
        return True
    return verb in verbs_of(definitions_on(actor.user, thing))


def _is_open_to(actor: Actor, verb: str, thing) -> bool:
    """Whether the token may be used for this, whatever its owner may."""
    if actor.only_workspace is not None and not (isinstance(thing, Workspace) and thing.pk == actor.only_workspace):
        return False
    return verb in SCOPES.get(actor.scope, frozenset({verb}))


def verbs_by_scope(user, workspace: Workspace) -> dict[str, frozenset[str]]:
    """The permissions of a person on the workspace, its resource group and its subscription, with one query."""
    if user.is_superuser:
        return dict.fromkeys(("workspace", "resource group", "subscription"), ALL | {"create_account"})
    roles = _roles_on_workspace(user, workspace)
    above = frozenset(definition for subscription, _, definition in roles if subscription)
    group = above | {definition for _, group, definition in roles if group}
    all_of_them = group | {definition for _, _, definition in roles}
    return {"workspace": verbs_of(all_of_them), "resource group": verbs_of(group), "subscription": verbs_of(above)}


def allowed_among(actor: Actor, verb: str, workspaces: Iterable[Workspace]) -> list[Workspace]:
    """The workspaces on which the actor may do this, with one query, including their paths."""
    if actor.is_run or actor.user.is_superuser:
        return [workspace for workspace in workspaces if can(actor, verb, workspace)]
    given: dict[tuple[str, int], set[Definition]] = {}
    scopes = ("workspace", "resource_group", "subscription")
    for *keys, role, actions, not_actions in RoleAssignment.objects.of(actor.user).values_list(
        *scopes, *DEFINITION_FIELDS
    ):
        for scope, key in zip(scopes, keys, strict=True):
            if key is not None:
                given.setdefault((scope, key), set()).add(make_definition(role, actions, not_actions))

    def is_allowed(workspace: Workspace) -> bool:
        group = workspace.resource_group
        path = (workspace.pk, group.pk, group.subscription_id)
        found = [given.get(where, set()) for where in zip(scopes, path, strict=True)]
        return _is_open_to(actor, verb, workspace) and verb in verbs_of(frozenset().union(*found))

    return [workspace for workspace in workspaces if is_allowed(workspace)]


def require(actor: Actor, verb: str, thing) -> None:
    """Raises Denied unless the actor may do this."""
    if not can(actor, verb, thing):
        raise denied(verb, thing)


def person_can(actor: Actor, verb: str, workspace: Workspace) -> bool:
    """Like `can`, but the token of a run may do what its submitter may do now; runs/run_tokens.py limits its routes."""
    if actor.is_run:
        return can(actor, "read", workspace) and (verb == "read" or can(Actor(actor.user), verb, workspace))
    return can(actor, verb, workspace)


def require_of_person(actor: Actor, verb: str, workspace: Workspace) -> None:
    """Raises Denied unless the person may do this, or the submitter of the run whose token this is."""
    if not person_can(actor, verb, workspace):
        raise denied(verb, workspace)


def denied(verb: str, thing) -> Denied:
    record_refusal(verb, thing)
    return Denied(f"You may not {verb.replace('_', ' ')} on {thing}. Ask an Owner for a role that allows it.")
