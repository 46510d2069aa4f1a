"""Registered models of a workspace: find, register, change and delete them, and move their files."""

from __future__ import annotations

import os
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple, cast

from lazuli.client import quote_segment
from lazuli.errors import (
    ModelPathNotFoundException,
    NotFound,
    Refused,
    ServiceException,
    UserErrorException,
    WebserviceException,
)
from lazuli.file_batches import Upload, download_together, group_small, is_unknown, save_answer, upload_batch
from lazuli.large_files import TRANSFER_TIMEOUT, put_file
from lazuli.runs.files import PARALLEL, list_folder_files
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]
# The folder of the workspace's files in which uploads of models are.
UPLOADS = "LocalUpload"
NAME = re.compile(r"[a-zA-Z0-9][\w.-]{0,254}", re.ASCII)


def find_versions(workspace: WorkspaceClient, **query: Any) -> Iterator[Json]:
    """Versions of models, newest first; the filters are those of the route."""
    return workspace.client.items(f"{_management(workspace)}/models", query)


def list_models(workspace: WorkspaceClient) -> Iterator[Json]:
    """The containers, by name."""
    return workspace.client.items(f"{workspace.path}/models")


def get_version(workspace: WorkspaceClient, name: str, version: Any) -> Json:
    """Return one version; `latest` is the newest. Raises WebserviceException with the text ModelNotFound."""
    try:
        return cast(Json, workspace.client.get(_path_of(workspace, name, version)))
    except NotFound as error:
        raise WebserviceException(error.message, status_code=404, inner_exception=error) from error


def register(workspace: WorkspaceClient, name: str, uri: str, **properties: Any) -> Json:
    """A new version with the files that the URI names."""
    body = {"properties": {"modelUri": uri, **_drop_none(properties)}}
    try:
        # Not repeated if the response is lost, because that would create a second version.
        answer = workspace.client.request("PUT", _path_of(workspace, name, "auto"), json=body, repeatable=False)
    except Refused as error:
        if error.code == "ModelPathNotFound":
            raise ModelPathNotFoundException(error.message, inner_exception=error) from error
        raise
    return cast(Json, answer.json())


def change_version(workspace: WorkspaceClient, name: str, version: Any, **properties: Any) -> Json:
    body = {"properties": _drop_none(properties)}
    return cast(Json, workspace.client.request("PATCH", _path_of(workspace, name, version), json=body).json())


def delete_version(workspace: WorkspaceClient, name: str, version: Any) -> None:
    workspace.client.request("DELETE", _path_of(workspace, name, version))


def delete_model(workspace: WorkspaceClient, name: str) -> None:
    workspace.client.request("DELETE", f"{workspace.path}/models/{quote_segment(name)}")


def check_model_name(name: str) -> None:
    """For what comes before the request that registers, which checks it again."""
    if not NAME.fullmatch(str(name)):
        allowed = "1 to 255 letters, digits, periods, hyphens and underscores, starting with a letter or digit"
        raise UserErrorException(f"{name!r} is not a model name: use {allowed}.")


def upload(workspace: WorkspaceClient, path: str, child_paths: Optional[Iterable[str]] = None) -> str:
    """Upload a file or folder, and return the URI to register it by. `child_paths` are the only files taken of a folder."""
    if not os.path.exists(path):
        raise WebserviceException(f"Error, provided model path {path!r} cannot be found", status_code=404)
    folder = f"{UPLOADS}/{uuid.uuid4().hex}"
    name = os.path.basename(os.path.abspath(path))
    pairs = list(_pairs_of(path, name, child_paths))
    if not pairs:
        raise WebserviceException(f"Error, provided model path {path!r} has no files")
    uploads = [Upload(local, f"{folder}/{inner}", os.path.getsize(local)) for inner, local in pairs]
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="lazuli-upload") as pool:
        list(pool.map(lambda group: _upload_group(workspace, group), group_small(uploads, lambda file: file.size)))
    return f"azureml://datastores/workspaceartifactstore/paths/{folder}/{name}"


