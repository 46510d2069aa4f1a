"""Adds nodes when work is queued and removes idle ones: min ≤ nodes ≤ max, depending on queued and running work.

`count_further_nodes` and `plan_nodes` decide on plain data; `balance_cluster` applies the result to one cluster. Safe
to run concurrently.
"""

import dataclasses
import datetime as dt
import secrets

from django.db import transaction
from django.utils import timezone

from compute import capacity, holds, notifications
from compute.models import ComputeTarget, Host, Node, Resources, Scale
from compute.rules import VmPriority

# How long an unusable node stays on the page, so that people can read why.
SHOW_UNUSABLE = dt.timedelta(minutes=5)
# After so many failed nodes in a row, replacements pause.
FAILURES_BEFORE_PAUSE = 3
PAUSE = dt.timedelta(seconds=30)
# How many queued units of work are counted: the most nodes that can start at once, with many units on each.
LOOKED_AT = 1000
# Kept-up work that starts again within this time keeps its node, or gets one meanwhile.
SOON = dt.timedelta(seconds=30)


@dataclasses.dataclass(frozen=True)
class Plan:
    start: int = 0
    leave: tuple[Node, ...] = ()


def autoscale() -> None:
    """Check every cluster; a cluster without changes costs only reads."""
    for target in ComputeTarget.objects.with_nodes().select_related("workspace", "cluster"):
        balance_cluster(target)
    for host in Host.objects.filter(detached_at__isnull=False):
        # A live one is deleted with the response to its report, so that its agent ends.
        if not host.is_alive:
            host.forget_if_done()


def balance_cluster(target: ComputeTarget) -> Plan:
    now = timezone.now()
    nodes = read_nodes(target)
    if end_gone_nodes(target, nodes, now) + release_useless_nodes(nodes, now):
        nodes = read_nodes(target)
    if target.is_deleting:
        target.finish_deleting()
        return Plan()
    if _plan_cluster(target, nodes, now) == Plan():
        return Plan()
    with transaction.atomic():
        # Two autoscalers would each add the missing node: the second waits here and then sees the first one's.
        locked = ComputeTarget.objects.select_for_update().get(pk=target.pk)
        locked.workspace = target.workspace
        if locked.is_deleting:
            return Plan()
        decided = _plan_cluster(locked, read_nodes(locked), now)
        changed = _start_nodes(locked, decided.start) + _release_nodes(decided.leave)
        if changed:
            ComputeTarget.objects.filter(pk=target.pk).update(resized_at=now)
    return decided


def read_nodes(target: ComputeTarget) -> list[Node]:
    return list(target.nodes.present().select_related("host"))


def _plan_cluster(target: ComputeTarget, nodes: list[Node], now: dt.datetime) -> Plan:
    # The clusters of a workspace in the trash stay, without nodes.
    scale = Scale(0, 1, 0) if target.workspace.deleted_at else target.scale_settings
    if (nodes or scale.min_nodes) and holds.stops_idle(target):
        scale = dataclasses.replace(scale, min_nodes=0, idle_seconds=0)
    requested = list(
        target.work.startable(now + SOON).values_list("cores", "memory_gb", "gpus", "node_count")[:LOOKED_AT]
    )
    if not requested:
        return plan_nodes(scale, nodes, 0, now)
    whole = target.node_resources
    running = [node for node in nodes if node.is_wanted and node.state == Node.State.RUNNING]
    busy = [node for node in running if not node.is_draining]
    # Without work that shares nodes, no running node has capacity for more.
    free = [node.free_resources() for node in busy] if any(cores is not None for cores, _, _, _ in requested) else []
    free_resources = [
        whole if cores is None else Resources(cores, memory, gpus)
        for cores, memory, gpus, node_count in requested
        for _ in range(node_count)
    ]
    return plan_nodes(scale, nodes, count_further_nodes(free_resources, free, whole, scale.max_nodes), now)


