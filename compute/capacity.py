"""The free capacity of hosts. A host is full when its nodes use all of its cores, memory or GPUs."""

import datetime as dt
from collections.abc import Collection

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from compute.models import ComputeTarget, Host, Node, Resources


def find_usable_hosts(now: dt.datetime) -> list[Host]:
    """The hosts that are connected, and neither in quarantine nor drained."""
    alive_since = now - dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)
    return list(
        Host.objects.filter(heartbeat_at__gt=alive_since, quarantined_at=None, drained_at=None).order_by("name")
    )


def resources_of(host: Host) -> Resources:
    """The resources of a host for nodes."""
    return Resources(host.cpus, host.memory_gb, host.gpus)


def taking_nodes():
    """The nodes that use resources of their hosts. Nodes of other targets than clusters share them."""
    gone = [Node.State.UNUSABLE]
    return Node.objects.present().filter(target__kind__in=ComputeTarget.CLUSTERS).exclude(state__in=gone)


def measure_free_resources(hosts: list[Host]) -> dict[int, Resources]:
    """The free resources by the key of the host."""
    rows = taking_nodes().filter(host__in=hosts).order_by().values("host")
    sums = rows.annotate(taken_cores=Sum("cores"), taken_memory=Sum("memory_gb"), taken_gpus=Sum("gpus"))
    taken = {row["host"]: Resources(row["taken_cores"], row["taken_memory"], row["taken_gpus"]) for row in sums}
    return {host.pk: resources_of(host) - taken.get(host.pk, Resources(0, 0)) for host in hosts}


def drain_nodes_without_gpus(host: Host, gpus: int, lost: Collection[str]) -> None:
    """Drain nodes until the others have no more GPUs than the host: first those that use a lost one, then idle ones.

    New nodes for the waiting work start where there are GPUs.
    """
    nodes = list(taking_nodes().filter(host=host, gpus__gt=0, drained_at=None).with_work().select_related("target"))

    def used(node: Node) -> set[str]:
        return {gpu for row in node.current_assignments for gpu in row.gpu_ids.split(",")}

    nodes.sort(key=lambda node: (used(node).isdisjoint(lost), bool(node.current_assignments)))
    missing = sum(node.gpus for node in nodes) - gpus
    for node in nodes:
        if missing > 0:
            node.drain()
            missing -= node.gpus


def pick_host(target: ComputeTarget, resources: Resources, needs_own: bool = False) -> Host | None:
    """The connected host with the most free cores on which such a node of the target fits, or None.

    `needs_own`: only the studio's own machine. Hosts that missed their last reports come after the others: their agent may
    just have ended.
    """
    now = timezone.now()
    hosts = [host for host in find_usable_hosts(now) if target.may_use(host) and not (needs_own and host.has_joined)]
    free = measure_free_resources(hosts)
    fitting = [host for host in hosts if free[host.pk].has_space_for(resources)]

    def load(host: Host):
        return not host.has_reported_recently(now), -free[host.pk].cores / host.cpus, -free[host.pk].cores, host.name

    return min(fitting, key=load, default=None)


def count_nodes_at_once(resources: Resources, hosts: list[Host]) -> int:
    """The number of nodes of this size that the hosts could run without other nodes."""
    return sum(_count_on(resources, resources_of(host)) for host in hosts)


def _count_on(resources: Resources, whole: Resources) -> int:
    ratios = [int(whole.cores // resources.cores), int((whole.memory_gb + 0.001) // resources.memory_gb)]
    return min([*ratios, whole.gpus // resources.gpus] if resources.gpus else ratios)
