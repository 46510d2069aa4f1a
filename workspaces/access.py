"""Who may do what: `can(actor, verb, object)`, used by pages, API and tasks."""

from django.db.models import Q

from accounts.actors import Actor
from accounts.refusals import note_refusal
from studio.errors import Denied
from workspaces.models import ResourceGroup, Role, RoleAssignment, Subscription, Workspace

READ = {"read"}
COMPUTE = {"use_compute", "edit_compute"}
WORK = {"submit", "edit"}  # runs, experiments, environments
SECRETS = {"list_secrets", "read_secrets", "edit_secrets"}
VERBS: dict[str, set[str]] = {
    Role.READER: READ,
    Role.DATA_SCIENTIST: READ | WORK | SECRETS | {"use_compute"},
    Role.COMPUTE_OPERATOR: {"read_compute"} | COMPUTE,
    Role.CONTRIBUTOR: READ | WORK | SECRETS | COMPUTE | {"edit_workspace", "read_keys", "create_workspace"},
    Role.OWNER: READ
    | WORK
    | SECRETS
    | COMPUTE
    | {"edit_workspace", "read_keys", "create_workspace", "delete_workspace", "edit_members", "read_activity"},
}
# Reading a workspace includes reading its compute.
IMPLIED = {"read_compute": "read"}


def roles_on(user, thing) -> set[str]:
    """The roles of a person on a subscription, group or workspace, including inherited ones."""
    if isinstance(thing, Workspace):
        scope = (
            Q(workspace=thing)
            | Q(resource_group=thing.resource_group_id)
            | Q(subscription=thing.resource_group.subscription_id)
        )
    elif isinstance(thing, ResourceGroup):
        scope = Q(resource_group=thing) | Q(subscription=thing.subscription_id)
    elif isinstance(thing, Subscription):
        scope = Q(subscription=thing)
    else:
        raise TypeError(f"roles are held on subscriptions, groups and workspaces, not on {type(thing).__name__}")
    return set(RoleAssignment.objects.filter(scope, user=user).values_list("role", flat=True))


def can(actor: Actor, verb: str, thing) -> bool:
    """Whether the actor may do this to the subscription, group or workspace. Site admins may do everything."""
    if actor.is_run:
        own = isinstance(thing, Workspace) and thing.pk == actor.workspace_id
        # Of secrets a run may read what its submitter may at this moment.
        return own and (verb == "read" or (verb == "read_secrets" and can(Actor(actor.user), verb, thing)))
    if actor.user.is_superuser:
        return True
    return verb in verbs_of(roles_on(actor.user, thing))


def verbs_of(roles: set[str]) -> set[str]:
    """The verbs that these roles together allow."""
    allowed = set().union(*(VERBS.get(role, set()) for role in roles))
    return allowed | {verb for verb, of in IMPLIED.items() if of in allowed}


def require(actor: Actor, verb: str, thing) -> None:
    """Raises Denied unless the actor may do this."""
    if not can(actor, verb, thing):
        raise denied(verb, thing)


def denied(verb: str, thing) -> Denied:
    note_refusal(verb, thing)
    return Denied(f"You may not {verb.replace('_', ' ')} on {thing}. Ask an Owner for a role that allows it.")