def count_further_nodes(requested: list[Resources], free: list[Resources], whole: Resources, limit: int) -> int:
    """The number of nodes of the size `whole` that the queued work needs besides the free ones: each unit takes the
    first node with capacity."""
    bins, further = list(free), 0
    for resources in requested:
        index = next((i for i, left in enumerate(bins) if left.has_space_for(resources)), None)
        if index is None:
            if further == limit:
                break
            bins.append(whole)
            index, further = len(bins) - 1, further + 1
        bins[index] -= resources
    return further


def plan_nodes(scale: Scale, nodes: list[Node], further: int, now: dt.datetime) -> Plan:
    """How many nodes to add, and which to release, if the queue needs so many besides the running ones.

    A running node is never released.
    """
    usable = [node for node in nodes if node.is_wanted and not node.is_draining]
    busy = sum(node.state == Node.State.RUNNING for node in usable)
    wanted = min(max(scale.min_nodes, busy + further), scale.max_nodes)
    if wanted > len(usable):
        return Plan(0 if _keeps_failing(nodes, now) else wanted - len(usable))
    return Plan(0, tuple(_nodes_to_release(scale, usable, len(usable) - wanted, now)))


def _nodes_to_release(scale: Scale, usable: list[Node], number: int, now: dt.datetime) -> list[Node]:
    """The longest idle nodes first. Nodes above the maximum are released at once, others after their idle time."""
    too_many = len(usable) - scale.max_nodes
    idle = sorted((node for node in usable if node.state == Node.State.IDLE), key=lambda node: node.state_at)
    rest = dt.timedelta(seconds=scale.idle_seconds)
    return [node for i, node in enumerate(idle[:number]) if i < too_many or now - node.state_at >= rest]


def _keeps_failing(nodes: list[Node], now: dt.datetime) -> bool:
    failed = [node.state_at for node in nodes if node.state == Node.State.UNUSABLE]
    return len(failed) >= FAILURES_BEFORE_PAUSE and now - max(failed) < PAUSE


def _start_nodes(target: ComputeTarget, number: int) -> int:
    """Start as many of them as the hosts have capacity for."""
    started, whole = 0, target.node_resources
    # Nodes of other targets than clusters share the resources.
    taken = whole if target.is_cluster else Resources(0, 0)
    for _ in range(holds.limit_new_nodes(target, number)):
        host = _pick_host(target, taken)
        if host is None:
            preempt_for(target, taken)
            break
        name = f"aml-{target.name}-{secrets.token_hex(3)}"
        Node.objects.create(target=target, host=host, name=name, **dataclasses.asdict(whole))
        notifications.notify_host(host.name)
        started += 1
    return started


def _pick_host(target: ComputeTarget, taken: Resources) -> Host | None:
    return capacity.pick_host(target, taken, needs_own=target.needs_own_machine)


def preempt_for(target: ComputeTarget, resources: Resources) -> bool:
    """Stop nodes of other clusters where that gives capacity for a node of this one: first idle nodes, then those of
    low priority.

    No more nodes are stopped while enough of them are stopping.
    """
    hosts = [host for host in capacity.find_usable_hosts(timezone.now()) if target.may_use(host)]
    free = capacity.measure_free_resources(hosts)
    for host in hosts:
        leaving = capacity.taking_nodes().filter(host=host, state__in=[Node.State.LEAVING, Node.State.PREEMPTED])
        free[host.pk] = _without(free[host.pk], list(leaving))
    if any(free[host.pk].has_space_for(resources) for host in hosts):
        return True
    for host in hosts:
        chosen = _choose_nodes(_find_spare_nodes(host, target), free[host.pk], resources)
        if chosen:
            released = [node for node in chosen if node.leave(_say_who_needs_it(target, host, node))]
            notifications.notify_host(host.name)
            return bool(released)
    return (
        target.is_cluster and target.cluster.vm_priority != VmPriority.LOW and _preempt(target, resources, hosts, free)
    )


