"""Experiments of a workspace, as resources."""

from __future__ import annotations

from typing import Any, Dict, cast

from lazuli.client import quote_segment
from lazuli.resource_ids import check_name
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]


def experiment_path(workspace: WorkspaceClient, name: str) -> str:
    return f"{workspace.history_path}/experiments/{quote_segment(name)}"


def check_experiment_name(name: str) -> str:
    return check_name("an experiment", name, 1, 255)


def create_experiment(workspace: WorkspaceClient, name: str) -> Json:
    """Create the experiment, or return the one of this name."""
    return cast(Json, workspace.client.request("PUT", experiment_path(workspace, name), json={}).json())
