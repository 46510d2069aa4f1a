"""Files of runs through MLflow's artifact proxy. The address of a file is `<experiment>/<run>/artifacts/<path>`."""

import collections
import dataclasses
import re
from urllib.parse import unquote

from django.core import signing
from django.http import HttpResponse

from runs import artifacts, described, links, paths, ranges, uploads
from runs.mlflow import limits, model_files, registry, shapes
from runs.mlflow.calls import Call
from runs.mlflow.errors import MlflowError, invalid, missing
from runs.models import Artifact, Run
from studio import storage
from studio.errors import Conflict

PLACE = re.compile(r"(?P<experiment>[\w-]+)(?:/(?P<run>(?!models(?:/|$))[\w.-]+)(?:/artifacts(?:/(?P<path>.*))?)?)?")
MOST_PARTS = 10_000
MOST_BY_PAGE = 10 * 1024 * 1024
UPLOAD, PART = "mlflow-upload", "mlflow-part"


@dataclasses.dataclass
class Place:
    run_id: str
    path: str


def checked(path: str) -> str:
    """The path itself; refused if it could lead elsewhere, however often it is unquoted."""
    plain, before = path, None
    while plain != before:
        before, plain = plain, unquote(plain)
    parts = plain.split("/")
    if (
        plain.startswith("/")
        or ".." in parts
        or "\\" in plain
        or re.match(r"[a-zA-Z][\w+.-]*:", plain)
        or "\0" in plain
    ):
        # MLflow's own words, which its clients and tests know.
        raise invalid("Invalid path")
    return path.strip("/")


def place_of(path: str) -> Place:
    match = PLACE.fullmatch(checked(path))
    if not match or not match["run"]:
        raise missing(f"There is no folder for '{path[:200]}': write <experiment>/<run>/artifacts/<path>.")
    return Place(match["run"], match["path"] or "")


def upload(call: Call, path: str) -> dict:
    if model_files.owns(path):
        return model_files.upload(call, checked(path))
    place = place_of(path)
    run = call.open_run(place.run_id)
    kind = call.request.headers.get("Content-Type", "")
    artifacts.put(run, _file(place), uploads.chunks(call.request), content_type=kind, overwrite=True)
    return {}


def _file(place: Place) -> str:
    if not place.path:
        raise invalid("The path names no file.")
    return paths.checked(place.path)


def download(call: Call, path: str) -> HttpResponse:
    if model_files.owns(path):
        return model_files.download(call, checked(path))
    place = place_of(path)
    return answer_file(call, call.run(place.run_id), place.path)


def answer_file(call: Call, run: Run, path: str) -> HttpResponse:
    found = Artifact.objects.filter(run=run, path=path).first()
    if found is None:
        if path == "" or _below(run, path).exists():
            raise invalid(f"'{path}' is a folder. Name a file in it.")
        raise missing(f"No such artifact: '{path}'")

    def read(start: int, length: int):
        return artifacts.read(found, start, length)

    return as_download(ranges.answer(call.request, found.size, described.etag(found), read), found.content_type, path)


def as_download(response: HttpResponse, content_type: str, path: str) -> HttpResponse:
    """Always a download, as MLflow answers."""
    response = ranges.safe(response, content_type, path)
    response["Content-Disposition"] = response["Content-Disposition"].replace("inline", "attachment")
    return response


def get_artifact(call: Call) -> HttpResponse:
    """MLflow's page downloads by this address."""
    path = checked(call.fields.text("path"))
    return answer_file(call, call.run(), path)


def get_version_artifact(call: Call) -> HttpResponse:
    """A file of a registered version: of the run or the logged model that it was made from."""
    path = checked(call.fields.text("path"))
    folder = registry.where(call, registry.find_version(call)).removeprefix("mlflow-artifacts:/").strip("/")
    return download(call, f"{folder}/{path}")


def upload_by_page(call: Call) -> dict:
    """MLflow's page uploads by this address."""
    query = call.request.GET
    for name in ("run_uuid", "path"):
        if not query.get(name):
            raise invalid(f"Request must specify {name}.")
    path = paths.checked(checked(query["path"]))
    run = call.open_run(limits.run_id(query["run_uuid"]))
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


def listed(rows, folder: str) -> list[dict]:
    """One level of a tree: from (path, size) of all that lies below `folder`."""
    files, folders = [], collections.OrderedDict()
    start = len(folder) + 1 if folder else 0
    for path, size in rows:
        name, slash, _ = path[start:].partition("/")
        if slash:
            folders[name] = None
        else:
            files.append({"path": name, "is_dir": False, "file_size": size})
    found = [{"path": name, "is_dir": True} for name in folders] + files
    return sorted(found, key=lambda item: item["path"])


