"""The work queue. Its rows decide, and every step is one conditional UPDATE.

A unit of work is queued, claimed by one node for a lease that its runner renews, and then done, canceled or lost.
Each claim increments `attempt`; a write with an older attempt is refused.
"""

import datetime as dt
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from compute import notifications, work_kinds
from compute.models import ComputeTarget, Node, Work
from studio.errors import Conflict

# If several nodes try to claim the same work, one wins; the others try the next few.
CANDIDATES = 5


def enqueue(target: ComputeTarget, scope: str, spec: dict, user: User, priority: int = 0) -> Work:
    """Store work inside the caller's transaction; nodes and autoscaler are notified when it commits."""
    # Work of an unregistered kind could get no token.
    work_kinds.kind_of(scope)
    if target.state == ComputeTarget.State.DELETING or target.deleted_at:
        raise Conflict(f"The compute target {target.name} is being deleted; choose another one.", target="computeId")
    work = Work.objects.create(target=target, scope=scope, spec=spec, submitted_by=user, priority=priority)
    notifications.notify_cluster(target.pk)
    notifications.notify_autoscaler()
    return work


def claim_work(node: Node) -> Work | None:
    """The next work for a node that holds none, leased to it; None if there is none or the node is leaving.

    A node that claims while it holds work never got our response: it gets the same work again, as a new attempt.
    """
    candidates = list(Work.objects.claimable_by(node).values_list("pk", flat=True)[:CANDIDATES])
    if not candidates:
        return None
    with transaction.atomic():
        if not node.start_running():
            return None
        for pk in candidates:
            if _take_candidate(pk, node):
                return Work.objects.select_related("target__workspace", "submitted_by").get(pk=pk)
        node.become_idle()
    return None


def _take_candidate(pk: uuid.UUID, node: Node) -> int:
    now = timezone.now()
    return (
        Work.objects.claimable_by(node)
        .filter(pk=pk)
        .update(
            state=Work.State.CLAIMED, node=node, attempt=F("attempt") + 1, claimed_at=now, lease_until=_lease_end(now)
        )
    )


def renew_lease(work_id: uuid.UUID, attempt: int) -> bool:
    """Renew the lease; False means that a newer attempt exists and the caller must stop."""
    now = timezone.now()
    return bool(Work.objects.held().filter(pk=work_id, attempt=attempt).update(lease_until=_lease_end(now)))


def finish_work(work_id: uuid.UUID, attempt: int, message: str = "") -> bool:
    """The runner's process has ended; its node is free again. `message` says how the runner failed, if it did."""
    held = Work.objects.held().filter(pk=work_id, attempt=attempt)
    with transaction.atomic():
        if not held.update(state=Work.State.DONE, ended_at=timezone.now(), lease_until=None, reason=message[:500]):
            return False
        node = Node.objects.filter(work=work_id).first()
        if node:
            node.become_idle()
    return True


def cancel_queued(work_ids: list[uuid.UUID]) -> set[uuid.UUID]:
    """Take these out of the queue; gives those that are out of it. One that a node holds stays: its runner learns of it by its
    next heartbeat.
    """
    found = Work.objects.filter(pk__in=work_ids)
    found.filter(state=Work.State.QUEUED).update(state=Work.State.CANCELED, ended_at=timezone.now())
    return set(found.filter(state=Work.State.CANCELED).values_list("pk", flat=True))


def reap_lost() -> int:
    """Give up nodes without a heartbeat and work that nobody holds any more; returns how many units were lost."""
    now = timezone.now()
    for node in Node.objects.silent(now).select_related("target"):
        seen = node.heartbeat_at or node.created_at
        node.mark_lost(f"Node {node.name} was lost: it sent no heartbeat since {seen:%H:%M:%S} UTC.")
    unusable = Q(node=None) | ~Q(node__state__in=Node.USABLE) | Q(node__ended_at__isnull=False)
    doomed = Work.objects.held().filter(unusable | Q(lease_until__lt=now)).select_related("node")
    return sum(work.mark_lost(_loss_reason(work, now)) for work in doomed)


def _loss_reason(work: Work, now: dt.datetime) -> str:
    if work.node is None:
        return "The node that held this work is gone."
    if work.node.message:
        return work.node.message
    if work.lease_until and work.lease_until < now:
        return (
            f"Node {work.node.name} was lost: its runner sent no heartbeat for {settings.NODE_LEASE_SECONDS} seconds."
        )
    return f"Node {work.node.name} was lost: it has left the cluster."


def _lease_end(now: dt.datetime) -> dt.datetime:
    return now + dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)
