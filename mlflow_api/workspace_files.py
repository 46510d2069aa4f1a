"""Files of the workspace itself through the artifact proxy: any safe path that is neither a run's nor a logged model's."""

from collections.abc import Iterable

from mlflow_api import folders
from mlflow_api.errors import not_found
from mlflow_api.request import MlflowRequest
from registry import kept_files
from registry.models import WorkspaceFile
from runs import run_tokens
from runs.api.partial_uploads import Sent
from runs.files import ranges
from studio import file_paths, numbers, storage
from workspaces.models import Workspace


def upload(request: MlflowRequest, path: str) -> dict:
    workspace, path = request.require("register"), file_paths.check_path(path)
    present = _files(request).filter(path=path).first()
    if present:
        run_tokens.check_made(request.actor, present)
    kept_files.check_changeable(workspace, [present or WorkspaceFile(path=path)])
    WorkspaceFile.objects.check_free(workspace, [path])
    key = storage.make_key(WorkspaceFile.storage_area(workspace))
    size = storage.put_stream(key, _read_sent(request, workspace))
    storage.delete_keys(WorkspaceFile.objects.put(request.actor, workspace, path, key, size))
    return {}


def _read_sent(request: MlflowRequest, workspace: Workspace) -> Iterable[bytes]:
    """The body, or the pieces of a large file that the SDK has sent before."""
    query = request.http.GET
    sent = Sent(upload=query.get("upload", ""), size=numbers.parse_int(query.get("size", "0"), "size"))
    return sent.read(request.http, request.actor, workspace)


def download(request: MlflowRequest, path: str) -> ranges.Answer:
    found = _files(request).filter(path=path).first()
    if found is None:
        raise folders.no_file(path, is_folder=_files(request).below(path).exists())
    return folders.answer_object(request.http, found.key, found.size, path)


def listing(request: MlflowRequest, folder: str) -> list[dict]:
    return folders.list_level(_files(request).below(folder).values_list("path", "size"), folder)


def delete(request: MlflowRequest, path: str) -> dict:
    """Delete a file, or a folder with its content."""
    workspace = request.require("register")
    found = list(_files(request).filter(path=path) | _files(request).below(path))
    if not found:
        raise not_found(f"No such artifact: '{path[:200]}'")
    for file in found:
        run_tokens.check_made(request.actor, file)
    kept_files.check_changeable(workspace, found)
    storage.delete_keys(WorkspaceFile.objects.remove(found))
    return {}


def _files(request: MlflowRequest):
    return WorkspaceFile.objects.filter(workspace=request.require("read"))
