"""`lazuli endpoint …`: the state of deployed services, their alerts, and the guard of their traffic."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any, Dict

from lazuli import services
from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace

COLUMNS = ("name", "state", "computeType", "scoringUri")
LIMITS = {
    "alerts": {
        "p95": "latency in milliseconds",
        "failures": "percent of failed requests",
        "quiet": "minutes without a request",
    },
    "guard": {
        "p95": "percent that the latency may be longer than that of the other versions",
        "failures": "points of percent that may fail more than of the other versions",
        "requests": "judge a version from so many requests on",
    },
}


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("endpoint", "Deployed services of a workspace.")
    add_workspace_arguments(group.add_command("list", list_all, "List the endpoints.", ""))
    words = "Show or set the alerts of an endpoint; limits that are not given are removed."
    _add_limits(group.add_command("alerts", show_alerts, words, "-n svc --p95 250 --failures 5"), "alerts")
    words = "Show or set by how much a version may be worse before its traffic goes back."
    _add_limits(group.add_command("guard", show_guard, words, "-n svc --failures 5 --requests 100"), "guard")
    parser = group.add_command(
        "trace", trace, "Show the revision, models, jobs and data behind a request.", "-n svc ID"
    )
    parser.add_argument("-n", "--name", required=True)
    parser.add_argument("request_id", metavar="ID")
    add_workspace_arguments(parser)


def _add_limits(parser: ArgumentParser, part: str) -> None:
    parser.add_argument("-n", "--name", required=True)
    for name, words in LIMITS[part].items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=words)
    parser.add_argument("--off", action="store_true", help="remove all limits")
    add_workspace_arguments(parser)


def list_all(options: Namespace) -> Answer:
    found = services.list_services(find_workspace(options))
    return Answer([{name: one[name] for name in COLUMNS} for one in found], COLUMNS)


def show_alerts(options: Namespace) -> Answer:
    return _show(options, "alerts")


def show_guard(options: Namespace) -> Answer:
    return _show(options, "guard")


def _show(options: Namespace, part: str) -> Answer:
    workspace = find_workspace(options)
    given = {name: getattr(options, name) for name in LIMITS[part]}
    body: Dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if body or options.off:
        found = services.change_watch(workspace, options.name, part, {} if options.off else body)
    else:
        found = services.read_watch(workspace, options.name, part)
    return Answer(found, tuple(found))


def trace(options: Namespace) -> Answer:
    found = services.trace_request(find_workspace(options), options.name, options.request_id)
    return Answer(found, ("requestId", "time", "status", "service", "revision", "models"))
