"""Datastores of a workspace, and their files, which pass through the server, because clients do not get a store's
key."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any, BinaryIO, Dict, Iterator, List, NamedTuple, Optional, cast

from lazuli.client import quote_segment
from lazuli.errors import NotFound, UserErrorException
from lazuli.file_batches import save_answer
from lazuli.large_files import TRANSFER_TIMEOUT, put_file
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]


class RemoteFile(NamedTuple):
    """A file of a datastore."""

    datastore: str
    path: str
    size: int
    etag: str
    # In UTC, without a time zone.
    modified: Optional[dt.datetime] = None


def list_datastores(workspace: WorkspaceClient) -> List[Json]:
    return list(workspace.client.items(workspace.path + "/datastores"))


def get_datastore(workspace: WorkspaceClient, name: str) -> Json:
    """Raises UserErrorException if there is none of this name."""
    try:
        return cast(Json, workspace.client.get(path_of(workspace, name)))
    except NotFound as error:
        text = f"Could not find datastore {name!r} in the workspace {workspace.name}."
        raise UserErrorException(text, inner_exception=error) from error


def get_default(workspace: WorkspaceClient) -> Json:
    return next(workspace.client.items(workspace.path + "/datastores", {"isDefault": "true"}))


def register_datastore(
    workspace: WorkspaceClient, name: str, properties: Json, overwrite: bool = False, skip_validation: bool = False
) -> Json:
    """Store a datastore; the server tries its credentials first."""
    query = {"overwrite": str(overwrite).lower(), "skipValidation": str(skip_validation).lower()}
    body = {"properties": properties}
    answer = workspace.client.request("PUT", path_of(workspace, name), params=query, json=body)
    return cast(Json, answer.json())


def delete_datastore(workspace: WorkspaceClient, name: str) -> None:
    workspace.client.request("DELETE", path_of(workspace, name))


def set_default(workspace: WorkspaceClient, name: str) -> Json:
    answer = workspace.client.request("POST", path_of(workspace, name) + "/setDefault", repeatable=True)
    return cast(Json, answer.json())


def test_datastore(workspace: WorkspaceClient, name: str) -> None:
    """Raises an error that says why the datastore does not answer."""
    workspace.client.request("POST", path_of(workspace, name) + "/test", repeatable=True)


def list_files(workspace: WorkspaceClient, name: str, prefix: str = "") -> Iterator[RemoteFile]:
    """All files whose path begins with `prefix`, by path."""
    query = {"prefix": prefix, "$top": 5000}
    for item in workspace.client.items(path_of(workspace, name) + "/files", query):
        text = str(item.get("lastModified") or "")
        modified = dt.datetime.fromisoformat(text.rstrip("Z")[:19]) if text else None
        yield RemoteFile(name, item["path"], item["size"], item["etag"], modified)


def upload_file(workspace: WorkspaceClient, name: str, path: str, source: BinaryIO, overwrite: bool = False) -> None:
    address, params = path_of(workspace, name) + "/files/content", {"path": path, "overwrite": str(overwrite).lower()}
    put_file(workspace.client, address, workspace.uploads_path, source, params)


def download_file(workspace: WorkspaceClient, file: RemoteFile, target: str) -> None:
    """Download the file to a local path, which is only created with the complete file."""
    answer = workspace.client.request(
        "GET",
        path_of(workspace, file.datastore) + "/files/content",
        params={"path": file.path},
        stream=True,
        timeout=TRANSFER_TIMEOUT,
    )
    save_answer(answer, target)


def read_head(workspace: WorkspaceClient, file: RemoteFile, length: int) -> bytes:
    """The first bytes of a file."""
    if not file.size:
        return b""
    answer = workspace.client.request(
        "GET",
        path_of(workspace, file.datastore) + "/files/content",
        params={"path": file.path},
        headers={"Range": f"bytes=0-{length - 1}"},
    )
    return answer.content


def local_path(folder: str, path: str) -> str:
    """The local path of a file of a datastore below a folder. Raises UserErrorException for a path that leads out of
    it."""
    pieces = path.split("/")
    if any(piece in ("", ".", "..") or "\\" in piece or (":" in piece and os.name == "nt") for piece in pieces):
        raise UserErrorException(f"{path!r} is not a path that can be written below {folder}.")
    return os.path.join(folder, *pieces)


def path_of(workspace: WorkspaceClient, name: str) -> str:
    return f"{workspace.path}/datastores/{quote_segment(name)}"


def find_head(workspace: WorkspaceClient, name: str) -> Optional[Json]:
    """The datastore, or None."""
    try:
        return get_datastore(workspace, name)
    except UserErrorException:
        return None
