"""`python -m lazuli.agent.streams URL`: gives the studio's gateway a way to the services of this machine, without an open port.

It keeps a few connections to the studio open, with the machine's key from its standard input. When the gateway needs one,
it sends the address of a service here, and both are connected; another connection takes its place. It ends with its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
import subprocess
import sys
from urllib.parse import urlsplit

STREAMS = "/nodes/v1/streams"
# How many wait, and the pauses after failures.
WAITING = 8
FIRST_PAUSE, MAX_PAUSE = 0.5, 10.0
CONNECT_SECONDS = 10.0
# The gateway sends an empty line more often.
SILENT_SECONDS = 90.0
MAX_HEAD, PIECE = 16 * 1024, 64 * 1024
# What services listen at (lazuli/runner/service.py): a socket in a folder of their own, or a port of this machine alone.
ADDRESS = re.compile(r"unix:(/(?:[^/]+/)*lazuli-[^/]+/s)|127\.0\.0\.1:([0-9]{4,5})")


class NotTaken(Exception):
    """The studio does not take the connection."""


PROBLEMS = (OSError, NotTaken, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class Streams:
    """The process, for the host agent."""

    def __init__(self, url: str, key: str):
        self._url, self._key = url, key
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

    def run_round(self) -> None:
        """Start it, also after it has ended."""
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, "-m", "lazuli.agent.streams", self._url]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE)
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(self._key.encode() + b"\n")
                self._process.stdin.flush()

    def shut_down(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


class Offers:
    """The waiting connections."""

    def __init__(self, url: str, key: str):
        parts = urlsplit(url)
        self._is_https = parts.scheme == "https"
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or (443 if self._is_https else 80)
        self._request = (
            f"GET {parts.path.rstrip('/')}{STREAMS} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
            "Connection: Upgrade\r\nUpgrade: lazuli-stream\r\n\r\n"
        ).encode()
        self._context = ssl.create_default_context() if self._is_https else None
        self._used: set[asyncio.Task[None]] = set()

    async def keep_offering(self) -> None:
        """One connection after the other: the next one as soon as one is used."""
        pause, problem = FIRST_PAUSE, ""
        while True:
            try:
                reader, writer = await self._dial()
                pause = FIRST_PAUSE
                address = await self._wait_for_use(reader, writer)
            except PROBLEMS as error:
                if str(error) != problem:
                    problem = str(error)
                    print(f"No connection for services: {problem or type(error).__name__}", file=sys.stderr, flush=True)
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE)
                continue
            problem = ""
            if address:
                task = asyncio.create_task(join(address, reader, writer))
                self._used.add(task)
                task.add_done_callback(self._used.discard)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        opening = asyncio.open_connection(self._host, self._port, ssl=self._context, limit=MAX_HEAD)
        reader, writer = await asyncio.wait_for(opening, CONNECT_SECONDS)
        writer.write(self._request)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), CONNECT_SECONDS)
        status = head.split(b" ", 2)[1:2]
        if status != [b"101"]:
            writer.close()
            raise NotTaken(f"{self._host} answered {head.splitlines()[0].decode(errors='replace')[:100]}")
        return reader, writer

    async def _wait_for_use(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """The address for which the gateway uses it; empty if the connection has ended."""
        try:
            while True:
                line = await asyncio.wait_for(reader.readline(), SILENT_SECONDS)
                if line.strip():
                    return line.decode().strip()
                if not line:
                    writer.close()
                    return ""
        except (asyncio.TimeoutError, ValueError):
            writer.close()
            return ""


async def join(address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connect a used connection with the service, until one of both ends."""
    try:
        service_reader, service_writer = await open_service(address)
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        print(f"No service answers at {address[:200]}: {error}", file=sys.stderr, flush=True)
        writer.close()
        return
    writer.write(b"ok\n")
    there = asyncio.create_task(copy(reader, service_writer))
    # A client that has sent everything may still read; when the service has ended, nothing more can come.
    await copy(service_reader, writer)
    there.cancel()
    for each in (writer, service_writer):
        each.close()


def parse_address(address: str) -> tuple[str, int]:
    """The path of a socket, or a port of this machine. Raises ValueError for an address at which no service listens."""
    found = ADDRESS.fullmatch(address)
    if not found:
        raise ValueError("services do not listen there")
    return found[1] or "", int(found[2] or 0)


async def open_service(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    path, port = parse_address(address)
    opening = asyncio.open_unix_connection(path) if path else asyncio.open_connection("127.0.0.1", port)
    return await asyncio.wait_for(opening, CONNECT_SECONDS)


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end; the slower side holds up the other one."""
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def serve(url: str, key: str) -> None:
    offers = Offers(url, key)
    tasks = [asyncio.create_task(offers.keep_offering()) for _ in range(WAITING)]
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def look() -> None:
        if not os.read(0, 1) and not ended.done():
            ended.set_result(None)

    loop.add_reader(0, look)
    await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()


def main() -> None:
    key = sys.stdin.buffer.readline().decode().strip()
    asyncio.run(serve(sys.argv[1], key))


if __name__ == "__main__":
    main()
