"""The API of run files; bodies are streamed in both directions."""

from django.http import Http404, HttpRequest
from ninja import Path, Query, Router, Status

from assets.data import file_batches, stores
from assets.data.resources import FilePaths, StoredFiles
from runs.api import access, resources
from runs.api.datastores import read_batch
from runs.api.partial_uploads import Sent
from runs.files import artifact_batches, artifacts, links, ranges, uploads
from runs.models import Artifact, Run
from studio import api
from studio.errors import Invalid
from studio.schemas import BYTES, Nothing, bytes_response, list_of
from workspaces.workspace_path import WorkspacePath

router = Router(tags=["artifacts"])
BY_SIGNATURE = "by signature"


def signature(request: HttpRequest):
    """Lets a request without a token reach the view, which checks the signature of run and path."""
    return BY_SIGNATURE if request.GET.get("sig") else None


@router.get("/runs/{run_id}/artifacts", response=list_of(resources.Artifact), summary="List the files of a run")
def artifact_list(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, prefix: str = ""):
    run = access.find_readable(request, workspace_path, run_id)
    found = run.artifacts.filter(path__startswith=prefix) if prefix else run.artifacts.all()
    return api.paginate(request, found, resources.Artifact)


@router.put(
    "/runs/{run_id}/artifacts/content",
    response={201: resources.Artifact},
    summary="Store a file",
    openapi_extra=BYTES,
)
def artifact_put(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    run_id: str,
    path: str,
    sent: Query[Sent],
    overwrite: bool = False,
):
    run = _open_for_files(request, workspace_path, run_id)
    kind, chunks = request.headers.get("Content-Type", ""), sent.read(request, request.auth, run.workspace)
    stored = artifacts.store_artifact(run, path, chunks, content_type=kind, overwrite=overwrite)
    return Status(201, resources.Artifact.of(stored))


@router.put(
    "/runs/{run_id}/artifacts",
    response=StoredFiles,
    summary='Store many small files, all or none: a line `{"files": [{"path": "a", "size": 3}]}`, then their bytes',
    openapi_extra=BYTES,
)
def artifacts_put(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str):
    run = _open_for_files(request, workspace_path, run_id)
    listed, body = read_batch(request)
    return StoredFiles(stored=artifact_batches.store_artifacts(run, listed, body), skipped=[])


@router.post(
    "/runs/{run_id}/artifacts/download",
    summary='Get many files: a line `{"files": [{"path": "a", "size": 3, "etag": "…"}], "missing": []}`, then their bytes',
    openapi_extra=bytes_response("application/octet-stream", 200),
)
def artifacts_download(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, body: FilePaths):
    run = access.find_readable(request, workspace_path, run_id)
    found, missing = artifact_batches.find_artifacts(run, body.paths)
    line, parts = file_batches.write_list(found, missing), artifact_batches.stream_artifacts(found)
    length = len(line) + sum(artifact.size for artifact in found)
    response = ranges.stream_response(file_batches.join_parts(line, parts), length)
    return ranges.set_safe_headers(response, "application/octet-stream", f"{run_id}.files")


@router.post(
    "/runs/{run_id}/artifacts/append",
    response=resources.Artifact,
    summary="Append to a file at `offset`",
    openapi_extra=BYTES,
)
def artifact_append(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, path: str, offset: int):
    run = _open(request, workspace_path, run_id)
    if offset < 0:
        raise Invalid(f"offset={offset}: write 0 or more.", target="offset")
    data = uploads.read_whole_body(request, artifacts.MAX_APPEND_BYTES)
    return resources.Artifact.of(artifacts.append_to_artifact(run, path, offset, data))


@router.api_operation(
    ["GET", "HEAD"],
    "/runs/{run_id}/artifacts/content",
    auth=[api.Bearer(), signature],
    summary="Get the content of a file, or a range of it",
    openapi_extra=bytes_response("application/octet-stream", 200, 206),
)
def artifact_read(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, path: str):
    run = _signed(request, workspace_path, run_id, path) or access.find_readable(request, workspace_path, run_id)
    found = Artifact.objects.filter(run=run, path=path).first()
    if found is None:
        raise Http404(f"The run {run.run_id} has no file {path!r}.")
    tag = found.etag
    response = ranges.respond_with_range(
        request, found.size, tag, lambda start, length: artifacts.read_artifact(found, start, length)
    )
    return ranges.set_safe_headers(response, found.content_type, found.path)


@router.delete("/runs/{run_id}/artifacts/content", response=Nothing, summary="Delete a file")
def artifact_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, path: str):
    run = access.find_writable(request, workspace_path, run_id)
    found = Artifact.objects.filter(run=run, path=path).first()
    if found is None:
        raise Http404(f"The run {run.run_id} has no file {path!r}.")
    artifacts.delete_artifacts([found])
    return {}


def _open(request: HttpRequest, workspace_path: WorkspacePath, run_id: str) -> Run:
    """Find a run for adding files: people can add files to an ended run, its own token only for a moment."""
    run = access.find_writable(request, workspace_path, run_id)
    if request.auth.is_run:
        access.check_open(request.auth, run)
    return run


def _open_for_files(request: HttpRequest, workspace_path: WorkspacePath, run_id: str) -> Run:
    """The same for whole files, which people store within the quota of the workspace."""
    run = _open(request, workspace_path, run_id)
    stores.check_storage_quota(run.workspace, request.auth)
    return run


def _signed(request: HttpRequest, workspace_path: WorkspacePath, run_id: str, path: str) -> Run | None:
    """The run, if the URL is signed for this file."""
    if request.auth is not BY_SIGNATURE:
        return None
    found = Run.objects.filter(
        workspace__name__iexact=workspace_path.workspace_name,
        workspace__resource_group__name__iexact=workspace_path.resource_group,
        workspace__resource_group__subscription__subscription_id__iexact=workspace_path.subscription_id,
        run_id=run_id,
        deleted_at=None,
    ).first()
    if found is None or not links.is_signed(found, path, request.GET["sig"]):
        raise Http404("This link has expired or is not valid. Ask for the run's details again.")
    return found
