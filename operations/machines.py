"""The machines of the site, with their nodes and jobs, for administrators."""

import datetime as dt

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from compute.models import Host, Node
from studio.errors import Invalid
from studio.formats import format_names

# Names in the question before an action.
NAMED = 3
STATES = ("open", "closed", "connected", "not connected")


def find_hosts(words: list[str], state: str = "") -> QuerySet[Host]:
    """Machines whose name, address or system contains the words, optionally in one of STATES, by name."""
    if state and state not in STATES:
        raise Invalid(f"state={state[:30]!r}: write one of {', '.join(STATES)}.", target="state")
    found = Host.objects.order_by("name")
    for word in words:
        found = found.filter(Q(name__icontains=word) | Q(address__icontains=word) | Q(system__icontains=word))
    is_open = Q(quarantined_at=None, drained_at=None)
    since = timezone.now() - dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)
    conditions = {
        "open": is_open,
        "closed": ~is_open,
        "connected": Q(heartbeat_at__gt=since),
        "not connected": Q(heartbeat_at=None) | Q(heartbeat_at__lte=since),
    }
    return found.filter(conditions[state]) if state else found


def describe_machines(hosts: list[Host]) -> list[dict]:
    """Each machine with its nodes, and their jobs that a drain waits for, for the question before it."""
    nodes: dict[int | None, list[Node]] = {}
    present = Node.objects.present().filter(host__in=hosts).with_work()
    for node in present.select_related("host", "target__workspace").order_by("name"):
        nodes.setdefault(node.host_id, []).append(node)
    return [_describe(host, nodes.get(host.pk, [])) for host in hosts]


def _describe(host: Host, nodes: list[Node]) -> dict:
    jobs = [work.title for node in nodes for work in node.current_work]
    return {"host": host, "nodes": nodes, "jobs": len(jobs), "job_names": format_names(jobs[:NAMED], len(jobs))}


def list_homeless_nodes() -> list[Node]:
    """Nodes without a machine."""
    found = Node.objects.present().filter(host=None).with_work()
    return list(found.select_related("host", "target__workspace").order_by("name")[:100])
