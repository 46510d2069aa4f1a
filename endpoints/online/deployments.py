"""Online endpoints of Azure's v2 as endpoints with versions: what is sent becomes a revision, and what has no effect is
named in its log."""

from typing import Any

from accounts.actors import Actor
from assets import variables
from compute.models import ComputeTarget
from endpoints import deployment, rules, scaling
from endpoints.models import Endpoint, Revision
from endpoints.online.resources import OnlineDeploymentUpdate, OnlineEndpointUpdate
from runs.submission import find_snapshot
from studio.errors import Conflict, Invalid
from workspaces.models import Workspace

# Settings that are stored and returned, with the reason for which they have no effect.
WITHOUT_EFFECT = {
    "livenessProbe": "a replica that does not answer GET / for a minute is started again",
    "readinessProbe": "a replica is ready when init() has returned",
    "startupProbe": "init() may take 15 minutes",
    "instanceType": "replicas run beside the jobs of their machine, without cores and memory of their own",
    "containerResourceRequirements": "replicas share their node; the form of the page and SDK v1's REST reserve a part of it",
    "egressPublicNetworkAccess": "the network of replicas is that of their machine",
    "privateNetworkConnection": "the network of replicas is that of their machine",
}
# What decides how many replicas there are, which no new revision is needed for.
SCALING = ("scaleSettings",)
SHARE_FOR_MORE = round(scaling.UTILIZATION * 100)


def put_endpoint(actor: Actor, workspace: Workspace, name: str, body: OnlineEndpointUpdate) -> tuple[Endpoint, bool]:
    """Create or change an endpoint; returns whether it is new."""
    given = body.properties
    target = _find_cluster(workspace, given.compute)
    fields: dict[str, Any] = {
        "description": given.description or "",
        "tags": body.tags or {},
        "properties": given.properties or {},
        "auth_enabled": given.authMode == "Key",
        "token_auth_enabled": given.authMode == "AMLToken",
    }
    present = Endpoint.objects.select_related("workspace", "target").filter(workspace=workspace, name=name).first()
    if present is None:
        if given.traffic or given.mirrorTraffic:
            raise Invalid(f"{name} has no deployments yet: set the traffic once they exist.", target="traffic")
        return Endpoint.create(workspace, actor.user, name, has_versions=True, target=target, **fields), True
    _check_has_versions(present)
    if present.target != target:
        raise Conflict("The compute of an endpoint cannot be changed: create another endpoint.", target="compute")
    present.change(**_pick_changed(present, fields))
    if given.traffic is not None or given.mirrorTraffic is not None:
        present.divide_traffic(
            present.shares if given.traffic is None else given.traffic,
            present.mirrors if given.mirrorTraffic is None else given.mirrorTraffic,
        )
    return present, False


def _check_has_versions(endpoint: Endpoint) -> None:
    if not endpoint.has_versions:
        raise Conflict(
            f"{endpoint.name} is a web service of SDK v1 without versions. Choose another name.", target="name"
        )


def _pick_changed(row: Endpoint, fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if getattr(row, name) != value}


def _find_cluster(workspace: Workspace, compute: str | None) -> ComputeTarget | None:
    if not compute:
        return None
    name = compute.removeprefix("azureml:").rstrip("/").rpartition("/")[2]
    found = workspace.compute_targets.present().for_services().filter(name__iexact=name).first()
    if found is None:
        raise Invalid(f"There is no compute cluster {name[:60]!r} here.", target="compute")
    return found


def put_deployment(actor: Actor, endpoint: Endpoint, name: str, body: OnlineDeploymentUpdate) -> tuple[Endpoint, bool]:
    """Create a deployment, or change it: its next revision, unless only the number of replicas or words differ."""
    wanted = _read_deployment(endpoint, body)
    given = body.properties
    fields = {"description": given.description or "", "tags": body.tags or {}, "properties": given.properties or {}}
    version = Endpoint.objects.with_state().filter(parent=endpoint, name=f"{endpoint.name}.{name}").first()
    is_new = version is None
    if version is None:
        version = Endpoint.create_version(endpoint, actor.user, name, is_default=False, **fields)
    else:
        version.change(**_pick_changed(version, fields))
    try:
        if is_new or not _is_deployed(version.newest, wanted):
            deployment.deploy_revision(actor, version, wanted)
        elif (version.newest.min_replicas, version.newest.max_replicas) != (wanted.min_replicas, wanted.max_replicas):
            scaling.change_bounds(version, wanted.min_replicas, wanted.max_replicas)
    except Invalid:
        if is_new:
            version.remove()
        raise
    switches = {"has_insights": bool(given.appInsightsEnabled), "collects_data": _wants_data(given.dataCollector)}
    endpoint.change(**{name: True for name, is_wanted in switches.items() if is_wanted and not getattr(endpoint, name)})
    return version, is_new


