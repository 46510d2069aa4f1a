"""The API of snapshots."""

import uuid

from django.conf import settings
from django.http import Http404, HttpRequest
from ninja import Path, Router, Status

from runs import token_filters
from runs.api import access, resources
from runs.files import ranges, snapshots, uploads
from runs.models import Run, Snapshot
from studio import storage
from studio.schemas import bytes_response, list_of
from workspaces.access import require
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["snapshots"])
ZIP = {"requestBody": {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}}


@router.get("/snapshots", response=list_of(resources.Snapshot), summary="Find the snapshot with this hash")
def snapshot_list(request: HttpRequest, workspace_path: Path[WorkspacePath], hash: str):
    workspace = find_workspace(request, workspace_path)
    found = snapshots.find_snapshot(workspace, hash.lower())
    return list_of(resources.Snapshot)(value=[resources.Snapshot.of(found)] if found else [])


@router.put(
    "/snapshots/{snapshot_id}",
    response={200: resources.Snapshot, 201: resources.Snapshot},
    summary="Store a zip",
    openapi_extra=ZIP,
)
def snapshot_put(request: HttpRequest, workspace_path: Path[WorkspacePath], snapshot_id: str, hash: str = ""):
    workspace = find_workspace(request, workspace_path)
    if request.auth.is_run:
        # Its child runs have code too.
        access.check_attempt(request.auth, request.auth.run)
    else:
        require(request.auth, "submit", workspace)
    body = uploads.read_chunks(request, settings.SNAPSHOT_MAX_BYTES)
    stored = snapshots.store_snapshot(workspace, request.auth.user, snapshot_id, hash, body)
    return Status(201 if str(stored.snapshot_id) == snapshot_id else 200, resources.Snapshot.of(stored))


@router.get("/snapshots/{snapshot_id}", response=resources.Snapshot, summary="List the files of a snapshot")
def snapshot_read(request: HttpRequest, workspace_path: Path[WorkspacePath], snapshot_id: str):
    return resources.Snapshot.of(_find(request, workspace_path, snapshot_id))


@router.get(
    "/snapshots/{snapshot_id}/zip",
    summary="Get a snapshot as a zip",
    openapi_extra=bytes_response("application/zip", 200, 206),
)
def snapshot_zip(request: HttpRequest, workspace_path: Path[WorkspacePath], snapshot_id: str):
    found = _find(request, workspace_path, snapshot_id)
    response = ranges.respond_with_range(
        request, found.size, found.digest, lambda start, length: storage.stream_object(found.key, start, length)
    )
    return ranges.set_safe_headers(response, "application/zip", f"{found.snapshot_id}.zip")


def _find(request: HttpRequest, workspace_path: WorkspacePath, snapshot_id: str) -> Snapshot:
    """A run token can read the code of its own run, of its descendants and of the runs it created."""
    workspace = find_workspace(request, workspace_path)
    found = Snapshot.objects.filter(workspace=workspace)
    if request.auth.is_run:
        found = found.filter(
            runs__in=Run.objects.filter(token_filters.filter_below(request.auth), deleted_at=None)
        ).distinct()
    try:
        row = found.filter(snapshot_id=uuid.UUID(snapshot_id)).first()
    except ValueError:
        row = None
    if row is None:
        raise Http404(f"The workspace {workspace.name} has no snapshot {snapshot_id!r}.")
    return row
