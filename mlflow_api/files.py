"""Files of runs through MLflow's artifact proxy. The address of a file is `<experiment>/<run>/artifacts/<path>`."""

import dataclasses
import re

from mlflow_api import folders, images, messages, model_files, validation
from mlflow_api.errors import invalid, missing
from mlflow_api.request import Call
from runs.files import artifacts, links, paths, ranges, uploads
from runs.models import Artifact, Run

PLACE = re.compile(r"(?P<experiment>[\w-]+)(?:/(?P<run>(?!models(?:/|$))[\w.-]+)(?:/artifacts(?:/(?P<path>.*))?)?)?")
MOST_BY_PAGE = 10 * 1024 * 1024


@dataclasses.dataclass
class Place:
    run_id: str
    path: str


def place_of(path: str) -> Place:
    match = PLACE.fullmatch(folders.checked(path))
    if not match or not match["run"]:
        raise missing(f"There is no folder for '{path[:200]}': write <experiment>/<run>/artifacts/<path>.")
    return Place(match["run"], match["path"] or "")


def upload(call: Call, path: str) -> dict:
    if model_files.owns(path):
        return model_files.upload(call, folders.checked(path))
    place = place_of(path)
    run = call.open_run(place.run_id)
    path, kind = _file(place), call.request.headers.get("Content-Type", "")
    artifacts.put(run, path, uploads.chunks(call.request), content_type=kind, overwrite=True)
    images.note(run, path)
    return {}


def _file(place: Place) -> str:
    if not place.path:
        raise invalid("The path names no file.")
    return paths.checked(place.path)


def download(call: Call, path: str) -> ranges.Answer:
    if model_files.owns(path):
        return model_files.download(call, folders.checked(path))
    place = place_of(path)
    return answer_file(call, call.run(place.run_id), place.path)


def answer_file(call: Call, run: Run, path: str) -> ranges.Answer:
    found = Artifact.objects.filter(run=run, path=path).first()
    if found is None:
        if path == "" or _below(run, path).exists():
            raise invalid(f"'{path}' is a folder. Name a file in it.")
        raise missing(f"No such artifact: '{path}'")

    def read(start: int, length: int):
        return artifacts.read(found, start, length)

    return folders.as_download(ranges.answer(call.request, found.size, found.etag, read), found.content_type, path)


def get_artifact(call: Call) -> ranges.Answer:
    """MLflow's page downloads by this address."""
    path = folders.checked(call.fields.text("path"))
    return answer_file(call, call.run(), path)


def upload_by_page(call: Call) -> dict:
    """MLflow's page uploads by this address."""
    query = call.request.GET
    for name in ("run_uuid", "path"):
        if not query.get(name):
            raise invalid(f"Request must specify {name}.")
    path = paths.checked(folders.checked(query["path"]))
    run = call.open_run(validation.run_id(query["run_uuid"]))
    data = uploads.whole(call.request, MOST_BY_PAGE)
    if not data:
        raise invalid("Request must specify data.")
    artifacts.put(run, path, [data], overwrite=True)
    return {}


def _below(run: Run, folder: str):
    if not folder:
        return run.artifacts.all()
    # "0" follows "/": a range uses the index on every database.
    return run.artifacts.filter(path__gt=f"{folder}/", path__lt=f"{folder}0")


def list_proxied(call: Call) -> dict:
    path = call.fields.text("path", "")
    if model_files.owns(path):
        found = model_files.listing(call, folders.checked(path))
    else:
        place = place_of(path)
        found = folders.listed(_below(call.run(place.run_id), place.path).values_list("path", "size"), place.path)
    return {"files": found} if found else {}


def list_of_run(call: Call) -> dict:
    """Paths from the root of the run's files."""
    run, folder = call.run(), folders.checked(call.fields.text("path", ""))
    found = folders.listed(_below(run, folder).values_list("path", "size"), folder)
    for item in found if folder else []:
        item["path"] = f"{folder}/{item['path']}"
    return {"root_uri": messages.artifact_uri(run), **({"files": found} if found else {})}


def delete(call: Call, path: str) -> dict:
    place = place_of(path)
    run = call.open_run(place.run_id)
    found = run.artifacts.filter(path=place.path) | _below(run, place.path)
    if place.path and not found.exists():
        raise missing(f"No such artifact: '{place.path}'")
    for artifact in found:
        artifacts.delete(artifact)
    return {}


def presigned(call: Call, path: str) -> dict:
    """An address that needs no token for a while."""
    place = place_of(path)
    run = call.run(place.run_id)
    found = Artifact.objects.filter(run=run, path=place.path).first()
    if found is None:
        raise missing(f"No such artifact: '{place.path}'")
    history = f"/history/v1.0{call.workspace.arm_id}/runs/{run.run_id}"
    return {"url": links.signed(run, found.path, history), "file_size": found.size}
