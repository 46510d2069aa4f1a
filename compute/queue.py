"""The work queue. Its rows decide, and every step is one conditional UPDATE.

A unit of work is queued, claimed by a node for a lease that its runner renews, and then done, canceled or lost; kept-up
work is queued again when its process ends. Each claim increments `attempt`; a write with an older attempt is refused.
"""

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Count, F, IntegerField, Max, Value, When
from django.utils import timezone

from accounts.models import User
from compute import gangs, holds, notifications, work_kinds
from compute.models import Assignment, ComputeTarget, Node, Resources, Work
from studio.errors import Conflict, Invalid

# If several nodes try to claim the same work, one wins; the others try the next few.
CANDIDATES = 5
# How long smaller work may overtake work that needs more of a node than is free.
PATIENCE = dt.timedelta(minutes=2)
# The largest value of a SmallIntegerField.
MAX_PRIORITY = 32_767


def enqueue(
    target: ComputeTarget,
    scope: str,
    spec: dict,
    user: User,
    priority: int = 0,
    resources: Resources | None = None,
    node_count: int = 1,
) -> Work:
    """Store work inside the caller's transaction; nodes and autoscaler are notified when it commits.

    `resources` is the part of its node that it uses; by default the whole node.
    """
    # Work of an unregistered kind could get no token.
    kind = work_kinds.kind_of(scope)
    if target.state == ComputeTarget.State.DELETING or target.deleted_at:
        raise Conflict(f"The compute target {target.name} is being deleted; choose another one.", target="computeId")
    holds.check_new_work(target, user)
    fields: dict[str, Any] = (
        {"cores": resources.cores, "memory_gb": resources.memory_gb, "gpus": resources.gpus} if resources else {}
    )
    if resources and not target.node_resources.has_space_for(resources):
        raise Invalid(_describe_too_large(target, resources), target="resources")
    max_nodes = target.scale_settings.max_nodes
    if node_count > max_nodes:
        raise Invalid(
            f"instanceCount={node_count}: {target.name} has at most {max_nodes} nodes.",
            target="resources/instanceCount",
        )
    work = Work.objects.create(
        target=target,
        scope=scope,
        spec=spec,
        life=kind.life,
        submitted_by=user,
        priority=priority,
        node_count=node_count,
        **fields,
    )
    notifications.notify_cluster(target.pk)
    notifications.notify_autoscaler()
    return work


def _describe_too_large(target: ComputeTarget, resources: Resources) -> str:
    whole = target.node_resources
    return (
        f"{resources.cores} cores, {resources.memory_gb:g} GB and {resources.gpus} GPUs are more than a node of {target.name} has: "
        f"{whole.cores} cores, {whole.memory_gb:g} GB and {whole.gpus} GPUs."
    )


def has_work_for(node: Node, held: Collection[uuid.UUID] = ()) -> bool:
    """Whether a node with this work would get more with a claim."""
    return _unanswered(node, held).exists() or _candidates(node, held).exists()


def claim_work(node: Node, held: Collection[uuid.UUID] = ()) -> Work | None:
    """Claim the next work for a node with the `held` work; None if there is none or the node is leaving.

    If work was assigned to the node and is not in `held`, the response was lost: the node gets it again, as a new
    attempt.
    """
    queued = Work.objects.queued().filter(target=node.target_id)
    if not queued.exists() and not _unanswered(node, held).exists():
        return None
    with transaction.atomic():
        _lock_for_gangs(node)
        if not node.start_running():
            return None
        for assignment in _unanswered(node, held).select_related("work"):
            if _assign_again(assignment):
                return _read_work(assignment.work_id)
        # Read the free resources again, now that no other claim can assign work to this node.
        for work in list(_candidates(node, held)[:CANDIDATES]):
            if _assign(work, node):
                return _read_work(work.pk)
            if work.node_count > 1 and gangs.waits_for_busy_nodes(work):
                # Later work would use the nodes that it waits for.
                break
        node.become_idle()
    return None


def _lock_for_gangs(node: Node) -> None:
    """Lock the target, because two nodes that each need the other would wait for each other."""
    if Work.objects.queued().filter(target=node.target_id, node_count__gt=1).exists():
        ComputeTarget.objects.select_for_update().filter(pk=node.target_id).first()


