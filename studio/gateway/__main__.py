"""`python -m studio.gateway`: accepts connections from a unix socket and connects them with their applications."""

import array
import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import socket
import struct
import time
from collections.abc import Callable

from studio.gateway.copies import Copies
from studio.gateway.decisions import Studio, Unreachable
from studio.gateway.exchange import Client, describe_peer, keep_alive
from studio.gateway.hosts import Applications
from studio.gateway.replicas import Route, ScoringService
from studio.gateway.service_calls import Caller
from studio.gateway.streams import HostStreams

logger = logging.getLogger(__name__)
LENGTH = struct.Struct("!I")
# What the web server has read of a request: its head, and the start of a body.
MAX_RECEIVED = 512 * 1024
RECHECK_SECONDS = 5.0
# How often the studio is sent the services that were used in the last minutes, and how many of them in one report.
LOAD_SECONDS, MAX_LOADS = 1.0, 50
HAND_OVER_SECONDS = 5.0
WANTED_FILES = 8192
# Connections that may wait to be taken over.
BACKLOG = 1024


class Gateway:
    def __init__(self, studio: Studio, applications: Applications, public_url: str):
        self.studio, self.applications, self.public_url = studio, applications, public_url
        self.clients: set[Client] = set()
        self.callers: set[Caller] = set()
        # The keys are workspace and name.
        self.services: dict[tuple[str, str], ScoringService] = {}
        prefix = "__Host-" if applications.is_https else ""
        # In a tab of its own, and in a frame of a page of the studio, which is another site.
        self.cookie_names = (f"{prefix}lazuli-app", f"{prefix}lazuli-app-frame")
        self.peer_of: Callable[[asyncio.BaseTransport], str] = describe_peer
        self._adopting: set[asyncio.Task] = set()
        self.copies = Copies(self)
        self.streams = HostStreams(studio)

    def new_service(self) -> ScoringService:
        return ScoringService(self.streams)

    def make_cookies(self, value: str) -> list[str]:
        tab, frame = self.cookie_names
        secure = "; Secure" if self.applications.is_https else ""
        return [
            f"{tab}={value}; Path=/; HttpOnly; SameSite=Lax{secure}",
            f"{frame}={value}; Path=/; HttpOnly; SameSite=None; Secure; Partitioned",
        ]

    def take_over(self, connection: socket.socket) -> None:
        task = asyncio.create_task(self._receive(connection))
        self._adopting.add(task)
        task.add_done_callback(self._adopting.discard)

    async def _receive(self, connection: socket.socket) -> None:
        """Receive a message: a length, a connection and the bytes read from it; without a connection, a notified change."""
        loop, sock = asyncio.get_running_loop(), None
        try:
            async with asyncio.timeout(HAND_OVER_SECONDS):
                head, sock = await _receive_descriptor(connection)
                (length,) = LENGTH.unpack(head)
                if length > MAX_RECEIVED:
                    raise ValueError("too much was read")
                received = bytearray()
                while len(received) < length:
                    piece = await loop.sock_recv(connection, length - len(received))
                    if not piece:
                        raise ValueError("it ended early")
                    received += piece
                if sock is None:
                    self.studio.forget_service(**json.loads(received))
                    return
                sock.setblocking(False)
                keep_alive(sock)
                _, client = await loop.connect_accepted_socket(lambda: Client(self), sock)
                sock = None
            client.data_received(bytes(received))
        except (OSError, TimeoutError, ValueError, struct.error) as error:
            logger.warning("A connection could not be taken over: %s", error)
        finally:
            connection.close()
            if sock is not None:
                sock.close()

    async def watch(self) -> None:
        """Check every open web socket again, so that losing access closes it."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            open_ones: dict[tuple[str, str], list[Client]] = {}
            for client in self.clients:
                if client.is_spliced and client.admission:
                    open_ones.setdefault(client.admission, []).append(client)
            for (label, cookie), clients in open_ones.items():
                try:
                    decision = await self.studio.authorize(label, cookie)
                except Unreachable:
                    # The last answer is valid for a minute; open connections stay open while the studio is unreachable.
                    continue
                if decision.status != 200:
                    for client in clients:
                        client.abort()

    async def report_loads(self) -> None:
        """Report requests, so that the studio starts and stops replicas; its response has the current replicas."""
        while True:
            await asyncio.sleep(LOAD_SECONDS)
            self.services = {key: service for key, service in self.services.items() if service.is_used}
            used = list(self.services.items())
            for first in range(0, len(used), MAX_LOADS):
                await self._report(used[first : first + MAX_LOADS])

    async def _report(self, used: list[tuple[tuple[str, str], ScoringService]]) -> None:
        began, reports, counts = time.monotonic(), [], [service.meter.read() for _, service in used]
        for (key, service), (statuses, buckets) in zip(used, counts, strict=True):
            named = {"workspace": key[0], "name": key[1], "busy": round(service.read_load(), 3)}
            reports.append({**named, "statuses": statuses, "buckets": buckets})
        try:
            status, answer = await self.studio.ask("/nodes/v1/services/load", {"services": reports})
        except Unreachable:
            status, answer = 503, {}
        routes = answer.get("services", [])
        if status != 200 or len(routes) != len(used):
            # The routes stay as they were, and the counts wait for the next report.
            if status == 200:
                logger.warning("The studio's answer to a report has %d of %d services.", len(routes), len(used))
            return
        for (_, service), counted, route in zip(used, counts, routes, strict=True):
            service.meter.subtract(*counted)
            if route:
                service.follow(Route.of(route), began)


async def _receive_descriptor(connection: socket.socket) -> tuple[bytes, socket.socket | None]:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection, ready.set)
    try:
        await ready.wait()
        size = array.array("i").itemsize
        head, ancillary, _, _ = connection.recvmsg(LENGTH.size, socket.CMSG_SPACE(size))
    finally:
        loop.remove_reader(connection)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS and len(data) >= size:
            return head, socket.socket(fileno=array.array("i", data[:size])[0])
    return head, None


async def serve(gateway: Gateway, listener: socket.socket) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    watching = [asyncio.create_task(gateway.watch()), asyncio.create_task(gateway.report_loads())]
    watching.append(asyncio.create_task(gateway.streams.watch()))
    for task in watching:
        # Without them, access would no longer be checked: the gateway ends, and is started again.
        task.add_done_callback(lambda _: stopped.set())

    def accept() -> None:
        # Many at once: a page of JupyterLab opens a dozen, and the web server does not wait.
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            for _ in range(BACKLOG):
                connection, _ = listener.accept()
                connection.setblocking(False)
                gateway.take_over(connection)

    loop.add_reader(listener, accept)
    await stopped.wait()
    loop.remove_reader(listener)
    for task in watching:
        if task.done():
            logger.error("The gateway stops, because one of its tasks has failed.", exc_info=task.exception())
        task.cancel()
    for client in list(gateway.clients):
        client.abort()
    for caller in list(gateway.callers):
        caller.abort()


def open_listener(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "WARNING"), format="{levelname} {name}: {message}", style="{")
    allow_open_files()
    studio = Studio(os.environ["SERVER_URL"], os.environ.pop("GATEWAY_KEY"))
    gateway = Gateway(studio, Applications.parse(os.environ["APPS_URL"]), os.environ["PUBLIC_URL"].rstrip("/"))
    asyncio.run(serve(gateway, open_listener(os.environ["GATEWAY_SOCKET"])))


if __name__ == "__main__":
    main()
