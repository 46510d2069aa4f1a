"""The code assets of Azure's v2: `startPendingUpload` names an address for the files, which become a snapshot."""

import uuid
from typing import Any, Literal, Self

import pydantic
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Path, Router, Status
from ninja.security import APIKeyQuery

from runs.files import pending_code, uploads
from runs.files.pending_code import CodeUpload
from runs.models import Snapshot
from studio.errors import Unsupported
from studio.request_body import Body, LooseBody
from studio.schemas import BYTES, Nothing, Shape, SystemData, bytes_response, list_of
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["snapshots"])
signed = Router(tags=["snapshots"])
TYPE = "Microsoft.MachineLearningServices/workspaces/codes/versions"


class UploadSignature(APIKeyQuery):
    param_name = "sig"

    def authenticate(self, request, key):
        return CodeUpload.find(request.resolver_match.kwargs["upload_id"], key or "")


class CodeVersionProperties(Shape):
    codeUri: str
    description: str
    tags: dict[str, str]
    properties: dict[str, str]
    isAnonymous: bool
    isArchived: bool


class CodeVersion(Shape):
    """A snapshot as a version of a code asset."""

    id: str
    name: str
    type: str
    properties: CodeVersionProperties
    systemData: SystemData

    @classmethod
    def of(cls, row: Snapshot) -> Self:
        arm_id = f"{row.workspace.arm_id}/codes/{row.snapshot_id}/versions/1"
        fields: dict[str, Any] = {"description": "", "tags": {}, "properties": {"hash": row.digest}}
        properties = CodeVersionProperties(codeUri=arm_id, isAnonymous=True, isArchived=False, **fields)
        return cls(id=arm_id, name="1", type=TYPE, properties=properties, systemData=SystemData.of(row))


class BlobCredential(Shape):
    credentialType: Literal["SAS"] = "SAS"
    sasUri: str


class BlobReference(Shape):
    blobUri: str
    storageAccountArmId: str
    credential: BlobCredential


class PendingUpload(Shape):
    pendingUploadId: str
    pendingUploadType: Literal["TemporaryBlobReference"] = "TemporaryBlobReference"
    blobReferenceForConsumption: BlobReference

    @classmethod
    def of(cls, row: CodeUpload) -> Self:
        return cls(
            pendingUploadId=row.upload_id,
            blobReferenceForConsumption=BlobReference(
                blobUri=row.address,
                storageAccountArmId=f"{row.workspace.arm_id}/datastores/workspaceblobstore",
                credential=BlobCredential(sasUri=row.signed_address),
            ),
        )


class PendingUploadRequest(Body):
    pendingUploadId: str | None = None
    pendingUploadType: str | None = None


class CodeVersionPropertiesUpdate(LooseBody):
    codeUri: str = pydantic.Field(max_length=5000, description="The address of the folder that was uploaded.")


class CodeVersionUpdate(Body):
    properties: CodeVersionPropertiesUpdate


@router.get(
    "/{name}/versions",
    response=list_of(CodeVersion),
    summary="Find code by the client's hash: always empty, because equal snapshots are found by their content",
)
def code_list(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    find_workspace(request, workspace_path)
    return list_of(CodeVersion)(value=[])


@router.post(
    "/{name}/versions/{version}/startPendingUpload",
    response=PendingUpload,
    summary="Get an address for the files, valid for an hour",
)
def code_upload(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    version: str,
    body: PendingUploadRequest,
):
    return PendingUpload.of(CodeUpload.begin(find_workspace(request, workspace_path, "submit")))


@router.put("/{name}/versions/{version}", response={201: CodeVersion}, summary="Store the uploaded files as a snapshot")
def code_put(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str, body: CodeVersionUpdate
):
    workspace = find_workspace(request, workspace_path, "submit")
    upload, folder = pending_code.parse_address(workspace, body.properties.codeUri)
    return Status(201, CodeVersion.of(upload.store(request.auth.user, folder)))


@router.get("/{name}/versions/{version}", response=CodeVersion, summary="Get a snapshot as code")
def code_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    return CodeVersion.of(_find(find_workspace(request, workspace_path), name))


def _find(workspace: Workspace, name: str) -> Snapshot:
    rows = Snapshot.objects.filter(workspace=workspace).select_related("created_by")
    try:
        found = rows.filter(snapshot_id=uuid.UUID(name)).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404(f"ResourceNotFound: the workspace {workspace.name} has no code {name[:60]!r}.")
    found.workspace = workspace
    return found


@signed.api_operation(
    ["HEAD"],
    "/{upload_id}/{path:path}",
    auth=UploadSignature(),
    summary="Whether a file of code was sent",
    openapi_extra=bytes_response("application/octet-stream", 200),
)
def code_file_check(request: HttpRequest, upload_id: str, path: str):
    if not request.auth.has_file(path):
        raise Http404(f"There is no file {path[:200]!r} here.")
    return HttpResponse()


@signed.put(
    "/{upload_id}/{path:path}",
    auth=UploadSignature(),
    response={201: Nothing, 200: Nothing},
    summary="Send a file of code, as to Azure's storage",
    openapi_extra=BYTES,
)
def code_file_put(request: HttpRequest, response: HttpResponse, upload_id: str, path: str, comp: str = ""):
    if comp == "metadata":
        # Azure's client notes at the end that it has sent everything; the snapshot says the same.
        return Status(200, {})
    if comp:
        raise Unsupported(f"comp={comp[:20]!r}: a file of code is sent in one request, and has at most 64 MB.")
    written = request.auth.write(path, uploads.read_chunks(request, settings.SNAPSHOT_MAX_BYTES))
    response["ETag"] = f'"{written.etag}"'
    return Status(201, {})
