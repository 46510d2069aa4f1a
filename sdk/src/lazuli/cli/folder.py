"""`lazuli folder …`"""

from __future__ import annotations

from argparse import Namespace

from lazuli.cli.output import Answer
from lazuli.cli.parser import Group, find_workspace, takes_workspace


def add(resources: Group) -> None:
    group = resources.group("folder", "Project folders.")
    parser = group.command(
        "attach",
        attach,
        "Write .azureml/config.json, so that commands need no -w.",
        "-w aml-workspace -g aml-resources",
    )
    takes_workspace(parser)
    parser.add_argument("--path", default=".", help="the folder (default: this one)")


def attach(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    workspace.write_config(options.path)
    return Answer({"workspace": workspace.name, "folder": options.path}, ("workspace", "folder"))
