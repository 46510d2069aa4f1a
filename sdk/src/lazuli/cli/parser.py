"""The structure of the command line: groups, their commands, and arguments that several commands have."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional


class UsageError(Exception):
    """The command has wrong arguments; the message is shown with its usage."""


class CommandGroup:
    """A group of commands, such as `workspace`."""

    def __init__(self, commands: Any, prog: str, default_output: str):
        self._commands = commands
        self._prog = prog
        self._default_output = default_output

    def add_group(self, name: str, help: str) -> CommandGroup:
        parser = self._commands.add_parser(name, help=help, description=help)
        commands = parser.add_subparsers(metavar="command", required=True)
        return CommandGroup(commands, f"{self._prog} {name}", self._default_output)

    def add_command(
        self, name: str, run: Callable[[argparse.Namespace], Any], help: str, examples: str = ""
    ) -> argparse.ArgumentParser:
        """Add a command. `examples` has one per line, without what comes before and with the command's name."""
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


class CommandTree:
    """All commands: `top` has those for signing in, `resources` those that `az` has under `ml`."""

    def __init__(self, prog: str, default_output: str, version: str):
        self.parser = argparse.ArgumentParser(prog=prog, description="Lazuli Studio from the command line.")
        self.parser.add_argument("--version", action="version", version=f"lazuli-sdk {version}")
        commands = self.parser.add_subparsers(metavar="command", required=True)
        self.top = CommandGroup(commands, prog, default_output)
        self.resources = self.top.add_group("ml", "Workspaces, computes and runs.") if prog == "az" else self.top


def add_tags_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tags", nargs="+", metavar="KEY=VALUE", default=[], help="tags to set")


def add_metadata_argument(parser: argparse.ArgumentParser, holds: str) -> None:
    parser.add_argument("-t", "--output-metadata-file", metavar="FILE", help=f"write {holds} to this JSON file")


def add_yes_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask for confirmation")


def parse_pairs(texts: List[str]) -> Dict[str, str]:
    """The dict of `["key=value", …]`. Raises UsageError."""
    found: Dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{text!r} is not of the form KEY=VALUE")
        found[name] = value
    return found


def read_secret_value(path: Optional[str], option: str) -> str:
    """A secret from a file, from standard input (`-`), or typed. Raises UsageError."""
    if path == "-":
        return sys.stdin.read().rstrip("\n")
    if path:
        try:
            return Path(path).read_text("utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{option} {path}: {error}") from error
    if not sys.stdin.isatty():
        raise UsageError(f"give the value with {option} PATH, or with {option} - and standard input")
    return getpass.getpass("Value: ")


def confirm_deletion(options: argparse.Namespace, kind: str, name: str) -> None:
    """Ask the user to type the name before it is deleted, unless --yes is given. Raises UsageError."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"to delete {kind} {name!r} without a terminal, add --yes")
    typed = input(f"This deletes {kind} {name!r} and everything in it. Type its name to continue: ")
    if typed.strip() != name:
        raise UsageError("the name does not match; nothing was deleted")


def confirm(options: argparse.Namespace, sentence: str) -> None:
    """Ask the user whether to continue, unless --yes is given. Raises UsageError."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("to do this without a terminal, add --yes")
    if input(f"{sentence} Continue? [y/N] ").strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was changed")
