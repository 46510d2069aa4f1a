"""`lazuli trash …`"""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from typing import Any, Dict

from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup, UsageError, add_yes_argument, confirm
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace
from lazuli.trash import Trash

COLUMNS = ("kind", "name", "experiment", "filesSize", "deletedUtc", "purgeUtc")
PURGE_COLUMNS = ("purgeId", "workspaceName", "scope", "state", "runsDone", "runsTotal", "filesFreed", "error")
# What a table shows once a purge has ended.
ENDED_COLUMNS = ("state", "runsDone", "runsKept", "filesBefore", "filesAfter", "databaseBefore", "databaseAfter")


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("trash", "Deleted runs and experiments: restore them, or delete them permanently.")
    add_workspace_arguments(
        group.add_command("list", list_deleted, "List what is in the trash of a workspace.", "\n-o json")
    )
    add_workspace_arguments(
        group.add_command("purges", list_purges, "List the permanent deletions, running and finished ones.", "")
    )
    for name, run, help, example in (
        (
            "restore",
            restore_deleted,
            "Restore runs and experiments, each with everything that was deleted with it.",
            "-r RUN_ID\n-e iris",
        ),
        (
            "purge",
            purge_deleted,
            "Delete runs and experiments permanently, and show the bytes used before and after.",
            "-r RUN_ID --yes\n--all --yes --no-wait",
        ),
    ):
        parser = group.add_command(name, run, help, example)
        _add_selection_arguments(parser)
        add_workspace_arguments(parser)
        if name == "purge":
            parser.add_argument("--all", action="store_true", help="everything that is in the trash now")
            parser.add_argument("--no-wait", action="store_true", help="return before it is done")
            add_yes_argument(parser)


def _add_selection_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-r", "--run", "--run-id", dest="runs", nargs="+", default=[], metavar="RUN_ID")
    parser.add_argument("-e", "--experiment-name", dest="experiments", nargs="+", default=[], metavar="NAME")


def list_deleted(options: Namespace) -> Answer:
    trash = _open_trash(options)
    experiments = [_to_row("experiment", resource, resource["name"]) for resource in trash.list_experiments()]
    return Answer(
        experiments + [_to_row("run", resource, resource["runId"]) for resource in trash.list_runs()], COLUMNS
    )


def _to_row(kind: str, resource: Dict[str, Any], name: str) -> Dict[str, Any]:
    return dict(resource, kind=kind, name=name, experiment=resource.get("experimentName"))


def list_purges(options: Namespace) -> Answer:
    return Answer(list(_open_trash(options).list_purges()), PURGE_COLUMNS)


def restore_deleted(options: Namespace) -> Answer:
    _check_selection(options, "-r or -e")
    return Answer({"restored": _open_trash(options).restore(options.runs, options.experiments)}, ("restored",))


def purge_deleted(options: Namespace) -> Answer:
    if not options.all:
        _check_selection(options, "-r, -e or --all")
    elif options.runs or options.experiments:
        raise UsageError("--all cannot be combined with -r or -e")
    trash = _open_trash(options)
    _confirm_purge(options)
    started = trash.empty() if options.all else trash.purge(options.runs, options.experiments)
    if options.no_wait:
        return Answer(started, PURGE_COLUMNS)
    return Answer(trash.wait_for_purge(started, _print_progress), ENDED_COLUMNS)


def _check_selection(options: Namespace, words: str) -> None:
    if not options.runs and not options.experiments:
        raise UsageError(f"choose objects with {words}; `trash list` shows what is in the trash")


def _confirm_purge(options: Namespace) -> None:
    what = "everything in the trash" if options.all else ", ".join([*options.experiments, *options.runs])
    confirm(options, f"This deletes {what} permanently.")


def _print_progress(purge: Dict[str, Any]) -> None:
    print(f"{purge['runsDone']} of {purge['runsTotal']} runs have been deleted.", file=sys.stderr)


def _open_trash(options: Namespace) -> Trash:
    return Trash(find_workspace(options))
