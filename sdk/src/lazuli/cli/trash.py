"""`lazuli trash …`"""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from typing import Any, Dict

from lazuli.cli.output import Answer
from lazuli.cli.parser import Group, UsageError, find_workspace, takes_workspace, takes_yes

COLUMNS = ("kind", "name", "experiment", "filesSize", "deletedUtc", "purgeUtc")
PURGE_COLUMNS = ("purgeId", "workspaceName", "scope", "state", "runsDone", "runsTotal", "filesFreed", "error")
# What a table shows once a purge has ended.
ENDED_COLUMNS = ("state", "runsDone", "runsKept", "filesBefore", "filesAfter", "databaseBefore", "databaseAfter")


def add(resources: Group) -> None:
    group = resources.group("trash", "Deleted runs and experiments: back again, or freed for ever.")
    takes_workspace(group.command("list", list_, "List what is in the trash of a workspace.", "\n-o json"))
    takes_workspace(group.command("purges", purges, "List what is being freed for ever and what was.", ""))
    for name, run, help, example in (
        (
            "restore",
            restore,
            "Bring runs and experiments back, each with what was deleted with it.",
            "-r RUN_ID\n-e iris",
        ),
        (
            "purge",
            purge,
            "Free runs and experiments for ever, and tell how many bytes before and after.",
            "-r RUN_ID --yes\n--all --yes --no-wait",
        ),
    ):
        parser = group.command(name, run, help, example)
        _takes_chosen(parser)
        takes_workspace(parser)
        if name == "purge":
            parser.add_argument("--all", action="store_true", help="all that is in the trash now")
            parser.add_argument("--no-wait", action="store_true", help="return before it is done")
            takes_yes(parser)


def _takes_chosen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-r", "--run", "--run-id", dest="runs", nargs="+", default=[], metavar="RUN_ID")
    parser.add_argument("-e", "--experiment-name", dest="experiments", nargs="+", default=[], metavar="NAME")


def list_(options: Namespace) -> Answer:
    trash = _trash(options)
    experiments = [_row("experiment", dto, dto["name"]) for dto in trash.experiments()]
    return Answer(experiments + [_row("run", dto, dto["runId"]) for dto in trash.runs()], COLUMNS)


def _row(kind: str, dto: Dict[str, Any], name: str) -> Dict[str, Any]:
    return dict(dto, kind=kind, name=name, experiment=dto.get("experimentName"))


def purges(options: Namespace) -> Answer:
    return Answer(list(_trash(options).purges()), PURGE_COLUMNS)


def restore(options: Namespace) -> Answer:
    _check_chosen(options, "-r or -e")
    return Answer({"restored": _trash(options).restore(options.runs, options.experiments)}, ("restored",))


def purge(options: Namespace) -> Answer:
    if not options.all:
        _check_chosen(options, "-r, -e or --all")
    elif options.runs or options.experiments:
        raise UsageError("--all leaves nothing to choose with -r and -e")
    trash = _trash(options)
    _confirm(options)
    started = trash.empty() if options.all else trash.purge(options.runs, options.experiments)
    if options.no_wait:
        return Answer(started, PURGE_COLUMNS)
    return Answer(trash.wait(started, _tell), ENDED_COLUMNS)


def _check_chosen(options: Namespace, words: str) -> None:
    if not options.runs and not options.experiments:
        raise UsageError(f"say what with {words}; `trash list` shows what is there")


def _confirm(options: Namespace) -> None:
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("freeing for ever needs --yes when nobody can be asked")
    what = "everything in the trash" if options.all else ", ".join([*options.experiments, *options.runs])
    if input(f"This frees {what} for ever. Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was freed")


def _tell(purge: Dict[str, Any]) -> None:
    print(f"{purge['runsDone']} of {purge['runsTotal']} runs are gone.", file=sys.stderr)


def _trash(options: Namespace) -> Any:
    from lazuli.trash import Trash

    return Trash(find_workspace(options))
