"""The options that name a workspace, and finding that workspace."""

from __future__ import annotations

import argparse
import json
import sys
from typing import List, Optional

from lazuli import config, login, workspace_config, workspaces
from lazuli.cli.parser import UsageError
from lazuli.errors import UserErrorException
from lazuli.resource_ids import parse_workspace_id
from lazuli.workspaces import WorkspaceClient


def add_workspace_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-w", "--workspace-name", metavar="NAME", help="default: the workspace of config.json")
    parser.add_argument("-g", "--resource-group", metavar="GROUP")
    add_subscription_argument(parser)


def add_subscription_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--subscription-id",
        "--subscription",
        dest="subscription_id",
        metavar="ID",
        help="default: the one set with `account set`, or the only one you can see or that has the group",
    )


def find_workspace(options: argparse.Namespace, may_choose: bool = True) -> WorkspaceClient:
    """The workspace of -w, or of config.json, or the only one that there is (in the default subscription).

    Of several with the same -w and -g, the oldest one is used, with a notice, unless `may_choose` is false.
    Raises UsageError if it is not clear which one is meant, WorkspaceException if it does not exist.
    """
    if options.workspace_name:
        client = login.connect()
        subscription = options.subscription_id
        if may_choose and options.resource_group and not subscription:
            namesakes = workspaces.find_namesakes(client, options.workspace_name, None, options.resource_group)
            subscription = choose_subscription([parse_workspace_id(each["id"])[0] for each in namesakes])
        return workspaces.find_workspace(client, options.workspace_name, subscription, options.resource_group)
    if options.resource_group or options.subscription_id:
        raise UsageError("-g and --subscription-id need -w as well")
    try:
        path = workspace_config.find_config_file(None)
    except UserErrorException:
        return _find_only_workspace()
    try:
        found = workspace_config.read_config_file(path)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path} is not valid JSON: {error}") from error
    client = login.connect(config.server_url(found.url))
    workspace = WorkspaceClient(client, found.subscription_id, found.resource_group, found.workspace_name)
    workspace.refresh()
    return workspace


def choose_subscription(candidates: List[str]) -> Optional[str]:
    """Like the Azure CLI, always use one: the first of several, with a notice."""
    if len(candidates) > 1:
        notice = f"Using the subscription {candidates[0]} of {', '.join(candidates)}"
        print(f"{notice}; name another with --subscription, or set a default with `account set`.", file=sys.stderr)
    return candidates[0] if candidates else None


def _find_only_workspace() -> WorkspaceClient:
    client = login.connect()
    found = workspaces.list_workspaces(client, config.default_subscription(client.base_url), None)
    if len(found) != 1:
        choices = sorted({"-w {2} -g {1}".format(*parse_workspace_id(resource["id"])) for resource in found})
        names = ", ".join(choices) or "there are none yet"
        raise UsageError(
            f"name the workspace with -w NAME -g GROUP, or run this in a folder with a config.json ({names})"
        )
    return WorkspaceClient.from_resource(client, found[0])
