"""The overhead of the gateway for a web socket and a request, and its memory, with an application that only echoes.

python bench/gateway.py
"""

import contextlib
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

import psutil

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from studio import socket_handover  # noqa: E402

ROUNDS, MESSAGES, SOCKETS, OPENED = 5, 2000, 500, 10_000
MESSAGE = b"y" * 200
HEAD = b"GET /%s HTTP/1.1\r\nHost: lab.localhost:8000\r\nOrigin: http://lab.localhost:8000\r\nCookie: lazuli-app=c\r\n"
UPGRADE = HEAD % b"ws" + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
GET = HEAD % b"a" + b"\r\n"
APPLICATION = """
import asyncio, sys

class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.is_open = transport, False

    def data_received(self, data):
        if self.is_open:
            self.transport.write(data)
        elif b"websocket" in data:
            self.is_open = True
            self.transport.write(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n")
        else:
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 1024\\r\\n\\r\\n" + b"x" * 1024)
            self.transport.close()

async def main():
    await asyncio.get_running_loop().create_unix_server(Echo, sys.argv[1])
    await asyncio.sleep(3600)

asyncio.run(main())
"""


class Studio(http.server.BaseHTTPRequestHandler):
    """Lets everybody in."""

    answer = b""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *arguments):
        """Quiet."""


@contextlib.contextmanager
def started(folder: pathlib.Path):
    """The gateway's process, with an application and a studio."""
    Studio.answer = json.dumps({"address": f"unix:{folder}/application", "token": "t"}).encode()
    studio = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Studio)
    threading.Thread(target=studio.serve_forever, daemon=True).start()
    own = {
        "SERVER_URL": f"http://127.0.0.1:{studio.server_port}",
        "GATEWAY_KEY": "key",
        "GATEWAY_SOCKET": f"{folder}/gateway",
        "APPS_URL": "http://*.localhost:8000",
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "MALLOC_ARENA_MAX": "2",
    }
    application = subprocess.Popen([sys.executable, "-c", APPLICATION, f"{folder}/application"])
    gateway = subprocess.Popen([sys.executable, "-m", "studio.gateway"], cwd=ROOT, env={**os.environ, **own})
    try:
        while not all((folder / name).exists() for name in ("application", "gateway")):
            time.sleep(0.05)
        time.sleep(0.5)
        yield psutil.Process(gateway.pid)
    finally:
        gateway.terminate()
        application.terminate()


def connect(folder: pathlib.Path, listener: socket.socket, request: bytes) -> socket.socket:
    """A browser's connection, given to the gateway as the web server does."""
    browser = socket.create_connection(listener.getsockname())
    browser.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    accepted, _ = listener.accept()
    assert socket_handover.hand_over(f"{folder}/gateway", accepted, request)
    socket_handover.forget(accepted)
    return browser


def open_directly(folder: pathlib.Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(f"{folder}/application")
    sock.sendall(UPGRADE)
    return sock


def measure_echo(sock: socket.socket) -> list[float]:
    sock.recv(4096)
    taken = []
    for _ in range(MESSAGES):
        begun, received = time.perf_counter(), 0
        sock.sendall(MESSAGE)
        while received < len(MESSAGE):
            received += len(sock.recv(4096))
        taken.append(time.perf_counter() - begun)
    return taken


def describe(taken: list[float]) -> str:
    ordered = sorted(taken)
    return (
        f"{ordered[len(ordered) // 2] * 1000:.3f} ms, 99 of 100 under {ordered[len(ordered) * 99 // 100] * 1000:.2f} ms"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = pathlib.Path(name)
        with started(folder) as gateway:

            def memory() -> str:
                return f"{gateway.memory_info().rss / 2**20:.1f} MB"

            print(f"idle: {memory()}")
            for way, begin in (
                ("direct", lambda: open_directly(folder)),
                ("gateway", lambda: connect(folder, listener, UPGRADE)),
            ):
                rounds = [measure_echo(begin()) for _ in range(ROUNDS)]
                print(f"echo of 200 bytes, {way}, best round: {describe(min(rounds, key=sum))}")
            taken = []
            for _ in range(300):
                begun = time.perf_counter()
                with connect(folder, listener, GET) as browser:
                    while browser.recv(65536):
                        continue
                taken.append(time.perf_counter() - begun)
            print(f"request of 1 KB on a new connection: {describe(taken)}")
            opened = [connect(folder, listener, UPGRADE) for _ in range(SOCKETS)]
            for browser in opened:
                browser.recv(4096)
            print(f"{SOCKETS} web sockets: {memory()}")
            for browser in opened:
                browser.close()
            for _ in range(OPENED):
                with connect(folder, listener, UPGRADE) as browser:
                    browser.recv(4096)
            print(f"after {OPENED} opens and closes: {memory()}")


if __name__ == "__main__":
    main()