def _preempt(target: ComputeTarget, resources: Resources, hosts: list[Host], free: dict[int, Resources]) -> bool:
    """Stop low-priority nodes for one of a dedicated cluster, the newest first."""
    for host in hosts:
        low = capacity.taking_nodes().filter(host=host, target__cluster__vm_priority=VmPriority.LOW)
        low = low.select_related("target")
        chosen = _choose_nodes(
            list(low.filter(state__in=Node.USABLE).order_by("-created_at")), free[host.pk], resources
        )
        if chosen:
            preempted = [node for node in chosen if node.preempt(_say_who_needs_it(target, host, node))]
            notifications.notify_host(host.name)
            return bool(preempted)
    return False


def _say_who_needs_it(target: ComputeTarget, host: Host, node: Node) -> str:
    """The cluster for messages; people of another workspace do not see its name."""
    who = f"The cluster {target.name}"
    if target.workspace_id != node.target.workspace_id:
        who = "A cluster of another workspace"
    return f"{who} needs its capacity on {host.name}."


def _choose_nodes(nodes: list[Node], free: Resources, resources: Resources) -> list[Node]:
    """Choose as many of them, in order, as give enough capacity; none if all are not enough."""
    for number in range(1, len(nodes) + 1):
        if _without(free, nodes[:number]).has_space_for(resources):
            return nodes[:number]
    return []


def _without(free: Resources, nodes: list[Node]) -> Resources:
    """The free resources without these nodes."""
    for node in nodes:
        free = Resources(free.cores + node.cores, free.memory_gb + node.memory_gb, free.gpus + node.gpus)
    return free


def _find_spare_nodes(host: Host, target: ComputeTarget) -> list[Node]:
    """The idle nodes on a host that their clusters need neither for their minimum nor for queued work, longest idle first."""
    idle = capacity.taking_nodes().filter(host=host, state=Node.State.IDLE).exclude(target=target)
    spare: dict[int, int] = {}
    found = []
    for node in idle.select_related("target__cluster").order_by("state_at"):
        if node.target_id not in spare:
            usable = node.target.nodes.usable().count()
            is_needed = node.target.work.startable(timezone.now()).exists()
            spare[node.target_id] = 0 if is_needed else usable - node.target.scale_settings.min_nodes
        if spare[node.target_id] > 0:
            spare[node.target_id] -= 1
            found.append(node)
    return found


def _release_nodes(nodes: tuple[Node, ...], message: str = "The cluster no longer needs it.") -> int:
    leaving = [node for node in nodes if node.leave(message)]
    for node in leaving:
        if node.host:
            notifications.notify_host(node.host.name)
    return len(leaving)


def end_gone_nodes(target: ComputeTarget, nodes: list[Node], now: dt.datetime) -> int:
    """End nodes whose host will never report their end, and unusable ones that were shown long enough."""
    ended = 0
    for node in nodes:
        has_to_go = node.state in (Node.State.LEAVING, Node.State.PREEMPTED)
        is_gone = has_to_go and not (node.host and node.host.is_alive)
        was_shown = node.state == Node.State.UNUSABLE and (target.is_deleting or now - node.state_at > SHOW_UNUSABLE)
        if is_gone or was_shown:
            node.end()
            ended += 1
    return ended


def release_useless_nodes(nodes: list[Node], now: dt.datetime) -> int:
    """Release drained nodes without work, and nodes that a silent host has not started if another one can."""
    without_work = [node for node in nodes if node.is_wanted and node.state != Node.State.RUNNING]
    released = _release_nodes(tuple(node for node in without_work if node.is_draining), "It accepts no more jobs.")
    unstarted = [node for node in without_work if node.state == Node.State.PREPARING and node.heartbeat_at is None]
    late = [node for node in unstarted if node.host and not node.host.has_reported_recently(now)]
    if late and Host.objects.filter(heartbeat_at__gt=now - Host.RECENTLY).exists():
        for node in late:
            released += node.leave(f"Its host {node.host} stopped responding before it was started.")
    return released
