"""Lost nodes: nodes and work without a heartbeat are marked as lost.

compute/liveness.py decides when a missing heartbeat counts. `Work.mark_lost` ends the work or queues it again; the app that
queued the work reads the reason in its own tasks and ends what the work stands for.
"""

import datetime as dt

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from compute.models import Assignment, Node, Work


def reap_lost() -> int:
    """Mark silent nodes, and work that no usable node holds, as lost; returns how many units of work were lost."""
    now = timezone.now()
    for node in Node.objects.silent(now).select_related("target"):
        seen = node.heartbeat_at or node.created_at
        node.mark_lost(f"Node {node.name} was lost: it has sent no heartbeat since {seen:%H:%M:%S} UTC.")
    unusable = ~Q(node__state__in=Node.USABLE) | Q(node__ended_at__isnull=False) | Q(lease_until__lt=now)
    gone = Assignment.objects.current().filter(unusable, work__state=Work.State.CLAIMED).select_related("work", "node")
    lost = sum(one.work.mark_lost(_loss_reason(one, now)) for one in gone)
    # The row of its node was deleted, and the assignment with it.
    current = Assignment.objects.current().filter(work=OuterRef("pk"))
    orphaned = Work.objects.held().filter(~Exists(current))
    return lost + sum(work.mark_lost("The node that had this work no longer exists.") for work in orphaned)


def _loss_reason(assignment: Assignment, now: dt.datetime) -> str:
    node = assignment.node
    if node.message:
        return node.message
    if assignment.lease_until < now:
        return f"Node {node.name} was lost: its runner sent no heartbeat for {settings.NODE_LEASE_SECONDS} seconds."
    return f"Node {node.name} was lost: it has left the cluster."
