"""`lazuli activity …`: who did what in a workspace."""

from __future__ import annotations

import itertools
from argparse import Namespace
from typing import Any, Dict

from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup, UsageError
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace

COLUMNS = ("eventTimestamp", "description", "status", "callerIpAddress", "message")
FILTERS = ("person", "verb", "outcome", "since", "until")


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("activity", "The activity log of a workspace, for its Owners.")
    parser = group.add_command("list", list_events, "List the activities, newest first.", "--person bob --last 20")
    parser.add_argument("--last", type=int, default=50, metavar="N", help="how many (default: 50)")
    parser.add_argument("--query", metavar="WORDS", help="words in the person, the object or the message")
    parser.add_argument("--person", metavar="NAME")
    parser.add_argument("--verb", metavar="VERB", help="such as role.give")
    parser.add_argument("--outcome", choices=("done", "refused", "failed"))
    parser.add_argument("--since", metavar="YYYY-MM-DD")
    parser.add_argument("--until", metavar="YYYY-MM-DD")
    add_workspace_arguments(parser)


def list_events(options: Namespace) -> Answer:
    if options.last < 1:
        raise UsageError(f"--last {options.last}: write a whole number from 1")
    workspace = find_workspace(options)
    query: Dict[str, Any] = {name: getattr(options, name) for name in FILTERS}
    query["q"] = options.query
    events = workspace.client.items(workspace.path + "/activities", query)
    return Answer(list(itertools.islice(events, options.last)), COLUMNS)
