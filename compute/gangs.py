"""Work on several nodes: all of them or none. One transaction assigns the nodes, which find each other by their
assignments."""

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from compute import notifications
from compute.models import Assignment, Node, Work


class _NotAll(Exception):
    """One of the nodes just got other work."""


def assign_nodes(work: Work, node: Node, lease_end: dt.datetime) -> bool:
    """Assign all nodes of work, within the transaction in which `node` was reserved and with the target locked."""
    others = _find_free_nodes(work, node)
    if len(others) < work.node_count - 1:
        return False
    try:
        with transaction.atomic():
            _assign(work, [node, *others[: work.node_count - 1]], lease_end)
    except _NotAll:
        return False
    # The other nodes are notified of their work.
    notifications.notify_cluster(work.target_id)
    return True


def waits_for_busy_nodes(work: Work) -> bool:
    """Whether its target has enough nodes, which become free for it if no other work gets them."""
    nodes = Node.objects.usable().filter(target=work.target_id).select_related("host")
    return sum(not node.is_draining for node in nodes) >= work.node_count


def _find_free_nodes(work: Work, node: Node) -> list[Node]:
    """Free nodes, those on the same host first."""
    alive_since = timezone.now() - dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)
    idle = Node.objects.usable().filter(target=work.target_id, state=Node.State.IDLE, heartbeat_at__gt=alive_since)
    free = [other for other in idle.exclude(pk=node.pk).select_related("host") if not other.is_draining]
    return sorted(free, key=lambda other: (other.host_id != node.host_id, other.pk))


def _assign(work: Work, nodes: list[Node], lease_end: dt.datetime) -> None:
    now = timezone.now()
    if not all(other.start_running() for other in nodes[1:]):
        raise _NotAll
    queued = Work.objects.filter(pk=work.pk, state=Work.State.QUEUED, stop_requested_at=None)
    if not queued.update(state=Work.State.CLAIMED, attempt=F("attempt") + 1, claimed_at=now):
        raise _NotAll
    work.refresh_from_db(fields=["attempt"])
    for rank, node in enumerate(nodes):
        Assignment.objects.create(
            work=work,
            node=node,
            attempt=work.attempt,
            rank=rank,
            cores=node.cores,
            memory_gb=node.memory_gb,
            gpus=node.gpus,
            lease_until=lease_end,
            handed_at=now if rank == 0 else None,
        )


def report_stage(work: Work, attempt: int, rank: int, stage: str, address: str) -> dict | None:
    """Store the progress of a node; return the reports of the others. None if another attempt has the work."""
    own = Assignment.objects.current().filter(work=work, attempt=attempt, rank=rank, work__state=Work.State.CLAIMED)
    fields = {"stage": stage} | ({"address": address} if address else {})
    if not own.update(**fields):
        return None
    rows = list(Assignment.objects.filter(work=work, attempt=attempt).select_related("node").order_by("rank"))
    stages = [row.stage for row in rows]
    probed = stages.count(Assignment.GangStage.PROBED)
    return {
        "peers": [{"node": row.node.name, "address": row.address} for row in rows],
        "ready": probed + stages.count(Assignment.GangStage.READY),
        "probed": probed,
        "ended": sum(row.ended_at is not None for row in rows),
    }
