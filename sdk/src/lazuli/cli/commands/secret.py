"""`lazuli secret …`. A value is never an argument, because the list of processes would show it."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Dict

from lazuli import secrets
from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup, add_yes_argument, confirm_deletion, read_secret_value
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace

COLUMNS = ("name", "contentType", "version", "updated", "createdBy", "forRuns")


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("secret", "Secrets in the key vault of a workspace.")
    add_workspace_arguments(group.add_command("list", list_all, "List the secrets, without their values.", ""))
    parser = group.add_command(
        "set", set_one, "Store a secret; its value is typed or read from a file.", "-n db-password"
    )
    parser.add_argument("-n", "--name", required=True)
    parser.add_argument("--file", metavar="PATH", help="read the value from this file; - reads standard input")
    parser.add_argument("--content-type", default="", help="what it is, such as `connection string`")
    parser.add_argument("--not-for-runs", action="store_true", help="jobs may not read it")
    add_workspace_arguments(parser)
    parser = group.add_command("show", show_one, "Show a secret; its value only with --value.", "-n db-password")
    parser.add_argument("-n", "--name", required=True)
    parser.add_argument("--value", action="store_true", help="print the value and nothing else")
    add_workspace_arguments(parser)
    parser = group.add_command("delete", delete_one, "Delete a secret with all its versions.", "-n db-password --yes")
    parser.add_argument("-n", "--name", required=True)
    add_yes_argument(parser)
    add_workspace_arguments(parser)


def list_all(options: Namespace) -> Answer:
    return Answer([_to_row(item) for item in secrets.list_secrets(find_workspace(options))], COLUMNS)


def set_one(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    for_runs = False if options.not_for_runs else None
    item = secrets.set_secret(
        workspace, options.name, read_secret_value(options.file, "--file"), options.content_type, for_runs
    )
    return Answer(_to_row(item), COLUMNS)


def show_one(options: Namespace) -> Any:
    workspace = find_workspace(options)
    if options.value:
        print(secrets.get_secret(workspace, options.name)["value"])
        return None
    return Answer(_to_row(next(secrets.list_versions(workspace, options.name))), COLUMNS)


def delete_one(options: Namespace) -> None:
    workspace = find_workspace(options)
    confirm_deletion(options, "secret", options.name)
    secrets.delete_secret(workspace, options.name)


def _to_row(item: Dict[str, Any]) -> Dict[str, Any]:
    attributes = item["attributes"]
    names = ("version", "updated", "createdBy", "forRuns")
    return {"name": item["name"], "contentType": item["contentType"], **{name: attributes[name] for name in names}}
