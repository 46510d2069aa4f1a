"""Deployed services of a workspace: deploy, change, read and delete them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, cast

from lazuli.client import quote_segment
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]


def _path_of(workspace: WorkspaceClient, name: str = "") -> str:
    return f"/modelmanagement/v1.0{workspace.path}/services" + (f"/{quote_segment(name)}" if name else "")


def list_services(workspace: WorkspaceClient) -> Iterator[Json]:
    return workspace.client.items(_path_of(workspace))


def get_service(workspace: WorkspaceClient, name: str) -> Json:
    return cast(Json, workspace.client.get(_path_of(workspace, name)))


def create_service(workspace: WorkspaceClient, name: str, body: Json) -> Json:
    # Not repeated if the response is lost, because that would create a second revision.
    answer = workspace.client.request("PUT", _path_of(workspace, name), json=body, repeatable=False)
    return cast(Json, answer.json())


def change_service(workspace: WorkspaceClient, name: str, body: Json) -> Json:
    return cast(Json, workspace.client.request("PATCH", _path_of(workspace, name), json=body).json())


def delete_service(workspace: WorkspaceClient, name: str) -> None:
    workspace.client.request("DELETE", _path_of(workspace, name))


def read_keys(workspace: WorkspaceClient, name: str) -> Json:
    return cast(Json, workspace.client.request("POST", _path_of(workspace, name) + "/listkeys").json())


def regenerate_key(workspace: WorkspaceClient, name: str, which: str, value: str = "") -> Json:
    body = {"keyType": which, "keyValue": value}
    return cast(Json, workspace.client.request("POST", _path_of(workspace, name) + "/regenerateKeys", json=body).json())


def get_token(workspace: WorkspaceClient, name: str) -> Json:
    return cast(Json, workspace.client.request("POST", _path_of(workspace, name) + "/token").json())


def trace_request(workspace: WorkspaceClient, name: str, request_id: str) -> Json:
    """A recorded request, with the models, runs and data behind its answer."""
    return cast(Json, workspace.client.get(f"{_path_of(workspace, name)}/requests/{quote_segment(request_id)}"))


def start_replay(workspace: WorkspaceClient, name: str, candidate: str, count: int = 100) -> Json:
    """Send the newest recorded requests of a service to a candidate; `read_replay` tells the differences."""
    path, body = f"{_path_of(workspace, name)}/replays", {"candidate": candidate, "count": count}
    return cast(Json, workspace.client.request("POST", path, json=body, repeatable=False).json())


def read_replay(workspace: WorkspaceClient, name: str, replay_id: int) -> Json:
    return cast(Json, workspace.client.get(f"{_path_of(workspace, name)}/replays/{replay_id}"))


def read_watch(workspace: WorkspaceClient, name: str, part: str) -> Json:
    """The `alerts` of a service, or the `guard` of its traffic."""
    return cast(Json, workspace.client.get(f"{_path_of(workspace, name)}/{part}"))


def change_watch(workspace: WorkspaceClient, name: str, part: str, body: Json) -> Json:
    """Set all limits of the `alerts` or the `guard`; those that are missing are removed."""
    answer = workspace.client.request("PUT", f"{_path_of(workspace, name)}/{part}", json=body)
    return cast(Json, answer.json())


def read_log(workspace: WorkspaceClient, name: str) -> str:
    return str(workspace.client.get(_path_of(workspace, name) + "/logs")["content"])


def post_request(uri: str, body: Any, key: str, version: Optional[str] = None) -> Any:
    """The answer of the service itself, whatever its status."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if version:
        headers["azureml-model-deployment"] = version
    import httpx  # start-up time: most programs call no service

    return httpx.post(uri, content=body, headers=headers, timeout=310.0)
