"""Request and response classes of nodes and hosts."""

import uuid
from typing import Annotated, Any, Literal, Self

import pydantic
from django.utils import timezone
from lazuli.agent.broker import get_cluster_queue

from compute import keys, models, monitoring
from studio.request_body import Body
from studio.schemas import Shape

WorkId = Annotated[uuid.UUID, pydantic.Field(strict=False)]
# More than fit on a node.
MAX_HELD = 1000
# The largest value of a database column.
Pid = Annotated[int, pydantic.Field(ge=0, lt=2**31)]
GpuIds = Annotated[str, pydantic.Field(max_length=5000)]
UNCHECKED = "Its agent is an earlier version, which does not isolate scripts."


class NodeHeartbeat(Body):
    state: str = "idle"
    pid: Pid | None = None
    work: list[WorkId] = pydantic.Field(default=[], max_length=MAX_HELD)
    gpus: dict[WorkId, GpuIds] = pydantic.Field(
        default={}, max_length=MAX_HELD, description="The UUIDs of the GPUs of each work, separated by commas."
    )


class NodeClaim(Body):
    held: list[WorkId] = pydantic.Field(
        default=[], max_length=MAX_HELD, description="The work that the node has; of other work it got no response."
    )


class WorkDone(Body):
    attempt: int
    # The last output of a runner that failed; empty if it succeeded.
    message: str = ""


class BuildReport(Body):
    offset: int = pydantic.Field(ge=0, description="How many characters of the log were reported before.")
    text: str = pydantic.Field(max_length=65_536)
    isDone: bool = pydantic.Field(default=False, description="The environment is ready.")


class WorkAlive(Body):
    # The address of the process: `unix:/path` or `host:port`; empty until it is known.
    address: str = pydantic.Field(default="", max_length=150, pattern="^[^@]*$")
    health: Literal["", "building", "starting", "healthy", "unhealthy"] = ""
    # The last line of the log while its environment is being built.
    progress: str = pydantic.Field(default="", max_length=300)
    # What is new in the log of the build.
    build: BuildReport | None = None


class WorkOrders(Shape):
    stop: bool


class WorkMeeting(Body):
    rank: int = pydantic.Field(ge=0, lt=1000)
    stage: Literal["ready", "probed"]
    # `host:port`, to which the other nodes test their connection; empty keeps the earlier value.
    address: str = pydantic.Field(default="", max_length=200)


class WorkPeer(Shape):
    node: str
    address: str


class WorkPeers(Shape):
    peers: list[WorkPeer] = pydantic.Field(description="By rank.")
    ready: int
    probed: int
    ended: int


class NodeReport(Body):
    name: str
    pid: Pid | None = None
    alive: bool
    exit: int | None = None
    # Its host does not restart it any more: it ended repeatedly soon after its start.
    failed: bool = False


# More than any machine has; and a number of a column.
Amount = Annotated[float, pydantic.Field(ge=0, le=1e9, allow_inf_nan=False)]
# Samples of an hour, which an agent stores while the studio is unreachable.
MAX_SAMPLES = 720


class WorkSample(Body):
    cpu: Amount = pydantic.Field(description="Cores in use.")
    memory: Amount = pydantic.Field(description="GB resident in memory; what processes share counts for each.")
    gpu: Amount | None = pydantic.Field(default=None, description="Percent of the cards that its processes use.")
    gpuMemory: Amount | None = pydantic.Field(default=None, description="GB.")
    terminals: int | None = pydantic.Field(
        default=None, ge=1, le=1_000_000, description="Programs that run in its terminals."
    )


class HostSample(WorkSample):
    # 10 ** 10 seconds are the year 2286.
    at: float = pydantic.Field(ge=0, le=1e10, allow_inf_nan=False)
    disk: Amount = pydantic.Field(description="GB free in the folder of its jobs.")
    read: Amount = pydantic.Field(description="MB per second, like the next three.")
    written: Amount
    received: Amount
    sent: Amount
    gpuPower: Amount | None = pydantic.Field(default=None, description="Watts.")
    gpuTemperature: Amount | None = pydantic.Field(default=None, description="Degrees Celsius of the hottest card.")
    work: dict[WorkId, WorkSample] = pydantic.Field(default={}, max_length=MAX_HELD)