def _unanswered(node: Node, held: Collection[uuid.UUID]):
    return node.assignments.current().filter(work__state=Work.State.CLAIMED).exclude(work__in=held)


def _candidates(node: Node, held: Collection[uuid.UUID]):
    """Queued work of its target that fits on the node. Work that it has not ended yet is not started there again."""
    if node.is_draining:
        return Work.objects.none()
    resources = node.free_resources()
    for left in _ended_but_held(node, held):
        resources -= left
    startable = Work.objects.startable(timezone.now()).filter(target=node.target_id).exclude(pk__in=held).defer("spec")
    if resources.cores < node.resources.cores and _keeps_space(
        order_by_share(startable, node.target_id).first(), node, resources
    ):
        return Work.objects.none()
    return order_by_share(startable.filter_fitting(resources, node.resources), node.target_id)


def _keeps_space(first: Work | None, node: Node, resources: Resources) -> bool:
    """Whether a node with work accepts no more, because the first in the queue has waited long enough for a larger part
    of it."""
    if first is None or timezone.now() - first.queued_at < PATIENCE:
        return False
    needed = first.resources_on(node.resources)
    return node.resources.has_space_for(needed) and not resources.has_space_for(needed)


def order_by_share(works, target: int | ComputeTarget):
    """Order works by priority, then by how little their submitter has running on the target, then the oldest first."""
    held = Work.objects.held().filter(target=target, life=Work.Life.ENDS).order_by()
    running = dict(held.values_list("submitted_by").annotate(Count("pk")))
    if not running:
        return works
    cases = [When(submitted_by=person, then=Value(number)) for person, number in running.items()]
    share = Case(*cases, default=Value(0), output_field=IntegerField())
    return works.order_by("-priority", share, "queued_at", "pk")


def _ended_but_held(node: Node, held: Collection[uuid.UUID]) -> list[Resources]:
    """The resources of lost work whose runners have not ended yet."""
    if not held:
        return []
    rows = node.assignments.filter(work__in=held).order_by("ended_at")
    # The newest assignment of each work; one that has not ended has no end, which SQLite and PostgreSQL sort differently.
    newest = {row.work_id: row for row in sorted(rows, key=lambda row: row.attempt)}
    return [Resources(row.cores, row.memory_gb, row.gpus) for row in newest.values() if row.ended_at]


def _assign_again(assignment: Assignment) -> bool:
    """Assign work again; for the first time if another of its nodes claimed it."""
    if assignment.handed_at is None:
        handed = {"handed_at": timezone.now(), "lease_until": _lease_end(timezone.now())}
        return bool(Assignment.objects.current().filter(pk=assignment.pk, handed_at=None).update(**handed))
    if assignment.work.node_count > 1:
        # The other nodes may have met in this attempt.
        assignment.work.queue_again("A node did not get its part of the work.")
        return False
    held = Work.objects.held().filter(pk=assignment.work_id, attempt=assignment.attempt)
    if not held.update(attempt=F("attempt") + 1):
        return False
    # The same row, for a new attempt.
    again = {"attempt": F("attempt") + 1, "lease_until": _lease_end(timezone.now())}
    return bool(Assignment.objects.current().filter(pk=assignment.pk).update(**again))


def _assign(work: Work, node: Node) -> bool:
    now = timezone.now()
    if work.node_count > 1:
        return gangs.assign_nodes(work, node, _lease_end(now))
    queued = Work.objects.filter(pk=work.pk, state=Work.State.QUEUED, attempt=work.attempt, stop_requested_at=None)
    if not queued.update(state=Work.State.CLAIMED, attempt=work.attempt + 1, claimed_at=now):
        return False
    work.attempt += 1
    resources = work.resources_on(node.resources)
    Assignment.objects.create(
        work=work,
        node=node,
        attempt=work.attempt,
        cores=resources.cores,
        memory_gb=resources.memory_gb,
        gpus=resources.gpus,
        lease_until=_lease_end(now),
        handed_at=now,
    )
    return True


def _read_work(key: uuid.UUID) -> Work:
    return Work.objects.select_related("target__workspace", "submitted_by").get(pk=key)


