"""`lazuli folder …`"""

from __future__ import annotations

from argparse import Namespace

from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace
from lazuli.workspace_config import write_config_file


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("folder", "Project folders.")
    parser = group.add_command(
        "attach",
        attach_folder,
        "Write .azureml/config.json, so that commands need no -w.",
        "-w aml-workspace -g aml-resources",
    )
    add_workspace_arguments(parser)
    parser.add_argument("--path", default=".", help="the folder (default: this one)")


def attach_folder(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    write_config_file(workspace.resource_id, workspace.client.base_url, options.path, None)
    return Answer({"workspace": workspace.name, "folder": options.path}, ("workspace", "folder"))