def _is_deployed(newest: Revision | None, wanted: deployment.Deployment) -> bool:
    """Whether this revision is what is sent, which names only things that never change."""
    if newest is None or newest.stage not in (Revision.State.TRANSITIONING, Revision.State.HEALTHY):
        return False
    return bool(newest.settings.get("online") == wanted.online)


def _read_deployment(endpoint: Endpoint, body: OnlineDeploymentUpdate) -> deployment.Deployment:
    given, workspace = body.properties, endpoint.workspace
    _refuse(endpoint, body)
    options = given.requestSettings
    minimum, maximum = _read_bounds(body)
    snapshot = find_snapshot(workspace, given.codeConfiguration.codeId) if given.codeConfiguration else None
    if given.codeConfiguration and snapshot is None:
        raise Invalid("The folder of the scoring script is missing: upload it first.", target="codeId")
    return deployment.Deployment(
        models=[deployment.find_model(workspace, given.model)] if given.model else [],
        entry_script=given.codeConfiguration.scoringScript if given.codeConfiguration else "",
        snapshot=snapshot,
        environment_id=given.environmentId,
        target=endpoint.target,
        concurrency=(options and options.maxConcurrentRequestsPerInstance) or 1,
        timeout_seconds=rules.read_seconds(options.requestTimeout) if options and options.requestTimeout else 60.0,
        min_replicas=minimum,
        max_replicas=maximum,
        compute_type="AKS",
        variables=variables.check_variables(given.environmentVariables, "environmentVariables"),
        online=_keep_sent(body),
        notes=_explain_unused(body),
    )


def _refuse(endpoint: Endpoint, body: OnlineDeploymentUpdate) -> None:
    given = body.properties
    if (given.endpointComputeType == "Kubernetes") != bool(endpoint.target):
        kind = "Kubernetes" if endpoint.target else "Managed"
        raise Invalid(f"{endpoint.name} takes deployments of the kind {kind}.", target="endpointComputeType")
    if given.modelMountPath:
        raise Invalid(
            "Models cannot be mounted at a path that you choose: read AZUREML_MODEL_DIR instead.",
            target="modelMountPath",
        )


def _read_bounds(body: OnlineDeploymentUpdate) -> tuple[int, int]:
    scale = body.properties.scaleSettings
    count = (body.sku and body.sku.capacity) or 1
    if scale is None or scale.scaleType == "Default":
        return count, count
    minimum = count if scale.minInstances is None else scale.minInstances
    return minimum, max(minimum, count) if scale.maxInstances is None else scale.maxInstances


def _keep_sent(body: OnlineDeploymentUpdate) -> dict[str, Any]:
    """The settings of a revision as they were sent, for the answers of later requests."""
    left_out = {"endpointComputeType", "description", "properties", "appInsightsEnabled", "model", *SCALING}
    sent = body.properties.model_dump(exclude_none=True, exclude=left_out)
    # Compared with those of the next request; answers have the model of the revision.
    return {**sent, "sentModel": body.properties.model} if body.properties.model else sent


def _wants_data(collector: dict[str, Any] | None) -> bool:
    """Whether a collection of Azure's data collector is on."""
    collections = (collector or {}).get("collections")
    found = collections.values() if isinstance(collections, dict) else []
    return any(isinstance(one, dict) and one.get("dataCollectionMode") == "Enabled" for one in found)


def _explain_unused(body: OnlineDeploymentUpdate) -> tuple[str, ...]:
    given = body.properties
    notes = [f"{name} has no effect: {why}." for name, why in WITHOUT_EFFECT.items() if getattr(given, name)]
    if given.requestSettings and given.requestSettings.maxQueueWait:
        notes.append("maxQueueWait has no effect: requests wait for a turn as long as requestTimeout.")
    if _wants_data(given.dataCollector):
        notes.append(
            "dataCollector collects the bodies of all requests and answers of the endpoint; it has no options."
        )
    scale = given.scaleSettings
    if scale and (scale.targetUtilizationPercentage or SHARE_FOR_MORE) != SHARE_FOR_MORE:
        notes.append(f"targetUtilizationPercentage has no effect: replicas are added above {SHARE_FOR_MORE} %.")
    return tuple(notes)
