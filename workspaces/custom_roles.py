"""Custom roles: read from Azure's JSON, created by people who may assign roles at all of their scopes."""

import json
import re
from typing import Any

from django.db import transaction

from accounts import activity
from accounts.actors import Actor, require_site_admin
from studio import names
from studio.errors import Conflict, Invalid
from studio.request_body import load_object
from workspaces import lookup
from workspaces.access import require
from workspaces.models import CustomRole, Role, RoleAssignment
from workspaces.role_definitions import BUILT_IN

MAX_ACTIONS = 500
ACTION = re.compile(r"[\w.*/-]{1,300}", re.ASCII)
SCOPE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)"
    r"(?:/resourceGroups/(?P<group>[^/]+)"
    r"(?:/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace>[^/]+))?)?/?",
    re.IGNORECASE,
)


@transaction.atomic
def write_role(actor: Actor, text: str) -> CustomRole:
    """The role of this JSON: a new one, or the one of its name with other actions and scopes."""
    fields = parse_role(text)
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


def parse_role(text: str) -> dict[str, Any]:
    """The fields of the role in Azure's file form, or in ARM's with `properties` and `permissions`."""
    given = _lowered(load_object(text, "definition", "definition"))
    given |= _lowered(given.get("properties"))
    permissions = given.get("permissions")
    if isinstance(permissions, list) and permissions:
        if len(permissions) > 1:
            raise Invalid("Write one object in permissions.", target="definition")
        given |= _lowered(permissions[0])
    name = names.check_text(given.get("rolename") or given.get("name"), "name of the role", max_length=100)
    if name.lower() in {one.lower() for one in Role.values}:
        raise Invalid(f"{name} is a built-in role. Choose another name.", target="definition")
    return {
        "name": name,
        "description": names.check_text(
            given.get("description") or "", "description", max_length=2000, allow_empty=True, allow_lines=True
        ),
        "actions": _actions(given, "actions"),
        "not_actions": _actions(given, "notactions", needed=False),
        "assignable_scopes": _scopes(given.get("assignablescopes")),
    }


def _lowered(value) -> dict:
    return {key.lower(): part for key, part in value.items()} if isinstance(value, dict) else {}


def _actions(given: dict, field: str, needed: bool = True) -> list[str]:
    found = given.get(field)
    if found is None and not needed:
        return []
    if not isinstance(found, list) or (needed and not found) or len(found) > MAX_ACTIONS:
        raise Invalid(f"{field}: write a list of 1 to {MAX_ACTIONS} actions.", target="definition")
    for one in found:
        if not isinstance(one, str) or not ACTION.fullmatch(one):
            raise Invalid(
                f"{field}: {str(one)[:100]!r} is not an action, such as "
                "Microsoft.MachineLearningServices/workspaces/experiments/runs/read, with * for any text.",
                target="definition",
            )
    return found


def _scopes(found) -> list[str]:
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise Invalid('AssignableScopes: write a list such as ["/subscriptions/<id>"].', target="definition")
    for one in found:
        if one != "/" and not SCOPE.fullmatch(one):
            raise Invalid(
                f"AssignableScopes: {one[:200]!r} is not the address of a subscription, resource group or workspace.",
                target="definition",
            )
    return [one if one == "/" else one.rstrip("/") for one in found]


def _require_scope(actor: Actor, scope: str) -> None:
    """People who may assign roles at a scope may define roles there."""
    if scope == "/":
        require_site_admin(actor, "make roles for all subscriptions (the scope /)")
        return
    parts = SCOPE.fullmatch(scope)
    assert parts, "parse_role lets in nothing else."
    if parts["workspace"]:
        scope_row: Any = lookup.find_workspace(actor, parts["subscription"], parts["group"], parts["workspace"])
    elif parts["group"]:
        scope_row = lookup.find_resource_group(actor, parts["subscription"], parts["group"])
    else:
        scope_row = lookup.find_subscription(actor, parts["subscription"])
    require(actor, "edit_members", scope_row)


def format_role(role: CustomRole) -> str:
    """The file form, to copy and change."""
    found = {
        "Name": role.name,
        "IsCustom": True,
        "Description": role.description,
        "Actions": role.actions,
        "NotActions": role.not_actions,
        "AssignableScopes": role.assignable_scopes,
    }
    return json.dumps(found, indent=2)


def make_example(scope: str) -> str:
    """To begin with: somebody who submits jobs and changes nothing else."""
    m = "Microsoft.MachineLearningServices/workspaces"
    found = {
        "Name": "Job Submitter",
        "IsCustom": True,
        "Description": "Can submit jobs and read everything",
        "Actions": [
            "*/read",
            f"{m}/environments/write",
            f"{m}/environments/build/action",
            f"{m}/experiments/runs/submit/action",
            f"{m}/experiments/runs/write",
            f"{m}/metadata/artifacts/write",
            f"{m}/metadata/snapshots/write",
        ],
        "NotActions": [],
        "AssignableScopes": [scope],
    }
    return json.dumps(found, indent=2)


assert set(Role.values) == set(BUILT_IN), "Each built-in role has its actions."