class HostReport(Body):
    cpus: int = pydantic.Field(default=1, ge=1, le=10_000)
    memoryGB: float = pydantic.Field(default=1, gt=0, le=1_000_000)
    gpus: int = pydantic.Field(default=0, ge=0, le=1000)
    # The UUIDs of those that disappeared since its agent started.
    lostGpus: list[Annotated[str, pydantic.Field(max_length=100, pattern=r"^[\w.-]+$")]] = pydantic.Field(
        default=[], max_length=1000
    )
    address: str = pydantic.Field(default="", max_length=100)
    nodes: list[NodeReport] = []
    # Missing isolation of scripts on this host; empty if there is none.
    isolationProblem: str = pydantic.Field(default=UNCHECKED, max_length=300)
    # Its container engine, or why it has none.
    containerEngine: str = pydantic.Field(default="", max_length=100)
    containerProblem: str = pydantic.Field(default="", max_length=300)
    # The machine and its boot, so that a copy of its disk on another machine is detected.
    boot: str = pydantic.Field(default="", max_length=100)
    wheelCacheBytes: Annotated[int, pydantic.Field(ge=0, lt=2**63)] | None = None
    environmentCacheBytes: Annotated[int, pydantic.Field(ge=0, lt=2**63)] | None = None
    # New samples, in the order of time.
    samples: list[HostSample] = pydantic.Field(default=[], max_length=MAX_SAMPLES)


class HostJoin(Body):
    name: str
    cpus: int = pydantic.Field(ge=1, le=10_000)
    memoryGB: float = pydantic.Field(gt=0, le=1_000_000)
    gpus: int = pydantic.Field(default=0, ge=0, le=1000)
    system: str = pydantic.Field(default="", max_length=200, description="Its system, Python and SDK.")


class StudioFacts(Shape):
    url: str = pydantic.Field(
        description="The URL by which jobs reach the studio; a machine that cannot open it must not join."
    )
    version: str


class JoinedHost(Shape):
    name: str
    key: str = pydantic.Field(description="The key of this machine for its reports.")

    @classmethod
    def of(cls, row: models.Host) -> Self:
        return cls(name=row.name, key=keys.host_key(row))


class NodeOrders(Shape):
    """The response to a node's heartbeat."""

    waiting: bool
    leaving: bool


class ClaimedWork(Shape):
    id: str
    attempt: int
    scope: str
    life: str = pydantic.Field(description="`ends`, or `kept-up`: then the node starts a service, not a run.")
    token: str = pydantic.Field(description="The token of its kind, such as a run token, valid for this attempt.")
    key: str = pydantic.Field(
        description="The key of this attempt: renews the lease of kept-up work, and finds the other nodes."
    )
    gpus: int = pydantic.Field(description="How many GPUs of its machine it uses alone.")
    sharesGpus: bool = pydantic.Field(
        description="The other work of this node, a compute instance, uses the same ones."
    )
    spec: dict[str, Any] = pydantic.Field(description="The instructions for the runner; see the page Architecture.")

    @classmethod
    def of(cls, row: models.Work, node: models.Node) -> Self:
        assignment = row.assignments.current().get(node=node)
        is_instance = row.target.kind == models.ComputeTarget.Kind.INSTANCE
        return cls(
            id=str(row.pk),
            attempt=row.attempt,
            gpus=node.gpus if is_instance else assignment.gpus,
            sharesGpus=is_instance,
            scope=row.scope,
            life=row.life,
            token=row.make_token(),
            key=keys.work_key(row),
            spec=row.build_spec() | {"node": node.name, "memory_gb": assignment.memory_gb} | cls._rank(row, assignment),
        )

    @staticmethod
    def _rank(row: models.Work, assignment: models.Assignment) -> dict[str, int]:
        if row.node_count == 1:
            return {}
        return {"rank": assignment.rank, "node_count": row.node_count}


class NodeOrder(Shape):
    name: str
    key: str
    queue: str
    state: str

    @classmethod
    def of(cls, row: models.Node) -> Self:
        return cls(
            name=row.name,
            key=keys.node_key(row),
            queue=get_cluster_queue(row.target_id),
            state="wanted" if row.is_wanted else "leaving",
        )


class HostOrders(Shape):
    nodes: list[NodeOrder]
    detached: bool = pydantic.Field(default=False, description="It was detached and has no nodes: its agent ends.")
    watched: bool = pydantic.Field(default=False, description="Somebody is looking at them: send samples at once.")

    @classmethod
    def of(cls, row: models.Host) -> Self:
        """The orders of a host, which stops every node that is not listed; ended nodes are not listed."""
        shown = row.nodes.present().exclude(state=models.Node.State.UNUSABLE)
        watched = monitoring.is_watched(row, timezone.now())
        return cls(nodes=[NodeOrder.of(node) for node in shown], watched=watched)
