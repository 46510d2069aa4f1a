"""Multipart uploads: each part becomes a segment of the file, so that no copy is needed at the end."""

import secrets

from django.core import signing
from django.http import HttpResponse

from assets.data import stores
from mlflow_api import files
from mlflow_api.errors import MlflowError, invalid_parameter, not_found
from mlflow_api.request import MlflowRequest
from mlflow_api.request_fields import Fields
from runs.files import artifacts, uploads
from runs.models import ArtifactSegment, Run
from studio import file_paths, numbers, storage
from studio.errors import Conflict
from studio.public_url import public_url

MAX_PARTS = 10_000
UPLOAD, PART = "mlflow-upload", "mlflow-part"


def begin(request: MlflowRequest, path: str) -> dict:
    run, target = _parse_target(request, path)
    stores.check_storage_quota(run.workspace, request.actor)
    count = request.fields.integer("num_parts", 1)
    if not 1 <= count <= MAX_PARTS:
        raise invalid_parameter(f"num_parts={count}: write a number from 1 to {MAX_PARTS}.")
    # Concurrent uploads of the same file are independent.
    upload_id = signing.dumps([run.pk, target, secrets.token_hex(8)], salt=UPLOAD)
    base = public_url(request.http.path.split("/mpu/create/")[0] + "/mpu/part")
    headers = {"Authorization": request.http.headers.get("Authorization", "")}
    parts = [
        {"url": f"{base}/{run.run_id}/{upload_id}/{n}", "part_number": n, "headers": headers}
        for n in range(1, count + 1)
    ]
    return {"upload_id": upload_id, "credentials": parts}


def _parse_target(request: MlflowRequest, path: str) -> tuple[Run, str]:
    target = files.parse_run_path(request, path)
    name = request.fields.text("path").replace("\\", "/").rsplit("/", 1)[-1]
    run = request.open_run(target.run_id)
    return run, file_paths.check_path(f"{target.path}/{name}" if target.path else name)


def _upload_area(run: Run, upload_id: str) -> str:
    return f"{run.storage_area}/{upload_id.rsplit(':', 1)[-1]}"


def put(request: MlflowRequest, path: str) -> HttpResponse:
    run_id, upload_id, part = path.split("/")
    number = numbers.parse_int(part, "part_number", min_value=1, max_value=MAX_PARTS)
    run = request.open_run(run_id)
    _check_upload(run, upload_id)
    key = storage.make_key(_upload_area(run, upload_id))
    size = storage.put_stream(key, uploads.read_chunks(request.http))
    etag = signing.dumps([upload_id, number, key, size], salt=PART)
    return HttpResponse(headers={"ETag": f'"{etag}"'})


def _check_upload(run: Run, upload_id: str) -> str:
    try:
        owner, target, _ = signing.loads(upload_id, salt=UPLOAD)
    except signing.BadSignature:
        owner = None
    if owner != run.pk:
        raise invalid_parameter("This run has no upload with this upload_id.")
    return target


def end(request: MlflowRequest, path: str) -> dict:
    """Safe to repeat, because a client without a response tries again."""
    run, _ = _parse_target(request, path)
    upload_id = request.fields.text("upload_id")
    target = _check_upload(run, upload_id)
    parts = sorted(_read_part(upload_id, item) for item in request.fields.objects("parts"))
    if [number for number, _, _ in parts] != list(range(1, len(parts) + 1)) or not parts:
        raise invalid_parameter("Parts are missing, or one was sent twice: send each part from 1 on once.")
    stored = _sizes_of_parts(run, upload_id)
    if any(stored.get(key) != size for _, key, size in parts):
        raise not_found(
            "The parts of this upload are no longer there: it was completed or aborted before. Start a new one."
        )
    try:
        artifacts.store_segments(run, target, [(key, size) for _, key, size in parts])
    except Conflict as error:
        raise MlflowError("RESOURCE_CONFLICT", error.message) from error
    _delete_unused_parts(run, upload_id)
    return {}


def _sizes_of_parts(run: Run, upload_id: str) -> dict[str, int]:
    """Sizes by key of all parts of an upload."""
    return {item["path"]: item["size"] for batch in storage.list_area(_upload_area(run, upload_id)) for item in batch}


def _delete_unused_parts(run: Run, upload_id: str) -> None:
    """Delete parts without a file: all if the upload was aborted, else the repeated ones."""
    used = ArtifactSegment.objects.filter(artifact__run=run, key__startswith=_upload_area(run, upload_id) + "/")
    artifacts.delete_objects(list(_sizes_of_parts(run, upload_id).keys() - set(used.values_list("key", flat=True))))


def _read_part(upload_id: str, sent: Fields) -> tuple[int, str, int]:
    etag = sent.text("etag")
    try:
        owner, number, key, size = signing.loads(etag.strip('"'), salt=PART)
    except signing.BadSignature:
        owner = number = key = size = None
    if owner != upload_id:
        raise invalid_parameter(f"The etag {etag[:60]!r} does not belong to a part of this upload.")
    said = sent.integer("part_number", number)
    if said != number:
        raise invalid_parameter(f"The etag of part {number} came with part_number={said}.")
    return number, key, size


def abort(request: MlflowRequest, path: str) -> dict:
    run, _ = _parse_target(request, path)
    upload_id = request.fields.text("upload_id")
    _check_upload(run, upload_id)
    _delete_unused_parts(run, upload_id)
    return {}
