"""The called services with their replicas, requests in progress, and waiting requests."""

import asyncio
import collections
import dataclasses
import random
import time
from typing import TYPE_CHECKING, Any

from studio.gateway.meters import RequestMeter
from studio.gateway.sides import Side

if TYPE_CHECKING:
    from studio.gateway.streams import HostStreams

# A kept connection that was idle for longer is not used again: the replica ends those of 75 seconds.
IDLE_SECONDS = 30.0
# How many requests to one service may wait for a turn.
MAX_WAITING = 200
# A service that is not called for so long is forgotten.
QUIET_SECONDS = 120.0


class Full(Exception):
    """Too many requests wait already."""


class NoReplica(Exception):
    """No replica is ready at the moment."""


@dataclasses.dataclass(frozen=True)
class Route:
    """The replicas of a service, as listed by the studio."""

    addresses: tuple[str, ...]
    # How many requests each replica takes at a time, and how long each may take.
    concurrency: int = 1
    timeout_seconds: float = 60.0
    # How long a request waits for a starting replica if there is none, and the message after that.
    hold_seconds: float = 0.0
    message: str = ""
    # Instead of replicas: the versions of the service, and how many of 100 requests each gets.
    versions: tuple[tuple[str, int], ...] = ()
    # The versions that get copies of requests, and of how many of 100.
    mirrors: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, answer: dict[str, Any]) -> "Route":
        return cls(
            tuple(answer["addresses"]),
            answer["concurrency"],
            answer["timeoutSeconds"],
            answer["holdSeconds"],
            answer["message"],
            tuple((version["name"], version["share"]) for version in answer.get("versions", ())),
            tuple((version["name"], version["share"]) for version in answer.get("mirrors", ())),
        )

    def choose_version(self, wanted: str) -> str:
        """The version with this name, or one by the shares; empty if there is none."""
        if wanted:
            return wanted if any(name == wanted for name, _ in self.versions) else ""
        names, shares = zip(*self.versions, strict=True)
        return random.choices(names, shares)[0] if any(shares) else ""

    def choose_mirror(self) -> str:
        """The version that gets a copy of a request; empty if none does."""
        return next((name for name, share in self.mirrors if random.random() * 100 < share), "")


class ReplicaConnection(Side):
    """A connection to a replica."""

    idle_since = 0.0


class ReplicaConnections:
    def __init__(self, address: str, streams: "HostStreams"):
        self.address, self._streams = address, streams
        self.busy = 0
        self._idle: list[ReplicaConnection] = []

    async def connect(self) -> ReplicaConnection | None:
        """A kept connection or a new one; None if it does not answer."""
        while self._idle:
            kept = self._idle.pop()
            if not kept.has_ended and not kept.received and time.monotonic() - kept.idle_since < IDLE_SECONDS:
                return kept
            kept.transport.abort()
        return await self._streams.connect(self.address, ReplicaConnection)

    def keep(self, upstream: ReplicaConnection) -> None:
        upstream.idle_since = time.monotonic()
        self._idle.append(upstream)

    def close_idle(self) -> None:
        for upstream in self._idle:
            upstream.transport.abort()
        self._idle.clear()


class ScoringService:
    def __init__(self, streams: "HostStreams") -> None:
        self._streams = streams
        self.route = Route(())
        self._followed_at = 0.0
        self.meter = RequestMeter()
        # Requests that wait for a replica that starts.
        self.held = 0
        # Requests that have a turn or wait for one, and their number times seconds since the last report.
        self._under_way, self._area = 0, 0.0
        self._counted_at = self._read_at = time.monotonic()
        self.used_at = time.monotonic()
        # In the order in which they had their last request.
        self.replicas: dict[str, ReplicaConnections] = {}
        self._waiting: collections.deque[asyncio.Future] = collections.deque()

    def follow(self, route: Route, decided_at: float) -> None:
        """Use these replicas from now on. Others finish their requests."""
        if decided_at < self._followed_at:
            return
        self._followed_at = decided_at
        if route == self.route:
            return
        self.route = route
        for address in [address for address in self.replicas if address not in route.addresses]:
            self.replicas.pop(address).close_idle()
        for address in route.addresses:
            self.replicas.setdefault(address, ReplicaConnections(address, self._streams))
        self._serve_waiting()

    def _send_away(self) -> None:
        """Make the requests that wait ask the studio again."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(NoReplica())

    def _find_free(self) -> ReplicaConnections | None:
        """The least busy replica; of several, the one whose last request is the oldest."""
        found = min(self.replicas.values(), key=lambda replica: replica.busy, default=None)
        return found if found is not None and found.busy < self.route.concurrency else None

    async def take(self, seconds: float) -> ReplicaConnections:
        """Take a replica with a free turn; return it by `give_back`. Raises Full, NoReplica or TimeoutError."""
        if not self.replicas:
            raise NoReplica
        self._count(1)
        try:
            return await self._take(seconds)
        except BaseException:
            self._count(-1)
            raise

    def _count(self, change: int) -> None:
        now = time.monotonic()
        self._area += self._under_way * (now - self._counted_at)
        self._under_way += change
        self._counted_at = self.used_at = now

    @property
    def is_used(self) -> bool:
        """Whether it has had requests in the last minutes, or counts that were not reported."""
        return bool(self.meter.statuses) or self._under_way > 0 or time.monotonic() - self.used_at < QUIET_SECONDS

    def read_load(self) -> float:
        """The average number of requests in progress since the last call."""
        used_at = self.used_at
        self._count(0)
        # Only requests use it.
        self.used_at = used_at
        load = self._area / max(self._counted_at - self._read_at, 0.001)
        self._area, self._read_at = 0.0, self._counted_at
        return load

    async def _take(self, seconds: float) -> ReplicaConnections:
        if not self._waiting and (free := self._find_free()):
            return self._occupy(free)
        if len(self._waiting) >= MAX_WAITING:
            raise Full
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(seconds):
                return await waiting
        except BaseException:
            # It may have been given a replica in the moment in which it gave up.
            if waiting.done() and not waiting.cancelled() and not waiting.exception():
                self._release(waiting.result())
            elif waiting in self._waiting:
                self._waiting.remove(waiting)
            raise

    def _occupy(self, replica: ReplicaConnections) -> ReplicaConnections:
        replica.busy += 1
        if replica.address in self.replicas:
            self.replicas[replica.address] = self.replicas.pop(replica.address)
        return replica

    def give_back(self, replica: ReplicaConnections) -> None:
        self._count(-1)
        self._release(replica)

    def _release(self, replica: ReplicaConnections) -> None:
        replica.busy -= 1
        if self.replicas.get(replica.address) is not replica:
            replica.close_idle()
        self._serve_waiting()

    def drop(self, replica: ReplicaConnections) -> None:
        """Remove a replica that does not answer, until the studio lists it again."""
        if self.replicas.get(replica.address) is replica:
            del self.replicas[replica.address]
            self.route = dataclasses.replace(self.route, addresses=tuple(self.replicas))
        replica.close_idle()
        self._serve_waiting()

    def _serve_waiting(self) -> None:
        if not self.replicas:
            self._send_away()
        while self._waiting and (free := self._find_free()):
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(self._occupy(free))
