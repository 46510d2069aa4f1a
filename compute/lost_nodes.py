"""What happens when a node dies: nodes and work without a heartbeat are marked as lost. compute/liveness.py says when silence counts."""

import datetime as dt

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from compute.models import Node, Work


def reap_lost() -> int:
    """Mark silent nodes, and work that no usable node holds, as lost; returns how many units of work were lost."""
    now = timezone.now()
    for node in Node.objects.silent(now).select_related("target"):
        seen = node.heartbeat_at or node.created_at
        node.mark_lost(f"Node {node.name} was lost: it sent no heartbeat since {seen:%H:%M:%S} UTC.")
    unusable = Q(node=None) | ~Q(node__state__in=Node.USABLE) | Q(node__ended_at__isnull=False)
    lost = Work.objects.held().filter(unusable | Q(lease_until__lt=now)).select_related("node")
    return sum(work.mark_lost(_loss_reason(work, now)) for work in lost)


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