def renew_lease(work_id: uuid.UUID, attempt: int, rank: int = 0, **reported) -> bool:
    """Renew the lease; False means that a newer attempt exists and the caller must stop. `reported`: address, health."""
    held = Assignment.objects.current().filter(work=work_id, attempt=attempt, work__state=Work.State.CLAIMED)
    current = held.filter(rank=rank)
    if address := reported.get("address"):
        # One of another machine, which the gateway reaches through a connection of that machine.
        remote = current.exclude(node__host__joined_at=None).values_list("node__host__uid", flat=True).first()
        reported["address"] = f"{remote}@{address}" if remote else address
    return bool(current.update(lease_until=_lease_end(timezone.now()), **reported))


def finish_work(work_id: uuid.UUID, attempt: int, message: str = "", node: Node | None = None) -> bool:
    """End the work on a node whose runner has ended. `message` is the error of a failed runner.

    Work on several nodes ends with its last runner, or with the first that failed.
    """
    with transaction.atomic():
        work = Work.objects.select_for_update().held().filter(pk=work_id, attempt=attempt).first()
        if work is None:
            return False
        current = work.assignments.current()
        if node is not None and work.node_count > 1 and not message:
            current.filter(node=node).update(ended_at=timezone.now())
            node.become_idle()
            if current.exists():
                return True
        nodes = [node] if node else list(Node.objects.filter(assignments__in=current).select_related("host"))
        if not work.end_attempt(message):
            return False
        for one in nodes:
            one.become_idle()
            if one.host and not work.is_kept_up:
                one.host.record_failure(message) if message else one.host.record_success()
    return True


def cancel_queued(work_ids: list[uuid.UUID]) -> set[uuid.UUID]:
    """Cancel queued work and return it. Work on a node continues until its runner's next heartbeat."""
    found = Work.objects.filter(pk__in=work_ids)
    found.filter(state=Work.State.QUEUED).update(state=Work.State.CANCELED, ended_at=timezone.now())
    return set(found.filter(state=Work.State.CANCELED).values_list("pk", flat=True))


def stop_work(work: Work) -> None:
    """Stop kept-up work permanently: its runner stops at its next heartbeat; queued work is canceled at once."""
    with transaction.atomic():
        Work.objects.filter(pk=work.pk, stop_requested_at=None).update(stop_requested_at=timezone.now())
        cancel_queued([work.pk])
    work.refresh_from_db()
    notifications.notify_autoscaler()


def restart_work(work: Work, reason: str = "") -> bool:
    """Start kept-up work again at once. The present attempt ends first; False if it does not run."""
    return work.queue_again(reason, restarts=0, not_before=None)


def _lease_end(now: dt.datetime) -> dt.datetime:
    return now + dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)


def move_to_front(work: Work) -> None:
    """Make queued work the first of its cluster, with one conditional UPDATE."""
    queued = Work.objects.filter(target=work.target_id, state=Work.State.QUEUED)
    first = queued.aggregate(highest=Max("priority"))["highest"]
    if first is None or not queued.filter(pk=work.pk).update(priority=min(first + 1, MAX_PRIORITY)):
        raise Conflict(f"{work.title} is no longer waiting.")
    work.priority = min(first + 1, MAX_PRIORITY)
    notifications.notify_cluster(work.target_id)


def move_to_cluster(work: Work, target: ComputeTarget) -> None:
    """Queue waiting work at another cluster of its workspace, which must have room for it, with one conditional UPDATE."""
    if work.life == Work.Life.KEPT_UP:
        raise Conflict(f"{work.title} is a service, which stays on its compute target.")
    holds.check_new_work(target, work.submitted_by)
    needed, whole = work.resources_on(target.node_resources), target.node_resources
    if not whole.has_space_for(needed):
        raise Conflict(_describe_too_large(target, needed), target="compute")
    if work.node_count > target.scale_settings.max_nodes:
        raise Conflict(f"{target.name} has fewer nodes than the {work.node_count} that it needs.", target="compute")
    queued = Work.objects.filter(pk=work.pk, state=Work.State.QUEUED, target=work.target_id)
    if not queued.update(target=target):
        raise Conflict(f"{work.title} is no longer waiting.")
    work.target = target
    notifications.notify_cluster(target.pk)
    notifications.notify_autoscaler()
