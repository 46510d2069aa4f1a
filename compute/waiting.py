"""Why queued work is waiting: its position, all reasons, and an estimate from the duration of earlier work."""

import dataclasses
import datetime as dt
import functools
import heapq
import statistics

from django.utils import timezone

from compute import capacity, holds, queue
from compute.models import ComputeTarget, Host, Node, Resources, Work

# The typical duration is that of at most HISTORY ended works, and needs at least ENOUGH of them.
HISTORY, ENOUGH = 50, 3
# How many machines and jobs a sentence names.
NAMED = 3
NEEDS_OWN = "It needs capacity on the studio's own machine, which has the folder of the file share."


@dataclasses.dataclass(frozen=True)
class Waiting:
    position: int
    reasons: list[str]
    # None without enough ended work.
    estimate: dt.timedelta | None

    def describe(self, target: ComputeTarget) -> str:
        sentences = [f"Number {self.position} in the queue of {target.name}.", *self.reasons]
        if self.estimate is not None:
            sentences.append(f"Judging by earlier jobs, it starts in about {describe_duration(self.estimate)}.")
        return " ".join(sentences)


class QueueView:
    """The queue of a target at one moment, read once for all of its waiting work."""

    def __init__(self, target: ComputeTarget):
        self.target, self.now = target, timezone.now()

    @functools.cached_property
    def _explain_holds(self):
        return holds.prepare_reasons(self.target)

    @functools.cached_property
    def queue_positions(self) -> dict:
        """The position of each queued unit, in the order in which nodes take them."""
        keys = queue.order_by_share(self.target.work.queued(), self.target).values_list("pk", flat=True)
        return {key: number for number, key in enumerate(keys, start=1)}

    @functools.cached_property
    def _startable(self) -> set:
        """Work that no other app holds back, so that reasons are only requested for the rest."""
        return set(self.target.work.startable(self.now + dt.timedelta(days=1)).values_list("pk", flat=True))

    @functools.cached_property
    def nodes(self) -> list[Node]:
        return list(self.target.nodes.present().with_work())

    @functools.cached_property
    def hosts(self) -> list[Host]:
        return list(Host.objects.alive().order_by("name"))

    @functools.cached_property
    def free(self) -> dict[int, Resources]:
        return capacity.measure_free_resources(self.hosts)

    @functools.cached_property
    def held(self) -> list[Work]:
        return list(self.target.work.held().order_by("claimed_at"))

    @functools.cached_property
    def durations(self) -> list[float]:
        ended = self.target.work.filter(state=Work.State.DONE, claimed_at__isnull=False, life=Work.Life.ENDS)
        rows = ended.order_by("-ended_at").values_list("claimed_at", "ended_at")[:HISTORY]
        return [(end - start).total_seconds() for start, end in rows if start and end]

    def explain(self, work: Work) -> Waiting:
        reasons = [
            *(self._explain_holds(work) if work.pk not in self._startable else []),
            *self._explain_itself(work),
            *self._explain_share(work),
            *self._explain_nodes(work),
        ]
        position = self.queue_positions.get(work.pk, len(self.queue_positions) + 1)
        return Waiting(position, reasons, self._estimate(position))

    def _explain_itself(self, work: Work) -> list[str]:
        if work.not_before and work.not_before > self.now:
            pause = describe_duration(work.not_before - self.now)
            return [f"It starts again in {pause}: {work.reason or 'it had ended.'}"]
        return []

    def _explain_share(self, work: Work) -> list[str]:
        mine = sum(held.submitted_by_id == work.submitted_by_id for held in self.held)
        if (
            mine
            and len(self.queue_positions) > 1
            and any(held.submitted_by_id != work.submitted_by_id for held in self.held)
        ):
            return [f"{mine} job{'s' if mine > 1 else ''} of the same person are running; people with fewer go first."]
        return []

    def _explain_nodes(self, work: Work) -> list[str]:
        usable = [node for node in self.nodes if node.is_wanted]
        starting = sum(node.state == Node.State.PREPARING for node in usable)
        if starting:
            return [f"{starting} node{'s are' if starting > 1 else ' is'} starting."]
        if work.node_count > 1:
            idle = sum(node.state == Node.State.IDLE and not node.is_draining for node in usable)
            return [f"It needs {work.node_count} nodes at once; {idle} are free.", *self._explain_limit(usable)]
        if any(node.state == Node.State.IDLE and not node.is_draining for node in usable):
            return ["A free node will start it soon."]
        found = [
            f"Node {node.name} accepts no more jobs: {node.draining_reason}" for node in usable if node.is_draining
        ]
        busy = [node for node in usable if node.state == Node.State.RUNNING]
        if busy and work.cores is not None:
            found.append(f"It needs {work.cores} cores and {work.memory_gb:g} GB, and no node has that much free.")
        return [*found, *self._explain_limit(usable)]

    def _explain_limit(self, usable: list[Node]) -> list[str]:
        max_nodes = self.target.scale_settings.max_nodes
        if len(usable) < max_nodes:
            return self._closed_hosts or ["A node will start soon."]
        busy = sum(node.state == Node.State.RUNNING for node in usable)
        which = f"All {busy} nodes are busy" if busy > 1 else "Its node is busy"
        said = f"{which}{self._name_running()}. " if busy else ""
        return [f"{said}{self.target.title} has at most {max_nodes}."]

    def _run_time(self, work: Work) -> dt.timedelta:
        return self.now - (work.claimed_at or self.now)

    def _name_running(self) -> str:
        named = [f"{work.title} for {describe_duration(self._run_time(work))}" for work in self.held[:NAMED]]
        more = f" and {len(self.held) - NAMED} more" if len(self.held) > NAMED else ""
        return f" with {', '.join(named)}{more}" if named else ""

    @functools.cached_property
    def _closed_hosts(self) -> list[str]:
        """Why no further node can start; empty if one can."""
        resources = self.target.node_resources if self.target.is_cluster else Resources(0, 0)
        if not self.hosts:
            return ["No machine is connected, so no node can start."]
        if self.target.is_attached and self.target.attached.state_reason:
            return [self.target.attached.state_reason]
        needs_own = self.target.needs_own_machine
        usable = [host for host in self.hosts if self.target.may_use(host) and not (needs_own and host.has_joined)]
        if not usable:
            return [NEEDS_OWN]
        closed = [host for host in usable if not host.is_open]
        is_open = [host for host in usable if host.is_open]
        if any(self.free[host.pk].has_space_for(resources) for host in is_open):
            return []
        found = [f"{host.name} accepts no nodes: {host.closed_reason}" for host in closed[:NAMED]]
        large = [host for host in is_open if capacity.resources_of(host).has_space_for(resources)]
        if not large and is_open:
            found.append(
                f"A node of {self.target.vm_size} needs {resources.cores} cores, {resources.memory_gb:g} GB and {resources.gpus} GPUs, "
                "and no connected machine has that much."
            )
        return found + [self._describe_full(host) for host in large[:NAMED]]

    def _describe_full(self, host: Host) -> str:
        taking = capacity.taking_nodes().filter(host=host).select_related("target").order_by("created_at")[: NAMED + 1]
        names = ", ".join(self._name_node(node) for node in taking[:NAMED])
        free = max(0, self.free[host.pk].cores)
        return f"{host.name} is full: {free} of {host.cpus} cores are free. It runs {names}."

    def _name_node(self, node: Node) -> str:
        is_known = node.target.workspace_id == self.target.workspace_id
        return f"{node.name} of {node.target.name}" if is_known else "a node of another workspace"

    def _estimate(self, position: int) -> dt.timedelta | None:
        """Estimate the wait: each job takes the typical time, and each node takes the next job when it is free."""
        slots = max(len(self.held), sum(node.is_wanted for node in self.nodes))
        if len(self.durations) < ENOUGH or not slots:
            return None
        typical = statistics.median(self.durations)
        ages = [self._run_time(work).total_seconds() for work in self.held[:slots]]
        frees = [max(0.0, typical - age) for age in ages] + [0.0] * (slots - len(ages))
        heapq.heapify(frees)
        for _ in range(position - 1):
            heapq.heappush(frees, heapq.heappop(frees) + typical)
        return dt.timedelta(seconds=frees[0])


def describe_duration(duration: dt.timedelta) -> str:
    seconds = max(1, round(duration.total_seconds()))
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {word}s"
    return f"{seconds} second{'s' if seconds > 1 else ''}"
