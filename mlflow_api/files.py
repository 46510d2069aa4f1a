"""Files of runs through MLflow's artifact proxy. The address of a file is `<experiment>/<run>/artifacts/<path>`."""

import dataclasses
import re

from mlflow_api import folders, images, messages, model_files, validation
from mlflow_api.errors import invalid, missing
from mlflow_api.request import MlflowRequest
from runs.files import artifacts, links, paths, ranges, uploads
from runs.models import Artifact, Run

ARTIFACT_PATH = re.compile(
    r"(?P<experiment>[\w-]+)(?:/(?P<run>(?!models(?:/|$))[\w.-]+)(?:/artifacts(?:/(?P<path>.*))?)?)?"
)
MAX_BY_PAGE = 10 * 1024 * 1024


@dataclasses.dataclass
class ArtifactPath:
    run_id: str
    path: str


def parse_artifact_path(path: str) -> ArtifactPath:
    match = ARTIFACT_PATH.fullmatch(folders.checked(path))
    if not match or not match["run"]:
        raise missing(f"There is no folder for '{path[:200]}': write <experiment>/<run>/artifacts/<path>.")
    return ArtifactPath(match["run"], match["path"] or "")


def upload(request: MlflowRequest, path: str) -> dict:
    if model_files.is_model_path(path):
        return model_files.upload(request, folders.checked(path))
    place = parse_artifact_path(path)
    run = request.open_run(place.run_id)
    path, kind = _file(place), request.http.headers.get("Content-Type", "")
    artifacts.put(run, path, uploads.read_chunks(request.http), content_type=kind, overwrite=True)
    images.note(run, path)
    return {}


def _file(place: ArtifactPath) -> str:
    if not place.path:
        raise invalid("The path names no file.")
    return paths.check_path(place.path)


def download(request: MlflowRequest, path: str) -> ranges.Answer:
    if model_files.is_model_path(path):
        return model_files.download(request, folders.checked(path))
    place = parse_artifact_path(path)
    return answer_file(request, request.run(place.run_id), place.path)


def answer_file(request: MlflowRequest, run: Run, path: str) -> ranges.Answer:
    found = Artifact.objects.filter(run=run, path=path).first()
    if found is None:
        if path == "" or _below(run, path).exists():
            raise invalid(f"'{path}' is a folder. Name a file in it.")
        raise missing(f"No such artifact: '{path}'")

    def read(start: int, length: int):
        return artifacts.read(found, start, length)

    return folders.as_download(
        ranges.respond_with_range(request.http, found.size, found.etag, read), found.content_type, path
    )


def get_artifact(request: MlflowRequest) -> ranges.Answer:
    """MLflow's page downloads by this address."""
    path = folders.checked(request.fields.text("path"))
    return answer_file(request, request.run(), path)


def upload_by_page(request: MlflowRequest) -> dict:
    """MLflow's page uploads by this address."""
    query = request.http.GET
    for name in ("run_uuid", "path"):
        if not query.get(name):
            raise invalid(f"Request must specify {name}.")
    path = paths.check_path(folders.checked(query["path"]))
    run = request.open_run(validation.run_id(query["run_uuid"]))
    data = uploads.read_whole_body(request.http, MAX_BY_PAGE)
    if not data:
        raise invalid("Request must specify data.")
    artifacts.put(run, path, [data], overwrite=True)
    return {}


def _below(run: Run, folder: str):
    if not folder:
        return run.artifacts.all()
    # "0" follows "/": a range uses the index on every database.
    return run.artifacts.filter(path__gt=f"{folder}/", path__lt=f"{folder}0")


def list_proxied(request: MlflowRequest) -> dict:
    path = request.fields.text("path", "")
    if model_files.is_model_path(path):
        found = model_files.listing(request, folders.checked(path))
    else:
        place = parse_artifact_path(path)
        found = folders.listed(_below(request.run(place.run_id), place.path).values_list("path", "size"), place.path)
    return {"files": found} if found else {}


def list_of_run(request: MlflowRequest) -> dict:
    """Paths from the root of the run's files."""
    run, folder = request.run(), folders.checked(request.fields.text("path", ""))
    found = folders.listed(_below(run, folder).values_list("path", "size"), folder)
    for item in found if folder else []:
        item["path"] = f"{folder}/{item['path']}"
    return {"root_uri": messages.artifact_uri(run), **({"files": found} if found else {})}


def delete(request: MlflowRequest, path: str) -> dict:
    place = parse_artifact_path(path)
    run = request.open_run(place.run_id)
    found = run.artifacts.filter(path=place.path) | _below(run, place.path)
    if place.path and not found.exists():
        raise missing(f"No such artifact: '{place.path}'")
    for artifact in found:
        artifacts.delete(artifact)
    return {}


def presigned(request: MlflowRequest, path: str) -> dict:
    """An address that needs no token for a while."""
    place = parse_artifact_path(path)
    run = request.run(place.run_id)
    found = Artifact.objects.filter(run=run, path=place.path).first()
    if found is None:
        raise missing(f"No such artifact: '{place.path}'")
    history = f"/history/v1.0{request.workspace.arm_id}/runs/{run.run_id}"
    return {"url": links.sign_url(run, found.path, history), "file_size": found.size}
