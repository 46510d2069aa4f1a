"""Files through MLflow's artifact proxy. The address of a run's file is `<experiment>/<run>/artifacts/<path>`.

Logged models have folders beside the runs' (mlflow_api/model_files.py); any other path is a file of the workspace itself
(mlflow_api/workspace_files.py).
"""

import dataclasses
import re

from assets.data import stores
from mlflow_api import folders, images, messages, model_files, validation, workspace_files
from mlflow_api.errors import MlflowError, invalid_parameter, not_found
from mlflow_api.request import MlflowRequest
from registry import version_files
from runs.files import artifacts, links, ranges, uploads
from runs.models import Artifact, Run
from studio import file_paths

ARTIFACT_PATH = re.compile(
    r"(?P<experiment>[\w-]+)/(?P<run>(?!models(?:/|$))[\w.-]+)(?P<rest>/artifacts(?:/(?P<path>.*))?)?"
)
MAX_BY_PAGE = 10 * 1024 * 1024


@dataclasses.dataclass
class ArtifactPath:
    run_id: str
    path: str


def parse_artifact_path(request: MlflowRequest, path: str) -> ArtifactPath | None:
    """The run and the path in it; None if the path belongs to the workspace and not to a run."""
    match = ARTIFACT_PATH.fullmatch(path)
    if not match:
        return None
    # For paths that can only belong to a run, a missing run is a separate error.
    sure = match["rest"] and re.fullmatch(folders.EXPERIMENT, match["experiment"])
    # A run that the actor cannot see is still a run: its path never belongs to the workspace.
    if not sure and not Run.objects.filter(workspace=request.require("read"), run_id=match["run"]).exists():
        return None
    return ArtifactPath(match["run"], match["path"] or "")


def parse_run_path(request: MlflowRequest, path: str) -> ArtifactPath:
    """Parse a path for routes that only support files of runs. Clients recognize the start of this message and use a
    plain request."""
    target = parse_artifact_path(request, folders.check_relative_path(path))
    if target is None:
        message = (
            "Multipart upload is not supported for the current artifact repository: the path does not belong to a run."
        )
        raise MlflowError("NOT_IMPLEMENTED", message)
    return target


def upload(request: MlflowRequest, path: str) -> dict:
    path = folders.check_relative_path(path)
    stores.check_storage_quota(request.require("read"), request.actor)
    if model_files.is_model_path(path):
        return model_files.upload(request, path)
    target = parse_artifact_path(request, path)
    if target is None:
        return workspace_files.upload(request, path)
    run = request.open_run(target.run_id)
    path, kind = _check_file_path(target), request.http.headers.get("Content-Type", "")
    artifacts.store_artifact(run, path, uploads.read_chunks(request.http), content_type=kind, overwrite=True)
    images.log_image_point(run, path)
    return {}


def _check_file_path(target: ArtifactPath) -> str:
    if not target.path:
        raise invalid_parameter("The path does not name a file.")
    return file_paths.check_path(target.path)


def download(request: MlflowRequest, path: str) -> ranges.Answer:
    path = folders.check_relative_path(path)
    if model_files.is_model_path(path):
        return model_files.download(request, path)
    target = parse_artifact_path(request, path)
    if target is None:
        return workspace_files.download(request, path)
    return answer_file(request, _find_run(request, target), target.path)


def _find_run(request: MlflowRequest, target: ArtifactPath) -> Run:
    """The run that the actor may read; the token of a run also reads the files of all registered models."""
    if request.actor.is_run:
        run = Run.objects.filter(workspace=request.require("read"), run_id=target.run_id).first()
        if run is not None and version_files.is_registered(run, target.path):
            return run
    return request.run(target.run_id)


def answer_file(request: MlflowRequest, run: Run, path: str) -> ranges.Answer:
    found = Artifact.objects.filter(run=run, path=path).first()
    if found is None:
        raise folders.no_file(path, is_folder=path == "" or _files_below(run, path).exists())

    def read(start: int, length: int):
        return artifacts.read_artifact(found, start, length)

    return folders.as_download(ranges.respond_with_range(request.http, found.size, found.etag, read), path)


def get_artifact(request: MlflowRequest) -> ranges.Answer:
    """The download URL of MLflow's page."""
    path = folders.check_relative_path(request.fields.text("path"))
    return answer_file(request, request.run(), path)


def upload_by_page(request: MlflowRequest) -> dict:
    """The upload URL of MLflow's page."""
    query = request.http.GET
    for name in ("run_uuid", "path"):
        if not query.get(name):
            raise invalid_parameter(f"Request must specify {name}.")
    path = file_paths.check_path(folders.check_relative_path(query["path"]))
    run = request.open_run(validation.check_run_id(query["run_uuid"]))
    data = uploads.read_whole_body(request.http, MAX_BY_PAGE)
    if not data:
        raise invalid_parameter("Request must specify data.")
    stores.check_storage_quota(run.workspace, request.actor)
    artifacts.store_artifact(run, path, [data], overwrite=True)
    return {}


def _files_below(run: Run, folder: str):
    if not folder:
        return run.artifacts.all()
    # "0" follows "/": a range uses the index on every database.
    return run.artifacts.filter(path__gt=f"{folder}/", path__lt=f"{folder}0")


def list_proxied(request: MlflowRequest) -> dict:
    path = folders.checked_folder(request.fields.text("path", ""), "/artifacts/")
    if model_files.is_model_path(path):
        found = model_files.listing(request, path)
    elif target := parse_artifact_path(request, path):
        found = folders.list_level(
            _files_below(_find_run(request, target), target.path).values_list("path", "size"), target.path
        )
    else:
        found = workspace_files.listing(request, path)
    return {"files": found} if found else {}


def list_of_run(request: MlflowRequest) -> dict:
    """Lists paths relative to the root of the run's files."""
    run, folder = request.run(), folders.checked_folder(request.fields.text("path", ""))
    found = folders.list_level(_files_below(run, folder).values_list("path", "size"), folder)
    for item in found if folder else []:
        item["path"] = f"{folder}/{item['path']}"
    return {
        "root_uri": messages.artifact_uri(run.experiment.experiment_id, run.run_id),
        **({"files": found} if found else {}),
    }


def delete(request: MlflowRequest, path: str) -> dict:
    path = folders.check_relative_path(path)
    target = parse_artifact_path(request, path)
    if target is None:
        return workspace_files.delete(request, path)
    run = request.open_run(target.run_id)
    found = list(run.artifacts.filter(path=target.path) | _files_below(run, target.path))
    if target.path and not found:
        raise not_found(f"No such artifact: '{target.path}'")
    artifacts.delete_artifacts(found)
    return {}


def presigned(request: MlflowRequest, path: str) -> dict:
    """A signed URL that needs no token for a while."""
    target = parse_run_path(request, path)
    run = request.run(target.run_id)
    found = Artifact.objects.filter(run=run, path=target.path).first()
    if found is None:
        raise not_found(f"No such artifact: '{target.path}'")
    history = f"/history/v1.0{request.workspace.arm_id}/runs/{run.run_id}"
    return {"url": links.sign_url(run, found.path, history), "file_size": found.size}
