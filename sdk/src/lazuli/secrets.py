"""Secrets in the key vault of a workspace, and which of them this run has read, so that its logs do not show them."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterator, List, Optional, cast

from lazuli.client import quote_segment
from lazuli.masking import FETCHED, FETCHED_VARIABLE
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]


def list_secrets(workspace: WorkspaceClient) -> List[Json]:
    """The secrets without their values."""
    return list(workspace.client.items(workspace.path + "/secrets"))


def list_versions(workspace: WorkspaceClient, name: str) -> Iterator[Json]:
    """The newest first."""
    return workspace.client.items(_path_of(workspace, name) + "/versions")


def get_secret(workspace: WorkspaceClient, name: str, version: Optional[str] = None) -> Json:
    """The secret with its `value`, the newest unless a version is named. Raises NotFound."""
    query = {"version": version} if version else None
    found = cast(Json, workspace.client.request("GET", _path_of(workspace, name), params=query).json())
    remember(found["value"])
    return found


def set_secret(
    workspace: WorkspaceClient, name: str, value: str, content_type: str = "", for_runs: Optional[bool] = None
) -> Json:
    """Store a new version of the secret."""
    body: Json = {"value": value, "contentType": content_type, "attributes": {"forRuns": for_runs}}
    remember(value)
    return cast(Json, workspace.client.request("PUT", _path_of(workspace, name), json=body).json())


def delete_secret(workspace: WorkspaceClient, name: str) -> None:
    workspace.client.request("DELETE", _path_of(workspace, name))


def remember(value: str) -> None:
    """Record a value before a script can print it, so that its runner masks it in the logs."""
    FETCHED.add(value)
    path = os.environ.get(FETCHED_VARIABLE)
    if path:
        descriptor = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        with open(descriptor, "a", encoding="ascii") as file:
            file.write(json.dumps(value) + "\n")


def _path_of(workspace: WorkspaceClient, name: str) -> str:
    return f"{workspace.path}/secrets/{quote_segment(name)}"
