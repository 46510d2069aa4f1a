"""Custom roles: read from Azure's JSON, created by people who may assign roles at all of their scopes."""

from typing import Annotated, Any, Self

from django.db import transaction

from accounts import activity
from accounts.actors import Actor, require_site_admin
from studio.errors import Conflict, Invalid
from studio.request_body import Body, load_object, validate_body
from workspaces import lookup, rules
from workspaces.access import require
from workspaces.models import CustomRole, Role, RoleAssignment
from workspaces.role_definitions import BUILT_IN


class RoleDefinition(Body):
    """A custom role as Azure's portal and `az role definition` write it."""

    Name: Annotated[str, rules.ROLE_NAME]
    IsCustom: bool = True
    Description: Annotated[str, rules.ROLE_DESCRIPTION] = ""
    Actions: Annotated[list[str], rules.ACTIONS]
    NotActions: Annotated[list[str], rules.NOT_ACTIONS] = []
    AssignableScopes: Annotated[list[str], rules.ASSIGNABLE_SCOPES]

    @classmethod
    def of(cls, row: CustomRole) -> Self:
        return cls(
            Name=row.name,
            Description=row.description,
            Actions=row.actions,
            NotActions=row.not_actions,
            AssignableScopes=row.assignable_scopes,
        )


# Maps the names in lower case to those of the class: they are read in any case.
FIELDS = {name.lower(): name for name in RoleDefinition.model_fields}


def read_definition(text: str) -> RoleDefinition:
    """From Azure's file form, or from ARM's with `properties` and `permissions`."""
    given = _lowered(load_object(text, "definition", "definition"))
    given |= _lowered(given.get("properties"))
    permissions = given.get("permissions")
    if isinstance(permissions, list) and permissions:
        if len(permissions) > 1:
            raise Invalid("Write one object in permissions.", target="definition")
        given |= _lowered(permissions[0])
    # In ARM's form `name` is an id.
    given["name"] = given.get("rolename") or given.get("name")
    fields = {FIELDS[key]: value for key, value in given.items() if key in FIELDS and value is not None}
    return validate_body(RoleDefinition, fields)


def _lowered(value) -> dict:
    return {key.lower(): part for key, part in value.items()} if isinstance(value, dict) else {}


@transaction.atomic
def write_role(actor: Actor, definition: RoleDefinition) -> CustomRole:
    """A new role, or the one of its name with other actions and scopes."""
    fields: dict[str, Any] = {
        "name": definition.Name,
        "description": definition.Description,
        "actions": definition.Actions,
        "not_actions": definition.NotActions,
        "assignable_scopes": definition.AssignableScopes,
    }
    for scope in fields["assignable_scopes"]:
        _require_scope(actor, scope)
    role = CustomRole.objects.select_for_update().filter(name__iexact=fields["name"]).first()
    if role is None:
        role = CustomRole.objects.create(**fields)
        activity.record("role_definition.create", role, actor=actor, message=", ".join(role.actions))
        return role
    for scope in role.assignable_scopes:
        _require_scope(actor, scope)
    changes = {name: [getattr(role, name), value] for name, value in fields.items() if getattr(role, name) != value}
    for name, value in fields.items():
        setattr(role, name, value)
    role.save(update_fields=list(fields))
    RoleAssignment.objects.filter(custom_role=role).update(role=role.name)
    activity.record("role_definition.edit", role, actor=actor, changes=changes)
    return role


@transaction.atomic
def delete_role(actor: Actor, role: CustomRole) -> None:
    for scope in role.assignable_scopes:
        _require_scope(actor, scope)
    number = role.assignments.count()
    if number:
        raise Conflict(f"The role {role.name} is assigned {number} times. Remove these assignments first.")
    activity.record("role_definition.delete", role, actor=actor)
    role.delete()


def _require_scope(actor: Actor, scope: str) -> None:
    """People who may assign roles at a scope may define roles there."""
    if scope == "/":
        require_site_admin(actor, "make roles for all subscriptions (the scope /)")
        return
    parts = rules.SCOPE.fullmatch(scope)
    assert parts, "A definition has no other scopes."
    if parts["workspace"]:
        scope_row: Any = lookup.find_workspace(actor, parts["subscription"], parts["group"], parts["workspace"])
    elif parts["group"]:
        scope_row = lookup.find_resource_group(actor, parts["subscription"], parts["group"])
    else:
        scope_row = lookup.find_subscription(actor, parts["subscription"])
    require(actor, "edit_members", scope_row)


def make_example(scope: str) -> RoleDefinition:
    """An example: a role that can submit jobs and change nothing else."""
    m = "Microsoft.MachineLearningServices/workspaces"
    return RoleDefinition(
        Name="Job Submitter",
        Description="Can submit jobs and read everything",
        Actions=[
            "*/read",
            f"{m}/environments/write",
            f"{m}/environments/build/action",
            f"{m}/experiments/runs/submit/action",
            f"{m}/experiments/runs/write",
            f"{m}/metadata/artifacts/write",
            f"{m}/metadata/snapshots/write",
        ],
        AssignableScopes=[scope],
    )


assert set(Role.values) == set(BUILT_IN), "Each built-in role has its actions."
