"""Online endpoints and deployments over REST, as Azure's v2 clients call them."""

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Path, Router, Status

from endpoints.models import Endpoint, Revision
from endpoints.online import deployments, resources
from studio import api
from studio.errors import Conflict, Invalid
from studio.public_url import public_url
from studio.schemas import Nothing, list_of
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["online endpoints"])
# How often clients ask whether a deployment is ready; without the header they wait for half a minute.
POLL_SECONDS = 1


def _find_endpoint(workspace: Workspace, name: str) -> Endpoint:
    rows = Endpoint.objects.with_state().without_versions().filter(workspace=workspace, has_versions=True)
    found = rows.filter(name=name).first()
    if found is None:
        raise Http404(f"ResourceNotFound: the workspace {workspace.name} has no online endpoint {name[:60]!r}.")
    return found


def _find_deployment(workspace: Workspace, endpoint: str, name: str) -> Endpoint:
    found = _list_deployments(_find_endpoint(workspace, endpoint)).filter(name=f"{endpoint}.{name}").first()
    if found is None:
        raise Http404(f"ResourceNotFound: the online endpoint {endpoint} has no deployment {name[:60]!r}.")
    return found


def _list_deployments(endpoint: Endpoint):
    rows = Endpoint.objects.with_state().select_related("parent__target").filter(parent=endpoint)
    return rows.prefetch_related("newest__model_versions__model__workspace__resource_group__subscription")


@router.get("", response=list_of(resources.OnlineEndpoint), summary="List the online endpoints")
def online_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = find_workspace(request, workspace_path)
    rows = Endpoint.objects.with_state().without_versions().filter(workspace=workspace, has_versions=True)
    return api.paginate(request, rows, resources.OnlineEndpoint)


@router.get("/{name}", response=resources.OnlineEndpoint, summary="Get an online endpoint")
def online_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.OnlineEndpoint.of(_find_endpoint(find_workspace(request, workspace_path), name))


@router.put(
    "/{name}",
    response={200: resources.OnlineEndpoint, 201: resources.OnlineEndpoint},
    summary="Create an online endpoint, or change it and its traffic",
)
def online_put(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    body: resources.OnlineEndpointUpdate,
):
    workspace = find_workspace(request, workspace_path, "edit")
    _, is_new = deployments.put_endpoint(request.auth, workspace, name, body)
    return Status(201 if is_new else 200, resources.OnlineEndpoint.of(_find_endpoint(workspace, name)))


@router.delete("/{name}", response=Nothing, summary="Stop and delete an online endpoint with its deployments")
def online_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    _find_endpoint(find_workspace(request, workspace_path, "edit"), name).remove()
    return {}


@router.post("/{name}/listKeys", response=resources.OnlineKeys, summary="Read the keys of an online endpoint")
def online_keys(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    endpoint = _find_endpoint(find_workspace(request, workspace_path, "edit"), name)
    if endpoint.token_auth_enabled:
        raise Conflict(f"{name} uses the authentication mode AMLToken and has no keys: get a token.")
    return resources.OnlineKeys(primaryKey=endpoint.keys[0], secondaryKey=endpoint.keys[1])


@router.post("/{name}/regenerateKeys", response=Nothing, summary="Regenerate a key of an online endpoint")
def online_new_key(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    body: resources.OnlineKeyRegeneration,
):
    endpoint = _find_endpoint(find_workspace(request, workspace_path, "edit"), name)
    which = next((one for one in Endpoint.Key.values if one.lower() == body.keyType.lower()), None)
    if which is None:
        raise Invalid(f"keyType={body.keyType[:40]!r}: write Primary or Secondary.", target="keyType")
    # Azure's client sends the present key where it asks for a new one.
    value = "" if body.keyValue in endpoint.keys else body.keyValue or ""
    endpoint.regenerate_key(which, value)
    return {}


@router.post("/{name}/token", response=resources.OnlineToken, summary="Get a token for requests to an online endpoint")
def online_token(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.OnlineToken.of(_find_endpoint(find_workspace(request, workspace_path, "edit"), name))


@router.get(
    "/{name}/deployments",
    response=list_of(resources.OnlineDeployment),
    summary="List the deployments of an online endpoint",
)
def online_deployment_list(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    endpoint = _find_endpoint(find_workspace(request, workspace_path), name)
    return api.paginate(request, _list_deployments(endpoint), resources.OnlineDeployment)


@router.get(
    "/{name}/deployments/{deployment}",
    response=resources.OnlineDeployment,
    summary="Get a deployment with its state",
)
def online_deployment_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, deployment: str):
    found = _find_deployment(find_workspace(request, workspace_path), name, deployment)
    return resources.OnlineDeployment.of(found)


@router.put(
    "/{name}/deployments/{deployment}",
    response={200: resources.OnlineDeployment, 201: resources.OnlineDeployment},
    summary="Create a deployment, or change it; while it starts, the header Azure-AsyncOperation says where to ask",
)
def online_deployment_put(
    request: HttpRequest,
    response: HttpResponse,
    workspace_path: Path[WorkspacePath],
    name: str,
    deployment: str,
    body: resources.OnlineDeploymentUpdate,
):
    workspace = find_workspace(request, workspace_path, "edit")
    _, is_new = deployments.put_deployment(request.auth, _find_endpoint(workspace, name), deployment, body)
    row = _find_deployment(workspace, name, deployment)
    if row.newest and row.newest.stage == Revision.State.TRANSITIONING:
        address = f"{resources.id_of(row)}/operations/{row.newest.number}"
        response["Azure-AsyncOperation"] = public_url(
            f"{address}?api-version={request.GET.get('api-version', '')[:40]}"
        )
        response["Retry-After"] = str(POLL_SECONDS)
    return Status(201 if is_new else 200, resources.OnlineDeployment.of(row))


@router.get(
    "/{name}/deployments/{deployment}/operations/{number}",
    response=resources.OnlineOperation,
    summary="Whether a revision of a deployment is ready",
)
def online_operation_read(
    request: HttpRequest,
    response: HttpResponse,
    workspace_path: Path[WorkspacePath],
    name: str,
    deployment: str,
    number: int,
):
    row = _find_deployment(find_workspace(request, workspace_path), name, deployment)
    revision = row.revisions.select_related("endpoint__workspace__resource_group__subscription")
    found = revision.filter(number=number).first()
    if found is None:
        raise Http404(f"ResourceNotFound: the deployment {deployment} has no revision {number}.")
    response["Retry-After"] = str(POLL_SECONDS)
    return resources.OnlineOperation.of(found)


@router.delete("/{name}/deployments/{deployment}", response=Nothing, summary="Stop and delete a deployment")
def online_deployment_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, deployment: str):
    row = _find_deployment(find_workspace(request, workspace_path, "edit"), name, deployment)
    share = _find_endpoint(row.workspace, name).shares[deployment]
    if share:
        raise Conflict(f"{deployment} gets {share} % of the requests. Set its traffic to 0 first.", target="traffic")
    row.remove()
    return {}


@router.post(
    "/{name}/deployments/{deployment}/getLogs",
    response=resources.OnlineLogs,
    summary="Get the last lines of a deployment's log",
)
def online_deployment_logs(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    deployment: str,
    body: resources.OnlineLogsRequest,
):
    row = _find_deployment(find_workspace(request, workspace_path), name, deployment)
    lines = row.newest.shown_log.splitlines(keepends=True) if row.newest else []
    return resources.OnlineLogs(content="".join(lines[-body.tail :] if body.tail else lines))
