"""Deploy models, an entry script and an environment as a revision that is kept up on a node; an MLflow model needs no
entry script (endpoints/mlflow_models.py). When it has failed: `Revision` in endpoints/models.py. A model that a revision serves cannot be deleted (`check_not_served`)."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts import activity
from accounts.actors import Actor
from accounts.models import User
from assets import environments, rebuilds
from compute import sizes
from compute.models import ComputeTarget
from endpoints import mlflow_models, rules, scaling
from endpoints.models import Endpoint, Revision
from registry.access import pick_version
from registry.models import Model, ModelVersion
from runs.models import Snapshot
from studio import storage
from studio.errors import Conflict, Invalid
from workspaces import access
from workspaces.models import Workspace

FOLDER = "endpoints"
MAX_MODELS = 1000
# The stages of revisions that serve nothing any more.
GONE = (Revision.State.FAILED, Revision.State.STOPPED)


@dataclasses.dataclass(frozen=True)
class Deployment:
    """The parts of a revision. Without a target it runs on this machine."""

    models: list[ModelVersion]
    # Both are empty for an MLflow model without an entry script.
    entry_script: str = ""
    snapshot: Snapshot | None = None
    environment_id: str | None = None
    environment: dict | None = None
    target: ComputeTarget | None = None
    concurrency: int = 1
    timeout_seconds: float = 60.0
    min_replicas: int = 1
    max_replicas: int = 1
    # What each replica reserves of its node; it may not use more memory. Without them it shares the node.
    cores: int | None = None
    memory_gb: float | None = None
    # Seconds after the last request until only the minimum of replicas runs.
    idle_seconds: int = 300
    # SDK v1's compute type; empty for that of the target.
    compute_type: str = ""
    # In addition to those of the environment.
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    # What Azure's v2 has sent (endpoints/online/deployments.py), and what of it has no effect, for the log.
    online: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def deploy_revision(actor: Actor, endpoint: Endpoint, deployment: Deployment) -> Revision:
    """Start a new revision; the current one answers until it is ready."""
    access.require(actor, "edit", endpoint.workspace)
    if endpoint.has_versions:
        raise Conflict(f"{endpoint.name} has versions: deploy one of them, or a new one as {endpoint.name}.VERSION.")
    workspace = endpoint.workspace
    _check(deployment)
    definition = deployment.environment
    if deployment.snapshot is None and not deployment.environment_id and definition is None:
        definition = mlflow_models.make_environment(deployment.models[0])
    found, version = environments.resolve_environment(workspace, deployment.environment_id, definition)
    code_size = deployment.snapshot.size if deployment.snapshot else 0
    key = _copy_code(workspace, deployment.snapshot.key if deployment.snapshot else "", code_size)
    with transaction.atomic():
        target = deployment.target or find_container_target(workspace, actor.user)
        newest = endpoint.revisions.aggregate(newest=Max("number"))["newest"] or 0
        revision = Revision.objects.create(
            endpoint=endpoint,
            number=newest + 1,
            entry_script=deployment.entry_script,
            code_key=key,
            code_size=code_size,
            environment=_add_variables({**found, **rebuilds.build_mark(workspace, version)}, deployment.variables),
            environment_name=found.get("name") or "",
            settings=_describe_settings(deployment),
            log="".join(f"{note}\n" for note in deployment.notes),
            min_replicas=deployment.min_replicas,
            max_replicas=deployment.max_replicas,
            target=target,
            created_by=actor.user,
        )
        revision.model_versions.set(deployment.models)
        _begin(endpoint, revision)
    return revision


def _describe_settings(deployment: Deployment) -> dict[str, Any]:
    reserved = {"cores": deployment.cores, "memoryGB": deployment.memory_gb}
    return {
        "concurrency": deployment.concurrency,
        "timeoutSeconds": deployment.timeout_seconds,
        "idleSeconds": deployment.idle_seconds,
        "computeType": deployment.compute_type,
        "codeDigest": deployment.snapshot.digest if deployment.snapshot else "",
        **{name: value for name, value in reserved.items() if value is not None},
        **({"online": deployment.online} if deployment.online else {}),
    }


def _add_variables(environment: dict, variables: dict[str, str]) -> dict:
    if not variables:
        return environment
    return {**environment, "environmentVariables": {**(environment.get("environmentVariables") or {}), **variables}}


def _copy_code(workspace: Workspace, key: str, size: int) -> str:
    """The key of a copy of the entry script's folder; empty without one."""
    if not key:
        return ""
    copy = storage.make_key(f"{workspace.storage_area}/{FOLDER}")
    storage.put_stream(copy, storage.stream_object(key, 0, size))
    return copy