def _pairs_of(path: str, name: str, child_paths: Optional[Iterable[str]]) -> List[Tuple[str, str]]:
    """Path in the upload, and path here."""
    if os.path.isfile(path):
        if child_paths is not None:
            raise WebserviceException("Error, child_paths can only be given if model_path is a folder")
        return [(name, path)]
    found = list_folder_files(name, path)
    if child_paths is None:
        return found
    wanted = [os.path.normpath(os.path.join(path, child)) for child in child_paths]
    for one in wanted:
        if not os.path.exists(one):
            raise WebserviceException(f"Error, provided child path {one!r} cannot be found", status_code=404)
    return [pair for pair in found if any(_is_below(os.path.normpath(pair[1]), one) for one in wanted)]


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def _upload_group(workspace: WorkspaceClient, group: List[Upload]) -> None:
    if len(group) > 1:
        try:
            upload_batch(workspace.client, f"{_management(workspace)}/files", group)
            return
        except ServiceException as error:
            if not is_unknown(error):
                raise
    for file in group:
        _put(workspace, file.path, file.source)


def _put(workspace: WorkspaceClient, name: str, path: str) -> None:
    address = f"/mlflow/v1.0{workspace.path}/api/2.0/mlflow-artifacts/artifacts/"
    address += "/".join(map(quote_segment, name.split("/")))
    with open(path, "rb") as file:
        put_file(workspace.client, address, workspace.uploads_path, file, {}, same=os.path.abspath(path))


def list_files(workspace: WorkspaceClient, name: str, version: Any) -> Dict[str, int]:
    """The files of a version with their sizes."""
    return {item["path"]: int(item["size"]) for item in workspace.client.items(_files_path(workspace, name, version))}


def download(workspace: WorkspaceClient, resource: Json, name: str, folder: str, exist_ok: bool = False) -> str:
    """Save the files of a version below `folder`, under the name with which they were registered; return their path."""
    version = resource["name"]
    files = list_files(workspace, name, version)
    root = root_name(resource, name)
    is_file = list(files) == [root]
    target = os.path.join(folder, root)
    if os.path.exists(target) and not exist_ok:
        raise WebserviceException(
            f"{target!r} already exists. Set exist_ok=True to overwrite it, or choose another target_dir."
        )
    targets = [target] if is_file else [os.path.join(target, *file.split("/")) for file in files]
    address = _files_path(workspace, name, version)
    groups = group_small(zip(files, targets), lambda pair: files[pair[0]])
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="lazuli-download") as pool:
        list(pool.map(lambda group: _download_group(workspace, address, group), groups))
    return target


def _download_group(workspace: WorkspaceClient, address: str, group: List[Tuple[str, str]]) -> None:
    left = download_together(workspace.client, f"{address}/download", group)
    for path, target in group:
        if path in left:
            _save(workspace, f"{address}/content", path, target)


def root_name(resource: Json, name: str) -> str:
    """The name of the model's file or folder."""
    uri = str(resource["properties"]["modelUri"])
    return name if uri.startswith("models:/") else uri.rstrip("/").rpartition("/")[2] or name


def _save(workspace: WorkspaceClient, address: str, path: str, target: str) -> None:
    answer = workspace.client.request("GET", address, params={"path": path}, stream=True, timeout=TRANSFER_TIMEOUT)
    save_answer(answer, target)


def _files_path(workspace: WorkspaceClient, name: str, version: Any) -> str:
    return f"{_management(workspace)}/models/{quote_segment(name)}/versions/{version}/files"


def _management(workspace: WorkspaceClient) -> str:
    return f"/modelmanagement/v1.0{workspace.path}"


def _path_of(workspace: WorkspaceClient, name: str, version: Any) -> str:
    return f"{workspace.path}/models/{quote_segment(name)}/versions/{quote_segment(str(version))}"


def _drop_none(values: Json) -> Json:
    return {name: value for name, value in values.items() if value is not None}
