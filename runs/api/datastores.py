"""Datastores over REST: Azure's routes, and those of their files, whose bodies are streamed in both directions."""

import mimetypes

from django.http import Http404, HttpRequest
from ninja import Path, Query, Router, Status

from assets.data import connections, file_batches, resources, stores
from assets.data.models import Datastore
from assets.data.share_files import open_files
from runs.api.partial_uploads import Sent
from runs.files import ranges, uploads
from studio import api
from studio.errors import Denied
from studio.schemas import BYTES, Nothing, bytes_response, list_of
from workspaces.access import denied, person_can
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["datastores"])
MAX_PAGE = 5000


def find_datastore(workspace: Workspace, name: str) -> Datastore:
    """The datastore with this name, in upper or lower case."""
    of_name = {"workspace": workspace, "name__iexact": name}
    rows = Datastore.objects.select_related("created_by", "secret").filter(**of_name)
    # Many files are many requests; only the first one may have to create the built-in datastores.
    found = rows.first() or Datastore.objects.of(workspace).filter(**of_name).first()
    if found is None:
        raise Http404(f"There is no datastore {name!r} in {workspace.name}.")
    found.workspace = workspace
    return found


@router.get("", response=list_of(resources.DatastoreResource), summary="List the datastores")
def datastore_list(request: HttpRequest, workspace_path: Path[WorkspacePath], isDefault: bool | None = None):
    workspace = find_workspace(request, workspace_path)
    rows = Datastore.objects.of(workspace).select_related("created_by", "workspace__resource_group__subscription")
    return api.paginate(
        request, rows if isDefault is None else rows.filter(is_default=isDefault), resources.DatastoreResource
    )


@router.get("/{name}", response=resources.DatastoreResource, summary="Get a datastore, without its credentials")
def datastore_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path)
    return resources.DatastoreResource.of(find_datastore(workspace, name))


@router.put(
    "/{name}",
    response={200: resources.DatastoreResource, 201: resources.DatastoreResource},
    summary="Register a datastore. Its credentials are tried first unless `skipValidation` says no",
)
def datastore_put(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    body: resources.DatastoreUpdate,
    overwrite: bool = True,
    skipValidation: bool = False,
):
    workspace = find_workspace(request, workspace_path, "edit")
    fields = body.properties.read_fields()
    if not skipValidation:
        connections.test_connection(Datastore.build_unsaved(workspace, name, fields))
    there = Datastore.objects.of(workspace).filter(name__iexact=name).exists()
    row = Datastore.register(request.auth, workspace, name, fields, overwrite)
    return Status(200 if there else 201, resources.DatastoreResource.of(row))


@router.delete("/{name}", response=Nothing, summary="Remove a datastore; its files stay where they are")
def datastore_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path, "edit")
    find_datastore(workspace, name).remove(request.auth)
    return {}


@router.post("/{name}/listSecrets", response=Nothing, summary="Refused: credentials are never shown again")
def datastore_secrets(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path, "edit")
    found = find_datastore(workspace, name)
    raise Denied(
        f"The credentials of {found.name} do not leave the studio. Read and write its files through the studio, "
        "by SDK v1's datastores and datasets."
    )


@router.post("/{name}/setDefault", response=resources.DatastoreResource, summary="Set the default datastore")
def datastore_default(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path, "edit")
    found = find_datastore(workspace, name)
    found.make_default(request.auth)
    return resources.DatastoreResource.of(found)


@router.post("/{name}/test", response=Nothing, summary="Test the connection of a datastore")
def datastore_test(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path)
    connections.test_connection(find_datastore(workspace, name))
    return {}


@router.get(
    "/{name}/files",
    response=list_of(resources.DatastoreFile),
    summary="List the files whose path begins with `prefix`, or with `folder` what is directly in that folder",
)
def file_list(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    prefix: str = "",
    folder: str | None = None,
):
    workspace = find_workspace(request, workspace_path)
    files = open_files(find_datastore(workspace, name), request.auth.user)
    found = files.walk(prefix) if folder is None else files.list_folder(folder)
    rows, next_link = api.cut_page(request, found, size=1000, max_size=MAX_PAGE)
    resource = list_of(resources.DatastoreFile)
    return resource(value=[resources.DatastoreFile.of(row) for row in rows], nextLink=next_link)