def _give_up_unfinished(endpoint: Endpoint, revision: Revision) -> None:
    for other in endpoint.revisions.filter(stage=Revision.State.TRANSITIONING).exclude(pk=revision.pk):
        other.stop(f"Revision {revision.number} was deployed before this one was ready.")


def _check(deployment: Deployment) -> None:
    scaling.check_bounds(deployment.min_replicas, deployment.max_replicas)
    if len(deployment.models) > MAX_MODELS:
        raise Invalid(f"{len(deployment.models)} models are too many: {MAX_MODELS} are allowed.", target="models")
    if deployment.snapshot is None:
        mlflow_models.check_models(deployment.models)
        return
    rules.ENTRY_SCRIPT.check(deployment.entry_script)
    there = [file["path"] for file in deployment.snapshot.files]
    if deployment.entry_script not in there:
        raise Invalid(
            f"The folder has no {deployment.entry_script}; it has {', '.join(there[:10]) or 'no files'}.",
            target="entryScript",
        )


def find_container_target(workspace: Workspace, user: User) -> ComputeTarget:
    """The internal target for services without a cluster, called Container instance."""
    fields = {"location": workspace.location, "vm_size": sizes.suggest_size(), "created_by": user}
    found, _ = ComputeTarget.objects.get_or_create(
        workspace=workspace, name=ComputeTarget.CONTAINERS, kind=ComputeTarget.Kind.CONTAINER, defaults=fields
    )
    return found


def deploy_again(
    actor: Actor,
    revision: Revision,
    endpoint: Endpoint | None = None,
    models: list[ModelVersion] | None = None,
    environment: dict | None = None,
) -> Revision:
    """Deploy a new revision with the same code, environment and settings, also of another endpoint or other models, or
    with another environment."""
    endpoint = endpoint or revision.endpoint
    access.require(actor, "edit", endpoint.workspace)
    if models is None:
        models = list(revision.model_versions.select_related("model"))
    elif not revision.entry_script:
        mlflow_models.check_models(models)
    gone = next((one for one in models if one.deleted_at), None)
    if gone:
        raise Conflict(f"{gone} is in the trash. Restore it first, or deploy another version.", code="in_trash")
    key = _copy_code(endpoint.workspace, revision.code_key, revision.code_size)
    with transaction.atomic():
        newest = endpoint.revisions.aggregate(newest=Max("number"))["newest"] or 0
        again = Revision.objects.create(
            endpoint=endpoint,
            number=newest + 1,
            entry_script=revision.entry_script,
            code_key=key,
            code_size=revision.code_size,
            environment=environment or revision.environment,
            environment_name=revision.environment_name,
            settings=revision.settings,
            min_replicas=revision.min_replicas,
            max_replicas=revision.max_replicas,
            target=revision.target or find_container_target(endpoint.workspace, actor.user),
            created_by=actor.user,
        )
        again.model_versions.set(models)
        _begin(endpoint, again)
        activity.record("endpoint.edit", endpoint, scope=endpoint.workspace, changes={"revision": [newest, newest + 1]})
    return again


def _begin(endpoint: Endpoint, revision: Revision) -> None:
    """Start the revision with as many replicas as are ready now; later the load decides."""
    _give_up_unfinished(endpoint, revision)
    present = endpoint.current.wanted if endpoint.current else 1
    scaling.scale_revision(revision, min(max(revision.min_replicas, present, 1), revision.max_replicas))
    Endpoint.objects.filter(pk=endpoint.pk).update(newest=revision)
    endpoint.newest = revision


def check_not_served(versions: Iterable[ModelVersion]) -> None:
    """Raises Conflict if a deployed revision uses one of them."""
    used = Revision.model_versions.through.objects.filter(modelversion__in=versions).exclude(revision__stage__in=GONE)
    found = used.select_related("modelversion__model", "revision__endpoint").first()
    if found:
        raise Conflict(
            f"The endpoint {found.revision.endpoint.name} serves {found.modelversion}. Deploy another version or delete "
            "the endpoint first.",
            code="in_use",
        )


def find_model(workspace: Workspace, reference: str) -> ModelVersion:
    """The version that NAME:VERSION names, or an ARM id; `azureml:` may stand before."""
    text = reference.removeprefix("azureml:").rstrip("/")
    if "/models/" in text:
        name, _, number = text.rpartition("/models/")[2].partition("/versions/")
    else:
        name, _, number = text.rpartition(":")
    model = Model.objects.present().filter(workspace=workspace, name=name).first()
    found = pick_version(model, number) if model else None
    if found is None:
        raise Invalid(f"ModelNotFound: the workspace has no model {reference[:200]!r}.", target="models")
    return found
