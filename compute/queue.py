"""The work queue. Its rows decide, and every step is one conditional UPDATE.

A unit of work is queued, claimed by one node for a lease that its runner renews, and then done, canceled or lost.
Each claim increments `attempt`; a write with an older attempt is refused.
"""

import datetime as dt
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import F
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
    """Cancel queued work; returns what is canceled. Work that a node holds stays: its runner is told at its
    next heartbeat.
    """
    found = Work.objects.filter(pk__in=work_ids)
    found.filter(state=Work.State.QUEUED).update(state=Work.State.CANCELED, ended_at=timezone.now())
    return set(found.filter(state=Work.State.CANCELED).values_list("pk", flat=True))


def _lease_end(now: dt.datetime) -> dt.datetime:
    return now + dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)