@router.api_operation(
    ["GET", "HEAD"],
    "/{name}/files/content",
    summary="Get the content of a file, or a range of it",
    openapi_extra=bytes_response("application/octet-stream", 200, 206),
)
def file_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, path: str):
    workspace = find_workspace(request, workspace_path)
    return respond_with_file(request, open_files(find_datastore(workspace, name), request.auth.user), path)


def respond_with_file(request: HttpRequest, files: stores.DatastoreFiles, path: str):
    file = files.find(path)
    response = ranges.respond_with_range(
        request, file.size or 0, file.etag, lambda start, length: files.stream(file, start, length)
    )
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return ranges.set_safe_headers(response, kind, path)


@router.put(
    "/{name}/files/content",
    response={201: resources.DatastoreFile},
    summary="Store a file",
    openapi_extra=BYTES,
)
def file_put(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    path: str,
    sent: Query[Sent],
    overwrite: bool = False,
):
    workspace = find_workspace(request, workspace_path)
    files = open_files(find_datastore(workspace, name), request.auth.user)
    may_replace = may_replace_files(request, files)
    if not may_replace and overwrite and files.exists(path):
        raise denied("edit", workspace)
    chunks = sent.read(request, request.auth, workspace)
    written = files.write(path, chunks, overwrite and may_replace)
    return Status(201, resources.DatastoreFile.of(written))


def may_replace_files(request: HttpRequest, files: stores.DatastoreFiles) -> bool:
    """The token of a run also stores what its script or runner leaves, where no file is; nobody else without the right."""
    workspace = files.datastore.workspace
    may_replace = person_can(request.auth, "edit", workspace)
    if not may_replace and not request.auth.is_run:
        raise denied("edit", workspace)
    if not request.auth.is_run:
        files.check_quota()
    return may_replace


def read_batch(request: HttpRequest) -> tuple[list[file_batches.BatchFile], file_batches.BodyParts]:
    """The files that the first line of the body lists, and the rest of the body."""
    limit = file_batches.MAX_BYTES + file_batches.MAX_LINE_BYTES
    body = file_batches.BodyParts(uploads.read_chunks(request, limit))
    return file_batches.read_list(body.read_line(), uploads.find_length(request)), body


@router.put(
    "/{name}/files",
    response=resources.StoredFiles,
    summary='Store many small files: a line `{"files": [{"path": "a", "size": 3}]}`, then their bytes. '
    "Without `overwrite`, files that are there stay",
    openapi_extra=BYTES,
)
def files_put(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, overwrite: bool = False):
    workspace = find_workspace(request, workspace_path)
    files = open_files(find_datastore(workspace, name), request.auth.user)
    may_replace = may_replace_files(request, files)
    listed, body = read_batch(request)
    present = file_batches.check_upload(files, [file.path for file in listed], overwrite, may_replace)
    stored = file_batches.store_files(files, listed, body, present, overwrite and may_replace)
    return resources.StoredFiles(stored=stored, skipped=sorted(present))


@router.post(
    "/{name}/files/download",
    summary='Get many files: a line `{"files": [{"path": "a", "size": 3, "etag": "…"}], "missing": []}`, then their bytes',
    openapi_extra=bytes_response("application/octet-stream", 200),
)
def files_download(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.FilePaths):
    workspace = find_workspace(request, workspace_path)
    files = open_files(find_datastore(workspace, name), request.auth.user)
    found, missing = file_batches.find_files(files, body.paths)
    line = file_batches.write_list(found, missing)
    parts = file_batches.stream_files(files, found)
    length = len(line) + sum(file.size or 0 for file in found)
    response = ranges.stream_response(file_batches.join_parts(line, parts), length)
    return ranges.set_safe_headers(response, "application/octet-stream", f"{name}.files")


@router.delete("/{name}/files/content", response=Nothing, summary="Delete a file")
def file_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, path: str):
    workspace = find_workspace(request, workspace_path, "edit")
    open_files(find_datastore(workspace, name), request.auth.user).delete(path)
    return {}
