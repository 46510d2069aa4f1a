"""Connections to processes on other machines, which have no open port: their agents dial in and wait to be used.

A machine's agent (sdk/src/lazuli/agent/streams.py) sends `GET /nodes/v1/streams` with the machine's key and gets 101. Then the gateway
sends a line with a local address of that machine, the agent connects there and answers `ok`, and from then on the
connection is that of the process. Each is used once. An empty line only shows that the gateway is there.
"""

import asyncio
import collections
import contextlib
import re
from collections.abc import Callable
from typing import TypeVar

from studio.gateway.decisions import Studio, Unreachable
from studio.gateway.heads import END, BadHead, make_response, parse_request
from studio.gateway.hosts import STREAM_LINE

WELCOME = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: lazuli-stream\r\nConnection: Upgrade\r\n\r\n"
OK = b"ok\n"
# `uid@address`, as the studio stores it for machines that are not its own.
REMOTE = re.compile(r"([0-9a-f-]{36})@(.+)")
CONNECT_SECONDS = 5.0
# Proxies end connections that are silent for a minute.
NOTE_SECONDS = 25.0
# How many of one machine may wait: its agent offers fewer.
MAX_WAITING = 64

Kind = TypeVar("Kind", bound=asyncio.Protocol)


class HostStream(asyncio.Protocol):
    """A connection of another machine, until it is used."""

    def __init__(self, streams: "HostStreams", uid: str, key: str):
        self.streams, self.uid, self.key = streams, uid, key
        self.transport: asyncio.Transport
        self.received = bytearray()
        self._answered: asyncio.Future | None = None

    def adopt(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        transport.set_protocol(self)
        transport.resume_reading()
        transport.write(WELCOME)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self._answered is None:
            # It has nothing to say before it is used.
            self.transport.abort()
        elif len(self.received) >= len(OK) and not self._answered.done():
            self._answered.set_result(self.received.startswith(OK))

    def connection_lost(self, error) -> None:
        self.streams.forget(self)
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(False)

    async def become(self, make: Callable[[], Kind], address: str) -> Kind | None:
        """The connection to this address of the machine; None if nothing answers there."""
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(f"{address}\n".encode())
        try:
            is_there = await self._answered
        except asyncio.CancelledError:
            self.transport.abort()
            raise
        if not is_there or self.transport.is_closing():
            self.transport.abort()
            return None
        protocol = make()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if rest := bytes(self.received[len(OK) :]):
            protocol.data_received(rest)
        return protocol


class HostStreams:
    """The waiting connections of the other machines, by the uid of the machine."""

    def __init__(self, studio: Studio):
        self._studio = studio
        self._waiting: dict[str, collections.deque[HostStream]] = {}
        # Set when a machine offers a connection.
        self._offered = asyncio.Condition()
        self._tasks: set[asyncio.Task] = set()

    def is_offer(self, received: bytes | bytearray) -> bool:
        return bool(STREAM_LINE.match(received))

    def take(self, transport: asyncio.Transport, received: bytes) -> None:
        """Take a connection whose head was read, if the machine's key is valid."""
        transport.pause_reading()
        task = asyncio.create_task(self._take(transport, received))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, transport: asyncio.Transport, received: bytes) -> None:
        try:
            head = parse_request(received[: received.find(END)])
            kind, _, key = head.get("authorization").partition(" ")
            decision = await self._studio.authorize_host(key if kind.lower() == "bearer" else "")
            if decision.status != 200:
                self._refuse(transport, "401 Unauthorized", "The studio does not know this machine.")
                return
        except BadHead as error:
            self._refuse(transport, f"{error.status} Refused", str(error))
            return
        except Unreachable:
            self._refuse(transport, "503 Service Unavailable", "The studio is restarting.")
            return
        uid = decision.address
        if len(self._waiting.get(uid, ())) >= MAX_WAITING:
            self._refuse(transport, "429 Too Many Requests", "This machine offers too many connections.")
            return
        stream = HostStream(self, uid, key)
        stream.adopt(transport)
        self._waiting.setdefault(uid, collections.deque()).append(stream)
        async with self._offered:
            self._offered.notify_all()

    def _refuse(self, transport: asyncio.Transport, status: str, message: str) -> None:
        transport.write(make_response(status, message, [("Content-Type", "text/plain; charset=utf-8")]))
        transport.close()

    def forget(self, stream: HostStream) -> None:
        waiting = self._waiting.get(stream.uid)
        if waiting is None:
            return
        with contextlib.suppress(ValueError):
            waiting.remove(stream)
        if not waiting:
            del self._waiting[stream.uid]

    async def connect(self, address: str, make: Callable[[], Kind]) -> Kind | None:
        """A connection to `unix:/path`, `host:port`, or such an address of another machine; None if nothing answers."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if remote := REMOTE.fullmatch(address):
                    stream = await self._use(remote[1])
                    return await stream.become(make, remote[2])
                return await _connect_here(address, make)
        except (OSError, TimeoutError, ValueError):
            return None

    async def _use(self, uid: str) -> HostStream:
        """The next waiting connection of the machine; its agent offers another one at once."""
        async with self._offered:
            await self._offered.wait_for(lambda: uid in self._waiting)
            waiting = self._waiting[uid]
            stream = waiting.popleft()
            if not waiting:
                del self._waiting[uid]
            return stream

    async def watch(self) -> None:
        """Keep the waiting connections open, and end those of machines that the studio no longer knows."""
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            for stream in [stream for waiting in self._waiting.values() for stream in waiting]:
                try:
                    decision = await self._studio.authorize_host(stream.key)
                except Unreachable:
                    continue
                if decision.status != 200:
                    stream.transport.abort()
                elif stream.uid in self._waiting and stream in self._waiting[stream.uid]:
                    stream.transport.write(b"\n")


async def _connect_here(address: str, make: Callable[[], Kind]) -> Kind:
    loop = asyncio.get_running_loop()
    kind, _, path = address.rpartition(":")
    if kind == "unix":
        return (await loop.create_unix_connection(make, path))[1]
    return (await loop.create_connection(make, kind, int(path)))[1]
