"""How much room the hosts have. A host is full when its nodes take all of its cores, memory or GPUs."""

import datetime as dt

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from compute.models import ComputeTarget, Host, Node, Resources


def find_usable_hosts(now: dt.datetime) -> list[Host]:
    """Those that are alive, and neither in quarantine nor drained."""
    alive_since = now - dt.timedelta(seconds=settings.NODE_LEASE_SECONDS)
    return list(
        Host.objects.filter(heartbeat_at__gt=alive_since, quarantined_at=None, drained_at=None).order_by("name")
    )


def resources_of(host: Host) -> Resources:
    """What it has for nodes."""
    return Resources(host.cpus, host.memory_gb, host.gpus)


def taking_nodes():
    """The nodes that take room of their hosts. Those of other targets than clusters share what is there."""
    gone = [Node.State.UNUSABLE]
    return Node.objects.present().filter(target__kind__in=ComputeTarget.CLUSTERS).exclude(state__in=gone)


def measure_free_resources(hosts: list[Host]) -> dict[int, Resources]:
    """What the nodes leave, by the key of the host."""
    rows = taking_nodes().filter(host__in=hosts).order_by().values("host")
    sums = rows.annotate(taken_cores=Sum("cores"), taken_memory=Sum("memory_gb"), taken_gpus=Sum("gpus"))
    taken = {row["host"]: Resources(row["taken_cores"], row["taken_memory"], row["taken_gpus"]) for row in sums}
    return {host.pk: resources_of(host) - taken.get(host.pk, Resources(0, 0)) for host in hosts}


def pick_host(resources: Resources, needs_own: bool = False) -> Host | None:
    """The live host with room for such a node that has the most cores free; None if there is none.

    `needs_own` is for services, which the gateway reaches on the studio's own machine alone. One that has missed its last reports comes after the others: its agent may have ended a moment ago.
    """
    now = timezone.now()
    hosts = [host for host in find_usable_hosts(now) if not (needs_own and host.has_joined)]
    free = measure_free_resources(hosts)
    fitting = [host for host in hosts if free[host.pk].has_space_for(resources)]

    def load(host: Host):
        return not host.has_reported_recently(now), -free[host.pk].cores / host.cpus, -free[host.pk].cores, host.name

    return min(fitting, key=load, default=None)


def count_nodes_at_once(resources: Resources, hosts: list[Host]) -> int:
    """How many nodes of this size the hosts could run, if they had no others."""
    return sum(_count_on(resources, resources_of(host)) for host in hosts)


def _count_on(resources: Resources, whole: Resources) -> int:
    ratios = [int(whole.cores // resources.cores), int((whole.memory_gb + 0.001) // resources.memory_gb)]
    return min([*ratios, whole.gpus // resources.gpus] if resources.gpus else ratios)
