"""Large files over REST in pieces, which stay for a day. The routes that store a file take `?upload=` instead of a body."""

from collections.abc import Iterable

from django.http import HttpRequest
from ninja import Path, Router, Schema

from accounts.actors import Actor
from assets.data import resources, stores
from assets.data.partial_uploads import MAX_PIECE, PartialUpload
from runs.api import access
from runs.files import uploads
from studio.schemas import BYTES, Nothing
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["uploads"])


class UploadPath(WorkspacePath):
    """The name that the sender has chosen for the upload."""

    upload: str


class Sent(Schema):
    """`upload` names the pieces of a file that was sent before, `size` its bytes; without it, the body is the file."""

    upload: str = ""
    size: int = 0

    def read(self, request: HttpRequest, actor: Actor, workspace: Workspace) -> Iterable[bytes]:
        if not self.upload:
            return uploads.read_chunks(request)
        return PartialUpload(actor, workspace, self.upload).read(self.size)


@router.get("/{upload}", response=resources.PartialUploadResource, summary="Get the pieces of a file that have arrived")
def upload_read(request: HttpRequest, where: Path[UploadPath]):
    found = PartialUpload(request.auth, find_workspace(request, where), where.upload)
    return resources.PartialUploadResource.of(found.list_pieces())


@router.put(
    "/{upload}",
    response=resources.PartialUploadResource,
    summary="Send the piece of a file that begins at `start`, where the last one ended",
    openapi_extra=BYTES,
)
def upload_put(request: HttpRequest, where: Path[UploadPath], start: int = 0, sha256: str = ""):
    workspace = _find_to_write(request, where)
    stores.check_storage_quota(workspace, request.auth)
    found = PartialUpload(request.auth, workspace, where.upload)
    pieces = found.add_piece(start, uploads.read_chunks(request, MAX_PIECE), sha256)
    return resources.PartialUploadResource.of(pieces)


@router.delete("/{upload}", response=Nothing, summary="Delete the pieces of a file")
def upload_delete(request: HttpRequest, where: Path[UploadPath]):
    PartialUpload(request.auth, _find_to_write(request, where), where.upload).delete()
    return {}


def _find_to_write(request: HttpRequest, where: UploadPath) -> Workspace:
    """The workspace, for a person who may store files there, or for a job that has not ended long ago."""
    if request.auth.is_run:
        access.check_open(request.auth, request.auth.run)
    return find_workspace(request, where, "read" if request.auth.is_run else "edit")
