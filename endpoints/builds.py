"""Builds of environments for replicas: cancel one, or build once more (`compute.work_kinds.WorkKind`)."""

from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from assets import rebuilds
from compute.models import Work
from endpoints import deployment, work_kind
from endpoints.models import Revision
from studio.errors import Conflict
from workspaces.access import can


def may_change(work: Work, actor: Actor) -> bool:
    return can(actor, "edit", work.target.workspace)


def _find_revision(work: Work) -> Revision:
    revision = work_kind.find_revision(work)
    if revision is None:
        raise Conflict("The endpoint of this build was deleted.")
    return revision


def cancel_build(work: Work, actor: Actor) -> None:
    """Give up a revision that is not ready."""
    revision = _find_revision(work)
    if revision.stage != Revision.State.TRANSITIONING:
        raise Conflict(f"{revision} answers requests: deploy another revision, or change its number of replicas.")
    with transaction.atomic():
        revision.fail(f"{actor.user.label} canceled the build of its environment.")
        changes = {"stage": [Revision.State.TRANSITIONING.value, Revision.State.FAILED.value]}
        activity.record("endpoint.edit", revision.endpoint, scope=revision.endpoint.workspace, changes=changes)


def rebuild(work: Work, actor: Actor) -> None:
    """Deploy a new revision whose environment is built again, with the newest matching packages."""
    revision = _find_revision(work)
    # Part of the cache's key on each machine, like the numbers of the versions' rebuilds, which are far smaller.
    number = int(timezone.now().timestamp())
    deployment.deploy_again(actor, revision, environment={**revision.environment, rebuilds.MARK: number})
