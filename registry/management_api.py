"""Routes for SDK v1 beyond Azure's resources: a search over all versions, and their files."""

from django.db import transaction
from django.http import Http404, HttpRequest
from ninja import Path, Query, Router, Schema

from assets.data import file_batches
from assets.data.resources import FilePaths, StoredFiles
from registry import access, lineage, resources, signature_edits, version_files, workspace_file_batches
from registry.models import ModelVersion
from registry.version_search import filter_by_pairs
from runs.api.datastores import read_batch
from runs.files import ranges
from studio import api
from studio.errors import Invalid
from studio.schemas import BYTES, bytes_response, list_of
from workspaces.workspace_path import WorkspacePath

router = Router(tags=["models"])


class ModelQuery(Schema):
    """`tag` and `property` are a name, or `name=value`; if there are several, all must match."""

    name: str = ""
    tag: list[str] = []
    property: list[str] = []
    runId: str = ""
    framework: str = ""
    datasetId: str = ""
    latest: bool = False


@router.get("/models", response=list_of(resources.ModelVersion), summary="Find versions of models, newest first")
def version_search(request: HttpRequest, workspace_path: Path[WorkspacePath], query: Query[ModelQuery]):
    workspace = access.open_workspace(request, workspace_path)
    rows = ModelVersion.objects.present().filter(workspace=workspace, archived_at=None)
    words = {"model__name": query.name, "source_run_id": query.runId, "framework": query.framework}
    rows = rows.filter(**{column: value for column, value in words.items() if value})
    rows = filter_by_pairs(filter_by_pairs(rows, "tags", query.tag), "properties", query.property)
    if query.latest:
        rows = rows.filter(is_latest=True)
    if query.datasetId:
        rows = rows.filter(dataset_links__dataset_id=query.datasetId)
    return api.paginate(request, rows.with_related().order_by("-created_at", "-pk"), resources.ModelVersion)


@router.get(
    "/models/{name}/versions/{version}/files",
    response=list_of(resources.ModelVersionFile),
    summary="List the files of a version, with the name of the model in a download",
)
def file_list(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    files = _files(request, workspace_path, name, version)

    def make(row) -> resources.ModelVersionFile:
        return resources.ModelVersionFile(path=files.relative(row.path), size=row.size)

    return api.paginate(request, files.rows.order_by("path"), resources.ModelVersionFile, make)


@router.get(
    "/models/{name}/versions/{version}/signature",
    response=resources.ModelSignature,
    summary="Get the signature and the input example of a version",
)
def signature_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    return resources.ModelSignature.of(access.find_version(request, workspace_path, name, version))


@router.patch(
    "/models/{name}/versions/{version}/signature",
    response=resources.ModelSignature,
    summary="Change the signature or the input example of an MLflow model",
)
def signature_patch(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    version: str,
    body: resources.ModelSignatureUpdate,
):
    row = access.find_version(request, workspace_path, name, version, "edit")
    with transaction.atomic():
        if "signature" in body.model_fields_set:
            signature_edits.edit_signature(request.auth, row, body.signature)
        if "inputExample" in body.model_fields_set:
            signature_edits.edit_example(request.auth, row, body.inputExample)
    return resources.ModelSignature.of(row)


@router.get("/lineage", response=resources.Lineage, summary="Get the lineage of a job, a model or data")
def lineage_read(
    request: HttpRequest, workspace_path: Path[WorkspacePath], kind: str, id: str, direction: str = lineage.BOTH
):
    workspace = access.open_workspace(request, workspace_path)
    if kind not in lineage.DESCRIBE:
        raise Invalid(f"kind={kind[:40]!r}: write {', '.join(lineage.DESCRIBE)}.", target="kind")
    if direction not in lineage.DIRECTIONS:
        raise Invalid(f"direction={direction[:40]!r}: write {', '.join(lineage.DIRECTIONS)}.", target="direction")
    start = lineage.GraphKey(kind, id[:1000])
    if start not in lineage.describe_nodes(workspace, [start]):
        raise Http404(f"The workspace {workspace.name} has no {kind} {id[:1000]!r}.")
    return resources.Lineage.of(lineage.find_graph(workspace, start, direction))


@router.api_operation(
    ["GET", "HEAD"],
    "/models/{name}/versions/{version}/files/content",
    summary="Get the content of a file of a version, or a range of it",
    openapi_extra=bytes_response("application/octet-stream", 200, 206),
)
def file_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str, path: str):
    row = _files(request, workspace_path, name, version).find(path)
    if row is None:
        raise Http404(f"The model {name}:{version} has no file {path[:1000]!r}.")
    tag = version_files.tag_of(row)
    answer = ranges.respond_with_range(
        request, row.size, tag, lambda start, length: version_files.stream_file(row, start, length)
    )
    return ranges.set_safe_headers(answer, version_files.content_type_of(row), path)


@router.post(
    "/models/{name}/versions/{version}/files/download",
    summary='Get many files: a line `{"files": [{"path": "a", "size": 3, "etag": "…"}], "missing": []}`, then their bytes',
    openapi_extra=bytes_response("application/octet-stream", 200),
)
def files_download(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str, body: FilePaths):
    file_batches.check_paths(body.paths)
    rows = _files(request, workspace_path, name, version).find_all(body.paths)
    found = [(path, rows[path]) for path in body.paths if path in rows]
    listed = [version_files.VersionFile(path, row.size, version_files.tag_of(row)) for path, row in found]
    line = file_batches.write_list(listed, [path for path in body.paths if path not in rows])
    parts = version_files.stream_files([row for _, row in found])
    length = len(line) + sum(file.size for file in listed)
    answer = ranges.stream_response(file_batches.join_parts(line, parts), length)
    return ranges.set_safe_headers(answer, "application/octet-stream", f"{name}.files")


@router.put(
    "/files",
    response=StoredFiles,
    summary='Store many small files of a model, all or none: a line `{"files": [{"path": "LocalUpload/mine/a", "size": 3}]}`, '
    "then their bytes. All are in the same new folder of LocalUpload",
    openapi_extra=BYTES,
)
def files_put(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = access.open_workspace(request, workspace_path, "edit")
    listed, body = read_batch(request)
    return StoredFiles(stored=workspace_file_batches.store_files(request.auth, workspace, listed, body), skipped=[])


def _files(request: HttpRequest, workspace_path: WorkspacePath, name: str, version: str) -> version_files.ModelFiles:
    row = access.find_version(request, workspace_path, name, version)
    files = version_files.files_of(row)
    if files is None:
        raise Http404(f"The files of the model {row} are not stored here: {row.source[:500]}")
    return files
