"""Services over REST, for SDK v1's `Webservice`."""

from django.http import Http404, HttpRequest
from ninja import Path, Router, Status

from accounts.models import User
from endpoints import deployment, resources, scaling
from endpoints.keys import read_authentication
from endpoints.models import Endpoint
from runs.submission import find_snapshot
from studio import api
from studio.errors import Conflict, Invalid
from studio.schemas import Nothing, list_of
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["services"])


def find_endpoint(workspace: Workspace, name: str) -> Endpoint:
    found = Endpoint.objects.with_state().filter(workspace=workspace, name=name).first()
    if found is None:
        raise Http404(f"WebserviceNotFound: the workspace {workspace.name} has no service {name!r}.")
    return found


def _find_key_holder(workspace: Workspace, name: str) -> Endpoint:
    """Versions are called with the keys of their endpoint."""
    found = find_endpoint(workspace, name)
    return found.parent or found


@router.get("/services", response=list_of(resources.Service), summary="List the services")
def service_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = find_workspace(request, workspace_path)
    rows = Endpoint.objects.with_state().without_versions().filter(workspace=workspace)
    return api.paginate(request, rows, resources.Service)


@router.get("/services/{name}", response=resources.Service, summary="Get a service with its state")
def service_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.Service.of(find_endpoint(find_workspace(request, workspace_path), name))


@router.put("/services/{name}", response={201: resources.Service}, summary="Deploy models as a service, or a version")
def service_create(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.ServiceCreate):
    workspace = find_workspace(request, workspace_path, "edit")
    if (body.deployment is None) != body.hasVersions:
        raise Invalid("A new service needs a deployment, unless hasVersions is set.", target="deployment")
    wanted = _read_deployment(workspace, body.deployment) if body.deployment else None
    present = Endpoint.objects.filter(workspace=workspace, name=name).select_related("workspace", "parent").first()
    if present and body.overwrite:
        endpoint = present
        endpoint.change(**_changes(body))
    else:
        endpoint = _create(request.auth.user, workspace, name, body)
    try:
        _change_version(endpoint, body)
        if wanted:
            deployment.deploy_revision(request.auth, endpoint, wanted)
    except Invalid:
        if not present:
            endpoint.remove()
        raise
    return Status(201, resources.Service.of(find_endpoint(workspace, name)))


def _create(user: User, workspace: Workspace, name: str, body: resources.ServiceCreate) -> Endpoint:
    parent_name, _, version = name.partition(".")
    if version:
        return Endpoint.create_version(find_endpoint(workspace, parent_name), user, version, **_changes(body))
    keys = (body.primaryKey, body.secondaryKey)
    return Endpoint.create(workspace, user, name, keys, has_versions=body.hasVersions, **_changes(body))


def _change_version(endpoint: Endpoint, body: resources.ServiceUpdate) -> None:
    """Share of the traffic, and whether it is the default."""
    if body.trafficPercentile is None and body.isDefault is None and body.isControl is None:
        return
    if endpoint.parent is None:
        raise Invalid(
            f"{endpoint.name} is not a version: trafficPercentile, isDefault and isControl are for ENDPOINT.VERSION.",
            target="trafficPercentile",
        )
    if body.trafficPercentile is not None:
        endpoint.parent.change_traffic({endpoint.version_name: body.trafficPercentile})
    if body.isDefault:
        endpoint.parent.change_default(endpoint)
    elif body.isDefault is False and endpoint.is_default:
        raise Invalid("Make another version the default one instead.", target="isDefault")
    if body.isControl is not None:
        endpoint.change(is_control=body.isControl)


@router.patch("/services/{name}", response=resources.Service, summary="Change a service, or deploy its next revision")
def service_update(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.ServiceUpdate):
    workspace = find_workspace(request, workspace_path, "edit")
    endpoint = find_endpoint(workspace, name)
    endpoint.change(**_changes(body))
    _change_version(endpoint, body)
    if body.deployment:
        deployment.deploy_revision(request.auth, endpoint, _read_deployment(workspace, body.deployment))
    elif body.minReplicas is not None or body.maxReplicas is not None:
        _scale(endpoint, body)
    return resources.Service.of(find_endpoint(workspace, name))