def list_proxied(call: Call) -> dict:
    path = call.fields.text("path", "")
    if model_files.owns(path):
        found = model_files.listing(call, checked(path))
    else:
        place = place_of(path)
        found = listed(_below(call.run(place.run_id), place.path).values_list("path", "size"), place.path)
    return {"files": found} if found else {}


def list_of_run(call: Call) -> dict:
    """Paths from the root of the run's files."""
    run, folder = call.run(), checked(call.fields.text("path", ""))
    found = listed(_below(run, folder).values_list("path", "size"), folder)
    for item in found if folder else []:
        item["path"] = f"{folder}/{item['path']}"
    return {"root_uri": shapes.artifact_uri(run), **({"files": found} if found else {})}


def delete(call: Call, path: str) -> dict:
    place = place_of(path)
    run = call.open_run(place.run_id)
    found = run.artifacts.filter(path=place.path) | _below(run, place.path)
    if place.path and not found.exists():
        raise missing(f"No such artifact: '{place.path}'")
    for artifact in found:
        artifacts.delete(artifact)
    return {}


# ---- a large file in parts: each becomes a segment of the file, so that nothing is copied at the end


def begin_parts(call: Call, path: str) -> dict:
    run, target = _target(call, path)
    count = call.fields.integer("num_parts", 1)
    if not 1 <= count <= MOST_PARTS:
        raise invalid(f"num_parts={count}: write a number from 1 to {MOST_PARTS}.")
    upload_id = signing.dumps([run.pk, target], salt=UPLOAD)
    base = call.request.build_absolute_uri(call.request.path.split("/mpu/create/")[0] + "/mpu/part")
    headers = {"Authorization": call.request.headers.get("Authorization", "")}
    parts = [
        {"url": f"{base}/{run.run_id}/{upload_id}/{n}", "part_number": n, "headers": headers}
        for n in range(1, count + 1)
    ]
    return {"upload_id": upload_id, "credentials": parts}


def _target(call: Call, path: str) -> tuple[Run, str]:
    place = place_of(path)
    name = call.fields.text("path").replace("\\", "/").rsplit("/", 1)[-1]
    run = call.open_run(place.run_id)
    return run, paths.checked(f"{place.path}/{name}" if place.path else name)


def _area(run: Run, upload_id: str) -> str:
    return f"{run.storage_area}/{upload_id.rsplit(':', 1)[-1]}"


def put_part(call: Call, path: str) -> HttpResponse:
    run_id, upload_id, number = path.split("/")
    run = call.open_run(run_id)
    _check_upload(run, upload_id)
    key = storage.new_key(_area(run, upload_id))
    size = storage.put(key, uploads.chunks(call.request))
    etag = signing.dumps([upload_id, int(number), key, size], salt=PART)
    return HttpResponse(headers={"ETag": f'"{etag}"'})


def _check_upload(run: Run, upload_id: str) -> str:
    try:
        owner, target = signing.loads(upload_id, salt=UPLOAD)
    except signing.BadSignature:
        owner = None
    if owner != run.pk:
        raise invalid("The upload_id is not one that this run was given.")
    return target


def end_parts(call: Call, path: str) -> dict:
    run, _ = _target(call, path)
    upload_id = call.fields.text("upload_id")
    target = _check_upload(run, upload_id)
    parts = sorted(_part(upload_id, item.text("etag")) for item in call.fields.objects("parts"))
    if [number for number, _, _ in parts] != list(range(1, len(parts) + 1)) or not parts:
        raise invalid("Parts are missing, or one was sent twice: every part from 1 on must be there once.")
    try:
        artifacts.put_segments(run, target, [(key, size) for _, key, size in parts])
    except Conflict as error:
        raise MlflowError("RESOURCE_CONFLICT", error.message) from error
    return {}


def _part(upload_id: str, etag: str) -> tuple[int, str, int]:
    try:
        owner, number, key, size = signing.loads(etag.strip('"'), salt=PART)
    except signing.BadSignature:
        owner = number = key = size = None
    if owner != upload_id:
        raise invalid(f"The etag {etag[:60]!r} belongs to no part of this upload.")
    return number, key, size


def abort_parts(call: Call, path: str) -> dict:
    run, _ = _target(call, path)
    upload_id = call.fields.text("upload_id")
    _check_upload(run, upload_id)
    storage.delete_area(_area(run, upload_id))
    return {}


def presigned(call: Call, path: str) -> dict:
    """An address that needs no token for a while."""
    place = place_of(path)
    run = call.run(place.run_id)
    found = Artifact.objects.filter(run=run, path=place.path).first()
    if found is None:
        raise missing(f"No such artifact: '{place.path}'")
    history = f"/history/v1.0{call.workspace.arm_id}/runs/{run.run_id}"
    return {"url": call.request.build_absolute_uri(links.signed(run, found.path, history)), "file_size": found.size}
