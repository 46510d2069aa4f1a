"""The files of a datastore as blobs of Azure's storage: what the storage client in Azure's v2 (azure-ai-ml) sends.

The client builds the address https://{accountName}.blob.{suffix of the cloud}/{container}; `accountName` of the stores of
the studio is a path of this server, so the requests come here, with the token of the client. Metadata of blobs is not stored,
so that the client sends a folder again that it has sent before.
"""

import hashlib
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import http_date
from ninja import Path, Query, Router, Schema, Status

from assets.data.models import ARTIFACT_STORE
from assets.data.partial_uploads import Pieces
from assets.data.share_files import open_files
from assets.data.stores import DatastoreFiles, File
from runs.api.datastores import find_datastore, may_replace_files
from runs.files import ranges, uploads
from runs.files.artifact_store import ArtifactStoreFiles
from studio.errors import Invalid, Unsupported
from studio.schemas import BYTES, Nothing, bytes_response
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["datastores"])
MAX_LIST_BYTES = 8 * 1024 * 1024
# Azure's names of blocks in the list of a blob.
BLOCK_NAME = re.compile(r"<(?:Latest|Uncommitted|Committed)>([^<]{1,128})</")
MAX_PAGE = 5000
HASH_LETTERS = 32


class BlobPath(WorkspacePath):
    """`account` begins with the name of the datastore; what follows is the suffix of the cloud."""

    name: str
    account: str
    container: str


class ListQuery(Schema):
    comp: str = ""
    prefix: str = ""
    marker: str = ""
    maxresults: int = MAX_PAGE


def _open(request: HttpRequest, where: BlobPath) -> DatastoreFiles:
    datastore = find_datastore(find_workspace(request, where), where.name)
    # Azure has the files of jobs and models there. The token of a job reads them by their own routes.
    has_more = datastore.name == ARTIFACT_STORE and not request.auth.is_run
    return ArtifactStoreFiles(datastore) if has_more else open_files(datastore, request.auth.user)


@router.get(
    "/{account}/{container}",
    summary="List blobs by the beginning of their names, as Azure's storage does",
    openapi_extra=bytes_response("application/xml", 200),
)
def blob_list(request: HttpRequest, where: Path[BlobPath], query: Query[ListQuery]):
    files = _open(request, where)
    if query.comp != "list":
        raise Unsupported(f"comp={query.comp[:20]!r}: of a container only comp=list can be requested.")
    size = max(1, min(query.maxresults, MAX_PAGE))
    found = [file for file in files.walk(query.prefix) if file.path > query.marker]
    following = found[size - 1].path if len(found) > size else ""
    return HttpResponse(_write_list(found[:size], following), content_type="application/xml")


def _write_list(files: list[File], following: str) -> bytes:
    root = ElementTree.Element("EnumerationResults")
    blobs = ElementTree.SubElement(root, "Blobs")
    for file in files:
        blob = ElementTree.SubElement(blobs, "Blob")
        ElementTree.SubElement(blob, "Name").text = file.path
        properties = ElementTree.SubElement(blob, "Properties")
        for name, value in _describe(file).items():
            ElementTree.SubElement(properties, name).text = value
    ElementTree.SubElement(root, "NextMarker").text = following
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _describe(file: File) -> dict[str, str]:
    return {
        "Last-Modified": http_date(file.modified.timestamp()) if file.modified else http_date(0),
        "Etag": f'"{file.etag}"',
        "Content-Length": str(file.size or 0),
        "Content-Type": "application/octet-stream",
        "BlobType": "BlockBlob",
    }


@router.api_operation(
    ["GET", "HEAD"],
    "/{account}/{container}/{path:path}",
    summary="Get a blob or a range of it, as Azure's storage does",
    openapi_extra=bytes_response("application/octet-stream", 200, 206),
)
def blob_read(request: HttpRequest, where: Path[BlobPath], path: str):
    files = _open(request, where)
    try:
        file = files.find(path)
    except Invalid as error:
        # The client also asks whether a folder is a blob.
        raise Http404(error.message) from error
    if request.headers.get("If-Match", f'"{file.etag}"') not in ("*", f'"{file.etag}"'):
        # It has changed since its first part was read.
        return HttpResponse(status=412, headers={"x-ms-error-code": "ConditionNotMet"})
    size = file.size or 0
    header = request.headers.get("x-ms-range") or request.headers.get("Range", "")
    start, end = ranges.parse_range(header, size)
    if header and start >= end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    body = [] if request.method == "HEAD" else files.stream(file, start, end - start)
    response = ranges.stream_response(body, end - start, 206 if header else 200)
    if header:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    described = _describe(file)
    response["ETag"], response["Last-Modified"] = described["Etag"], described["Last-Modified"]
    response["x-ms-blob-type"], response["Accept-Ranges"] = described["BlobType"], "bytes"
    return ranges.set_safe_headers(response, "application/octet-stream", path)


@router.put(
    "/{account}/{container}/{path:path}",
    response={201: Nothing, 200: Nothing},
    summary="Store a blob, a block of one, or a blob of the blocks that were sent, as in Azure's storage",
    openapi_extra=BYTES,
)
def blob_put(
    request: HttpRequest,
    response: HttpResponse,
    where: Path[BlobPath],
    path: str,
    comp: str = "",
    blockid: str = "",
):
    files = _open(request, where)
    may_replace = may_replace_files(request, files)
    if comp == "metadata":
        # Azure's client notes at the end that it has sent everything.
        files.find(path)
        return Status(200, {})
    if comp == "block":
        files.check_names([path])
        _open_blocks(request, files, path).put(_name_block(blockid), uploads.read_chunks(request))
        return Status(201, {})
    if comp not in ("", "blocklist"):
        raise Unsupported(f"comp={comp[:20]!r}: a blob is sent whole, or as blocks and their list.")
    # The client sends this header unless an existing blob may be replaced.
    overwrite = may_replace and "If-None-Match" not in request.headers
    chunks = _read_blocks(request, files, path) if comp else uploads.read_chunks(request)
    written = files.write(path, chunks, overwrite)
    if comp:
        _open_blocks(request, files, path).delete()
    described = _describe(written)
    response["ETag"], response["Last-Modified"] = described["Etag"], described["Last-Modified"]
    return Status(201, {})


def _open_blocks(request: HttpRequest, files: DatastoreFiles, path: str) -> Pieces:
    """Where the blocks of a blob are until their list is sent."""
    return Pieces(files.datastore.workspace, request.auth.user.pk, request.auth.run_id, files.datastore.pk, path)


def _name_block(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:HASH_LETTERS]


def _read_blocks(request: HttpRequest, files: DatastoreFiles, path: str) -> Iterator[bytes]:
    """The bytes of the blocks that the body lists, in its order."""
    text = b"".join(uploads.read_chunks(request, MAX_LIST_BYTES)).decode(errors="replace")
    blocks = _open_blocks(request, files, path)
    sizes, names = blocks.list_sizes(), [_name_block(name) for name in BLOCK_NAME.findall(text)]
    if any(name not in sizes for name in names):
        raise Invalid(f"The list names a block of {path[:200]} that was not sent.", target="blocklist")
    return blocks.read([(name, sizes[name]) for name in names])
