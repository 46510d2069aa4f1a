"""`lazuli workspace …`"""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from typing import Any, Dict, List, Optional

from lazuli.cli.output import Answer
from lazuli.cli.parser import (
    Group,
    UsageError,
    confirm,
    find_workspace,
    pairs,
    takes_subscription,
    takes_tags,
    takes_workspace,
    takes_yes,
)

COLUMNS = ("name", "resourceGroup", "location", "subscriptionId")


def add(resources: Group) -> None:
    group = resources.group("workspace", "Workspaces.")
    _add_create(group)

    parser = group.command("list", list_, "List workspaces.", "\n-g aml-resources -o tsv")
    parser.add_argument("-g", "--resource-group", metavar="GROUP")
    takes_subscription(parser)
    parser.add_argument("--deleted", action="store_true", help="those in the trash that you may restore")

    parser = group.command("show", show, "Show one workspace.", "-w aml-workspace -g aml-resources")
    takes_workspace(parser)

    parser = group.command(
        "update", update, "Change a workspace.", "-w aml-workspace --friendly-name 'Our models' --tags team=vision"
    )
    takes_workspace(parser)
    takes_tags(parser)
    parser.add_argument("--friendly-name")
    parser.add_argument("--description")

    parser = group.command(
        "delete",
        delete,
        "Put a workspace with its runs and files into the trash, or delete it for ever.",
        "-w aml-workspace -g aml-resources --yes\n-w aml-workspace -g aml-resources --permanently-delete",
    )
    takes_workspace(parser)
    parser.add_argument(
        "-p",
        "--permanently-delete",
        "--all-resources",
        dest="for_ever",
        action="store_true",
        help="free its runs, files and name for ever",
    )
    takes_yes(parser)

    parser = group.command(
        "restore", restore, "Bring a workspace back from the trash.", "-w aml-workspace -g aml-resources"
    )
    _takes_deleted(parser)


def _takes_deleted(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-w", "--workspace-name", metavar="NAME", required=True)
    parser.add_argument("-g", "--resource-group", metavar="GROUP")
    takes_subscription(parser)


def _add_create(group: Group) -> None:
    parser = group.command(
        "create",
        create,
        "Create a workspace, and its resource group if need be.",
        "-w aml-workspace -g aml-resources\n-w vision -g research -l westeurope --friendly-name 'Computer vision'",
    )
    parser.add_argument("-w", "--workspace-name", metavar="NAME", required=True)
    parser.add_argument("-g", "--resource-group", metavar="GROUP")
    takes_subscription(parser)
    parser.add_argument("-l", "--location", help="default: the resource group's")
    parser.add_argument("--friendly-name")
    parser.add_argument("--sku", default="basic")
    parser.add_argument("--exist-ok", action="store_true", help="no error if it is there already")
    takes_tags(parser)
    takes_yes(parser)


def create(options: Namespace) -> Answer:
    from azureml.core.workspace import Workspace

    workspace = Workspace.create(
        options.workspace_name,
        subscription_id=options.subscription_id or _default_subscription(options),
        resource_group=options.resource_group,
        location=options.location,
        friendly_name=options.friendly_name,
        sku=options.sku,
        tags=pairs(options.tags),
        exist_ok=options.exist_ok,
        show_output=False,
    )
    return Answer(row(workspace), COLUMNS)


def _default_subscription(options: Namespace) -> Optional[str]:
    """As the Azure CLI has it, there is always one: of several the first, which is said."""
    from azureml.core.workspace import _connect, _fitting_subscriptions

    group = options.resource_group or f"{options.workspace_name}-rg"
    fitting = _fitting_subscriptions(_connect(None), group)
    if len(fitting) > 1:
        said = f"Using the subscription {fitting[0]} of {', '.join(fitting)}; `account set` chooses another."
        print(said, file=sys.stderr)
    return fitting[0] if fitting else None


def list_(options: Namespace) -> Answer:
    from azureml.core.workspace import Workspace, _all_workspaces, _connect

    if options.deleted:
        return Answer([_deleted_row(dto) for dto in _deleted(options)], (*COLUMNS, "deletedTime", "purgeTime"))
    found = _all_workspaces(_connect(None), options.subscription_id, options.resource_group)
    return Answer([row(Workspace._from_dto(dto, None)) for dto in found], COLUMNS)


def show(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    return Answer(dict(workspace.get_details(), **row(workspace)), COLUMNS)


def update(options: Namespace) -> Answer:
    tags = pairs(options.tags)
    if not tags and options.friendly_name is None and options.description is None:
        raise UsageError("say what shall change: --friendly-name, --description or --tags")
    workspace = find_workspace(options)
    workspace.update(
        friendly_name=options.friendly_name,
        description=options.description,
        tags=dict(workspace.tags, **tags) if tags else None,
    )
    return Answer(dict(workspace.get_details(), **row(workspace)), COLUMNS)


def delete(options: Namespace) -> None:
    in_trash = _deleted(options) if options.for_ever and options.workspace_name else []
    workspace = _only(in_trash) if in_trash else find_workspace(options)
    confirm(options, "workspace", workspace.name)
    workspace.delete(delete_dependent_resources=options.for_ever)
    if options.for_ever:
        print("It is being freed; `trash purges` shows how far.", file=sys.stderr)


def restore(options: Namespace) -> Answer:
    from azureml.exceptions import WorkspaceException

    found = _deleted(options)
    if not found:
        raise WorkspaceException(f"WorkspaceNotFound: the trash has no {options.workspace_name!r} that is yours.")
    workspace = _only(found)
    workspace._client.request("POST", workspace._path + "/restore")
    return Answer(row(workspace), COLUMNS)


def _deleted(options: Namespace) -> List[Dict[str, Any]]:
    """Those in the trash that the options name."""
    from azureml._names import deleted_workspaces_path, parse_scope
    from azureml.core.workspace import _connect, _subscriptions

    client = _connect(None)
    chosen = [options.subscription_id] if options.subscription_id else None
    subscriptions = chosen or [dto["subscriptionId"] for dto in _subscriptions(client)]
    found = [dto for each in subscriptions for dto in client.items(deleted_workspaces_path(each))]
    name, group = getattr(options, "workspace_name", None), options.resource_group
    return [
        dto
        for dto in found
        if (not name or dto["name"].lower() == name.lower())
        and (not group or parse_scope(dto["id"])[1].lower() == group.lower())
    ]


def _only(found: List[Dict[str, Any]]) -> Any:
    from azureml.core.workspace import Workspace

    if len(found) > 1:
        raise UsageError(f"say which with -g and --subscription-id: {', '.join(dto['id'] for dto in found)}")
    return Workspace._from_dto(found[0], None)


def _deleted_row(dto: Dict[str, Any]) -> Dict[str, Any]:
    from azureml.core.workspace import Workspace

    times = {name: dto["properties"][name] for name in ("deletedTime", "purgeTime")}
    return dict(row(Workspace._from_dto(dto, None)), **times)


def row(workspace: Any) -> Dict[str, Any]:
    return {
        "name": workspace.name,
        "resourceGroup": workspace.resource_group,
        "location": workspace.location,
        "subscriptionId": workspace.subscription_id,
        "tags": workspace.tags,
    }
