"""Requests for promotions over REST."""

from django.http import Http404, HttpRequest
from ninja import Path, Router, Status

from registry import access, resources
from registry.models import PromotionRequest
from studio import api
from studio.schemas import list_of
from workspaces.workspace_path import WorkspacePath

router = Router(tags=["models"])


def _rows():
    return PromotionRequest.objects.select_related("version__model", "created_by", "decided_by")


@router.get(
    "/promotionRequests",
    response=list_of(resources.PromotionRequest),
    summary="List requests for promotions, newest first",
)
def request_list(request: HttpRequest, workspace_path: Path[WorkspacePath], openOnly: bool = False):
    workspace = access.open_workspace(request, workspace_path)
    rows = _rows().filter(version__workspace=workspace, version__deleted_at=None)
    return api.paginate(request, rows.open() if openOnly else rows, resources.PromotionRequest)


@router.post(
    "/models/{name}/versions/{version}/promotionRequests",
    response={201: resources.PromotionRequest},
    summary="Ask for an alias or a stage that a promotion rule limits",
)
def request_ask(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    version: str,
    body: resources.PromotionRequestBody,
):
    row = access.find_version(request, workspace_path, name, version, "edit")
    made = PromotionRequest.ask(request.auth, row, body.kind, body.name, body.message)
    return Status(201, resources.PromotionRequest.of(made))


@router.patch(
    "/promotionRequests/{number}", response=resources.PromotionRequest, summary="Approve or decline a request"
)
def request_decide(
    request: HttpRequest, workspace_path: Path[WorkspacePath], number: int, body: resources.PromotionDecision
):
    workspace = access.open_workspace(request, workspace_path, "edit")
    found = _rows().filter(version__workspace=workspace, version__deleted_at=None, pk=number).first()
    if found is None:
        raise Http404(f"The workspace {workspace.name} has no request {number}.")
    found.version.model.workspace = workspace
    found.approve(request.auth) if body.state == "approved" else found.decline(request.auth)
    found.refresh_from_db()
    return resources.PromotionRequest.of(found)
