"""A large file in parts: each becomes a segment of the file, so that nothing is copied at the end."""

from django.core import signing
from django.http import HttpResponse

from runs.files import artifacts, paths, uploads
from runs.mlflow import files
from runs.mlflow.calls import Call
from runs.mlflow.errors import MlflowError, invalid
from runs.models import Run
from studio import storage
from studio.errors import Conflict

MOST_PARTS = 10_000
UPLOAD, PART = "mlflow-upload", "mlflow-part"


def begin(call: Call, path: str) -> dict:
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
    place = files.place_of(path)
    name = call.fields.text("path").replace("\\", "/").rsplit("/", 1)[-1]
    run = call.open_run(place.run_id)
    return run, paths.checked(f"{place.path}/{name}" if place.path else name)


def _area(run: Run, upload_id: str) -> str:
    return f"{run.storage_area}/{upload_id.rsplit(':', 1)[-1]}"


def put(call: Call, path: str) -> HttpResponse:
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


def end(call: Call, path: str) -> dict:
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


def abort(call: Call, path: str) -> dict:
    run, _ = _target(call, path)
    upload_id = call.fields.text("upload_id")
    _check_upload(run, upload_id)
    storage.delete_area(_area(run, upload_id))
    return {}
