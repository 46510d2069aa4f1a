"""`lazuli workspace …`"""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from typing import Optional

from lazuli import login, workspaces
from lazuli.cli.output import Answer, Json
from lazuli.cli.parser import (
    CommandGroup,
    UsageError,
    add_tags_argument,
    add_yes_argument,
    confirm_deletion,
    parse_pairs,
)
from lazuli.cli.workspace_options import (
    add_subscription_argument,
    add_workspace_arguments,
    choose_subscription,
    find_workspace,
)
from lazuli.client import Client
from lazuli.errors import WorkspaceException
from lazuli.workspaces import WorkspaceClient, WorkspaceCreation

COLUMNS = ("name", "resourceGroup", "location", "subscriptionId")


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("workspace", "Workspaces.")
    _add_create(group)

    parser = group.add_command("list", list_workspaces, "List workspaces.", "\n-g aml-resources -o tsv")
    parser.add_argument("-g", "--resource-group", metavar="GROUP")
    add_subscription_argument(parser)
    parser.add_argument("--deleted", action="store_true", help="list those in the trash that you may restore")

    parser = group.add_command("show", show_workspace, "Show one workspace.", "-w aml-workspace -g aml-resources")
    add_workspace_arguments(parser)

    parser = group.add_command(
        "update",
        update_workspace,
        "Change a workspace.",
        "-w aml-workspace --friendly-name 'Our models' --tags team=vision",
    )
    add_workspace_arguments(parser)
    add_tags_argument(parser)
    parser.add_argument("--friendly-name")
    parser.add_argument("--description")

    parser = group.add_command(
        "delete",
        delete_workspace,
        "Move a workspace with its runs and files to the trash, or delete it permanently.",
        "-w aml-workspace -g aml-resources --yes\n-w aml-workspace -g aml-resources --permanently-delete",
    )
    add_workspace_arguments(parser)
    parser.add_argument(
        "-p",
        "--permanently-delete",
        "--all-resources",
        dest="permanently",
        action="store_true",
        help="permanently delete its runs and files, and release its name",
    )
    add_yes_argument(parser)

    parser = group.add_command(
        "restore", restore_workspace, "Restore a workspace from the trash.", "-w aml-workspace -g aml-resources"
    )
    _add_deleted_workspace_arguments(parser)


def _add_deleted_workspace_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-w", "--workspace-name", metavar="NAME", required=True)
    parser.add_argument("-g", "--resource-group", metavar="GROUP")
    add_subscription_argument(parser)


def _add_create(group: CommandGroup) -> None:
    parser = group.add_command(
        "create",
        create_workspace,
        "Create a workspace, and its resource group if it does not exist; show it if it exists already.",
        "-w aml-workspace -g aml-resources\n-w vision -g research -l westeurope --friendly-name 'Computer vision'",
    )
    parser.add_argument("-w", "--workspace-name", metavar="NAME", required=True)
    parser.add_argument("-g", "--resource-group", metavar="GROUP")
    add_subscription_argument(parser)
    parser.add_argument("-l", "--location", help="default: the resource group's")
    parser.add_argument("--friendly-name")
    parser.add_argument("--sku", default="basic")
    parser.add_argument(
        "--exist-ok", action="store_true", help="has no effect: an existing workspace is never an error"
    )
    add_tags_argument(parser)
    add_yes_argument(parser)


def create_workspace(options: Namespace) -> Answer:
    tags = parse_pairs(options.tags)
    workspaces.check_workspace_name(options.workspace_name)
    client = login.connect()
    subscription = options.subscription_id
    if not subscription:
        group = options.resource_group or workspaces.default_resource_group(options.workspace_name)
        subscription = choose_subscription(workspaces.candidate_subscriptions(client, group, options.workspace_name))
    creation = WorkspaceCreation(client, options.workspace_name, subscription, options.resource_group)
    if creation.check_exists(exist_ok=True):
        # As Azure's own command, which is a PUT: the same again is no error.
        print(f"The workspace {creation.workspace.name} already exists; nothing was changed.", file=sys.stderr)
        return Answer(_to_row(creation.workspace), COLUMNS)
    body = {
        "tags": tags,
        "sku": {"name": options.sku},
        "properties": {"friendlyName": options.friendly_name or options.workspace_name, "hbiWorkspace": False},
    }
    return Answer(_to_row(creation.create(body, options.location)), COLUMNS)


def list_workspaces(options: Namespace) -> Answer:
    client = login.connect()
    if options.deleted:
        deleted = workspaces.list_deleted_workspaces(client, options.subscription_id, options.resource_group)
        rows = [_to_deleted_row(client, resource) for resource in deleted]
        return Answer(rows, (*COLUMNS, "deletedTime", "purgeTime"))
    found = workspaces.list_workspaces(client, options.subscription_id, options.resource_group)
    return Answer([_to_row(WorkspaceClient.from_resource(client, resource)) for resource in found], COLUMNS)


def show_workspace(options: Namespace) -> Answer:
    return _describe(find_workspace(options))


def update_workspace(options: Namespace) -> Answer:
    tags = parse_pairs(options.tags)
    given = {"friendlyName": options.friendly_name, "description": options.description}
    properties = {name: value for name, value in given.items() if value is not None}
    if not tags and not properties:
        raise UsageError("name what to change: --friendly-name, --description or --tags")
    workspace = find_workspace(options)
    body: Json = {"properties": properties} if properties else {}
    if tags:
        body["tags"] = dict(workspace.resource.get("tags") or {}, **tags)
    workspace.update(body)
    return _describe(workspace)


def delete_workspace(options: Namespace) -> None:
    deleted = _find_deleted(options) if options.permanently and options.workspace_name else None
    workspace = deleted or find_workspace(options, may_choose=False)
    confirm_deletion(options, "workspace", workspace.name)
    workspace.delete(options.permanently)
    if options.permanently:
        print("The workspace is being deleted; `trash purges` shows the progress.", file=sys.stderr)


def restore_workspace(options: Namespace) -> Answer:
    workspace = _find_deleted(options)
    if workspace is None:
        raise WorkspaceException(
            f"WorkspaceNotFound: the trash has no workspace {options.workspace_name!r} that you may restore."
        )
    workspace.restore()
    return Answer(_to_row(workspace), COLUMNS)


def _find_deleted(options: Namespace) -> Optional[WorkspaceClient]:
    """The workspace in the trash that the options name. Raises UsageError if they name several."""
    client = login.connect()
    found = workspaces.list_deleted_workspaces(
        client, options.subscription_id, options.resource_group, options.workspace_name
    )
    if len(found) > 1:
        ids = ", ".join(resource["id"] for resource in found)
        raise UsageError(f"say which one with -g and --subscription-id: {ids}")
    return WorkspaceClient.from_resource(client, found[0]) if found else None


def _describe(workspace: WorkspaceClient) -> Answer:
    details = workspace.describe()
    return Answer({**details, **_to_row(workspace)}, COLUMNS)


def _to_deleted_row(client: Client, resource: Json) -> Json:
    times = {name: resource["properties"][name] for name in ("deletedTime", "purgeTime")}
    return dict(_to_row(WorkspaceClient.from_resource(client, resource)), **times)


def _to_row(workspace: WorkspaceClient) -> Json:
    return {
        "name": workspace.name,
        "resourceGroup": workspace.resource_group,
        "location": workspace.resource.get("location"),
        "subscriptionId": workspace.subscription_id,
        "tags": workspace.resource.get("tags") or {},
    }
