"""From models, an entry script and an environment to a revision that is kept up on a node."""

import dataclasses

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from accounts.actors import Actor
from accounts.models import User
from assets import environments, rebuilds
from compute import queue, sizes
from compute.models import ComputeTarget, Resources
from endpoints import rules, work_kind
from endpoints.models import Endpoint, Revision
from registry.models import ModelVersion
from runs.models import Snapshot
from studio import storage
from studio.errors import Invalid
from workspaces import access
from workspaces.models import Workspace

FOLDER = "endpoints"
MAX_MODELS = 1000
START_SECONDS = 900
# So long a revision that was replaced may finish what it has.
GRACE_SECONDS = 75


@dataclasses.dataclass(frozen=True)
class Deployment:
    """What a revision is made of. Without a target it runs on this machine."""

    models: list[ModelVersion]
    entry_script: str
    snapshot: Snapshot
    environment_id: str | None = None
    environment: dict | None = None
    target: ComputeTarget | None = None
    concurrency: int = 1
    timeout_seconds: float = 60.0


def deploy(actor: Actor, endpoint: Endpoint, deployment: Deployment) -> Revision:
    """Start a new revision; the present one answers until it is ready."""
    access.require(actor, "edit", endpoint.workspace)
    workspace = endpoint.workspace
    _check(deployment)
    found, version = environments.resolve_environment(workspace, deployment.environment_id, deployment.environment)
    key = storage.make_key(f"{workspace.storage_area}/{FOLDER}")
    storage.put_stream(key, storage.stream_object(deployment.snapshot.key, 0, deployment.snapshot.size))
    with transaction.atomic():
        target = deployment.target or find_container_target(workspace, actor.user)
        newest = endpoint.revisions.aggregate(newest=Max("number"))["newest"] or 0
        revision = Revision.objects.create(
            endpoint=endpoint,
            number=newest + 1,
            entry_script=deployment.entry_script,
            code_key=key,
            code_size=deployment.snapshot.size,
            environment={**found, **rebuilds.build_mark(workspace, version)},
            environment_name=found.get("name") or "",
            settings={"concurrency": deployment.concurrency, "timeoutSeconds": deployment.timeout_seconds},
            target=target,
            created_by=actor.user,
        )
        revision.model_versions.set(deployment.models)
        _give_up_unfinished(endpoint, revision)
        resources = Resources(0, 0.0)
        revision.work = queue.enqueue(
            target, work_kind.scope_of(revision), _make_spec(revision), actor.user, resources=resources
        )
        revision.save(update_fields=["work"])
        Endpoint.objects.filter(pk=endpoint.pk).update(newest=revision)
        endpoint.newest = revision
    return revision


def _give_up_unfinished(endpoint: Endpoint, revision: Revision) -> None:
    for other in endpoint.revisions.filter(stage=Revision.State.TRANSITIONING).exclude(pk=revision.pk):
        other.stop(f"Revision {revision.number} was deployed before this one was ready.")


def _check(deployment: Deployment) -> None:
    rules.ENTRY_SCRIPT.check(deployment.entry_script)
    if len(deployment.models) > MAX_MODELS:
        raise Invalid(f"{len(deployment.models)} models are too many: {MAX_MODELS} are allowed.", target="models")
    there = [file["path"] for file in deployment.snapshot.files]
    if deployment.entry_script not in there:
        raise Invalid(
            f"The folder has no {deployment.entry_script}; it has {', '.join(there[:10]) or 'no files'}.",
            target="entryScript",
        )


def find_container_target(workspace: Workspace, user: User) -> ComputeTarget:
    """What holds the services of a workspace that run on a machine of the studio's own, called Container instance."""
    fields = {"location": workspace.location, "vm_size": sizes.suggest_size(), "created_by": user}
    found, _ = ComputeTarget.objects.get_or_create(
        workspace=workspace, name=ComputeTarget.CONTAINERS, kind=ComputeTarget.Kind.CONTAINER, defaults=fields
    )
    return found


def _make_spec(revision: Revision) -> dict:
    return {
        "name": f"{revision.endpoint.name} (revision {revision.number})",
        "server_url": settings.PUBLIC_URL,
        "index_url": f"{settings.PUBLIC_URL}/pypi/simple/",
        "argv": ["python", "-m", "lazuli.scoring.replica", "{socket}"],
        "environment": revision.environment,
        "listen": "unix",
        "health_path": "/",
        "start_seconds": START_SECONDS,
        "grace_seconds": GRACE_SECONDS,
    }
