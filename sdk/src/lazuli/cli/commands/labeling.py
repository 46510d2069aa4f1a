"""`lazuli labeling …`: labeling projects, their progress and the export of their labels."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Dict

from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace
from lazuli.client import quote_segment
from lazuli.workspaces import WorkspaceClient

COLUMNS = ("name", "kind", "dataAsset", "labels", "total", "completed", "needsReview")


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("labeling", "Labeling projects of a workspace.")
    add_workspace_arguments(group.add_command("list", list_all, "List the projects with their progress.", ""))
    for name, act, text in (
        ("show", show_one, "Show a project with its progress."),
        ("export", export_one, "Register the labels as a new version of the data asset PROJECT-labels."),
    ):
        parser = group.add_command(name, act, text, "-n pets")
        parser.add_argument("-n", "--name", required=True)
        add_workspace_arguments(parser)
    parser = group.add_command(
        "create", create_one, "Create a project over a data asset.", "-n pets --data pet-images --labels cat dog"
    )
    parser.add_argument("-n", "--name", required=True)
    parser.add_argument("--data", required=True, metavar="ASSET", help="the data asset; NAME:VERSION for a version")
    parser.add_argument("--labels", required=True, nargs="+", metavar="LABEL")
    parser.add_argument("--column", metavar="NAME", help="the column with the texts, to label texts of a table")
    parser.add_argument("--instructions", metavar="TEXT")
    parser.add_argument("--labelers-per-item", type=int, metavar="N", help="1 to 5 (default: 1)")
    add_workspace_arguments(parser)


def list_all(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    return Answer([_to_row(item) for item in workspace.client.items(workspace.path + "/labelingJobs")], COLUMNS)


def show_one(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    return Answer(_to_row(workspace.client.get(_path_of(workspace, options.name))), COLUMNS)


def create_one(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    name, _, version = options.data.partition(":")
    properties = {
        "dataAsset": name,
        "dataVersion": version or "latest",
        "labels": options.labels,
        "column": options.column,
        "instructions": options.instructions,
        "labelersPerItem": options.labelers_per_item,
    }
    answer = workspace.client.request("PUT", _path_of(workspace, options.name), json={"properties": properties})
    return Answer(_to_row(answer.json()), COLUMNS)


def export_one(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    made = workspace.client.request("POST", _path_of(workspace, options.name) + "/exportLabels").json()
    return Answer(made, ("name", "version"))


def _path_of(workspace: WorkspaceClient, name: str) -> str:
    return f"{workspace.path}/labelingJobs/{quote_segment(name)}"


def _to_row(item: Dict[str, Any]) -> Dict[str, Any]:
    found = item["properties"]
    progress = {name[: -len("DatapointCount")]: count for name, count in found.pop("progressMetrics").items()}
    return {"name": item["name"], **found, **progress}
