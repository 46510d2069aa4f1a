"""The shape of the commands: groups, their commands, and what every command takes."""

from __future__ import annotations

import argparse
from typing import Any, Callable, Dict, List

from lazuli import config


class UsageError(Exception):
    """The command cannot be carried out as it was typed."""


class Group:
    """A word that commands stand under, as `workspace`."""

    def __init__(self, commands: Any, prog: str, default_output: str):
        self._commands = commands
        self._prog = prog
        self._default_output = default_output

    def group(self, name: str, help: str) -> Group:
        parser = self._commands.add_parser(name, help=help, description=help)
        commands = parser.add_subparsers(metavar="command", required=True)
        return Group(commands, f"{self._prog} {name}", self._default_output)

    def command(
        self, name: str, run: Callable[[argparse.Namespace], Any], help: str, examples: str = ""
    ) -> argparse.ArgumentParser:
        """A command. In `examples`, one per line, what stands before the command's name is left out."""
        lines = [f"  {self._prog} {name} {line}".rstrip() for line in examples.split("\n")]
        parser: argparse.ArgumentParser = self._commands.add_parser(
            name,
            help=help,
            description=help,
            epilog="Examples:\n" + "\n".join(lines),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.set_defaults(run=run, parser=parser)
        parser.add_argument(
            "-o",
            "--output",
            choices=("table", "json", "tsv"),
            default=self._default_output,
            help=f"how to print the answer (default: {self._default_output})",
        )
        return parser


class Tree:
    """The whole: `top` for signing in, `resources` for what `az` keeps under `ml`."""

    def __init__(self, prog: str, default_output: str, version: str):
        self.parser = argparse.ArgumentParser(prog=prog, description="Lazuli Studio from the command line.")
        self.parser.add_argument("--version", action="version", version=f"lazuli-sdk {version}")
        commands = self.parser.add_subparsers(metavar="command", required=True)
        self.top = Group(commands, prog, default_output)
        self.resources = self.top.group("ml", "Workspaces, computes and runs.") if prog == "az" else self.top


def takes_workspace(parser: argparse.ArgumentParser) -> None:
    """Which workspace; left out, the one of config.json."""
    parser.add_argument("-w", "--workspace-name", metavar="NAME", help="default: the workspace of config.json")
    parser.add_argument("-g", "--resource-group", metavar="GROUP")
    takes_subscription(parser)


def takes_subscription(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--subscription-id",
        "--subscription",
        dest="subscription_id",
        metavar="ID",
        help="default: what `account set` chose, else the only one you can see or that has the group",
    )


def takes_tags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tags", nargs="+", metavar="KEY=VALUE", default=[], help="tags to set")


def pairs(texts: List[str]) -> Dict[str, str]:
    """key=value, key=value … as a dict."""
    found: Dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{text!r} is no KEY=VALUE")
        found[name] = value
    return found


def find_workspace(options: argparse.Namespace) -> Any:
    """The workspace of -w, else the one of config.json, else the only one there is (in the chosen subscription)."""
    from azureml.core import _config_file
    from azureml.core.workspace import Workspace
    from azureml.exceptions import UserErrorException

    if options.workspace_name:
        return Workspace.get(
            options.workspace_name,
            subscription_id=options.subscription_id,
            resource_group=options.resource_group,
        )
    if options.resource_group or options.subscription_id:
        raise UsageError("-g and --subscription-id need -w as well")
    try:
        path = _config_file.find(None)
    except UserErrorException:
        return _only_workspace()
    return Workspace.from_config(str(path))


def _only_workspace() -> Any:
    from azureml._names import parse_scope
    from azureml.core.workspace import Workspace, _all_workspaces, _connect

    client = _connect(None)
    found = _all_workspaces(client, config.subscription_of(client.base_url), None)
    if len(found) != 1:
        places = sorted({"-w {2} -g {1}".format(*parse_scope(dto["id"])) for dto in found})
        names = ", ".join(places) or "there is none yet"
        raise UsageError(f"say which workspace with -w NAME -g GROUP, or run this beside a config.json ({names})")
    return Workspace._from_dto(found[0], None)


def confirm(options: argparse.Namespace, what: str, name: str) -> None:
    """Ask for the name before something is gone for good."""
    import sys

    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"deleting {what} {name!r} needs --yes when nobody can be asked")
    typed = input(f"This deletes {what} {name!r} and everything in it. Type its name to go on: ")
    if typed.strip() != name:
        raise UsageError("the name was not confirmed; nothing was deleted")


def takes_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