def _scale(endpoint: Endpoint, body: resources.ServiceUpdate) -> None:
    shown = endpoint.current or endpoint.newest
    if shown is None:
        raise Conflict(f"{endpoint.name} has no revision to scale.")
    minimum = shown.min_replicas if body.minReplicas is None else body.minReplicas
    maximum = shown.max_replicas if body.maxReplicas is None else body.maxReplicas
    scaling.change_bounds(endpoint, minimum, maximum)


@router.delete("/services/{name}", response=Nothing, summary="Stop and delete a service")
def service_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    find_endpoint(find_workspace(request, workspace_path, "edit"), name).remove()
    return {}


@router.post("/services/{name}/listkeys", response=resources.ServiceKeys, summary="Read the keys of a service")
def service_keys(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    endpoint = _find_key_holder(find_workspace(request, workspace_path, "edit"), name)
    if endpoint.token_auth_enabled:
        raise Conflict(f"{name} uses token-based authentication and has no keys: get a token.")
    return resources.ServiceKeys(primaryKey=endpoint.keys[0], secondaryKey=endpoint.keys[1])


@router.post("/services/{name}/regenerateKeys", response=resources.ServiceKeys, summary="Regenerate a key")
def service_new_key(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.KeyRegeneration
):
    endpoint = _find_key_holder(find_workspace(request, workspace_path, "edit"), name)
    if body.keyType not in Endpoint.Key.values:
        raise Invalid(f"keyType={body.keyType[:40]!r}: write Primary or Secondary.", target="keyType")
    endpoint.regenerate_key(body.keyType, body.keyValue)
    return resources.ServiceKeys(primaryKey=endpoint.keys[0], secondaryKey=endpoint.keys[1])


@router.post("/services/{name}/token", response=resources.ServiceToken, summary="Get a token for requests to a service")
def service_token(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.ServiceToken.of(_find_key_holder(find_workspace(request, workspace_path, "edit"), name))


@router.get("/services/{name}/logs", response=resources.ServiceLogs, summary="Get the log of the latest revision")
def service_logs(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    newest = find_endpoint(find_workspace(request, workspace_path), name).newest
    return resources.ServiceLogs(revision=newest.number if newest else 0, content=newest.shown_log if newest else "")


def _changes(body: resources.ServiceUpdate) -> dict:
    given = {
        "description": body.description,
        "tags": body.tags,
        "properties": body.properties,
        "has_insights": body.appInsightsEnabled,
        "collects_data": body.collectModelData,
    }
    found = {name: value for name, value in given.items() if value is not None}
    return {**found, **read_authentication(body.authEnabled, body.tokenAuthEnabled)}


def _read_deployment(workspace: Workspace, body: resources.DeploymentUpdate) -> deployment.Deployment:
    snapshot = find_snapshot(workspace, body.codeId)
    if body.entryScript and snapshot is None:
        raise Invalid("The folder of the entry script is missing: upload it first.", target="codeId")
    if snapshot and not body.entryScript:
        raise Invalid("The entry script is missing: write its path in the folder.", target="entryScript")
    target = None
    if body.computeName:
        target = workspace.compute_targets.present().for_services().filter(name__iexact=body.computeName).first()
        if target is None:
            raise Invalid(f"There is no compute cluster {body.computeName[:60]!r} here.", target="computeName")
    return deployment.Deployment(
        models=[deployment.find_model(workspace, reference) for reference in body.models],
        entry_script=body.entryScript or "",
        snapshot=snapshot,
        environment_id=body.environmentId,
        environment=body.environmentDefinition,
        target=target,
        concurrency=body.concurrency,
        timeout_seconds=body.timeoutSeconds,
        min_replicas=body.minReplicas,
        max_replicas=body.maxReplicas,
        idle_seconds=body.idleSeconds,
        cores=body.cores,
        memory_gb=body.memoryGB,
        compute_type=body.computeType,
    )
