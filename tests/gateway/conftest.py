"""The gateway between real sockets: connections are given to it, the studio and the application are small servers."""

import asyncio
import contextlib
import http.server
import json
import re
import socket
import threading
import time

import pytest

from studio import socket_handover
from studio.gateway import __main__ as process
from studio.gateway import decisions
from studio.gateway.decisions import Studio
from studio.gateway.hosts import Applications

HOST = "lab.localhost:8000"
ORIGIN = f"http://{HOST}"


def read_request(connection: socket.socket) -> bytes:
    """Head and body, which may come in several packets."""
    received = b""
    while not (whole := re.match(rb"(?s)(.*?)\r\n\r\n(.*)", received)) or len(whole[2]) < body_length(whole[1]):
        if not (part := connection.recv(65536)):
            break
        received += part
    return received


def body_length(head: bytes) -> int:
    found = re.search(rb"(?i)content-length: *(\d+)", head)
    return int(found[1]) if found else 0


class Application(threading.Thread):
    """Answers one request a connection by what it got; after an upgrade it echoes."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.seen: list[bytes] = []

    def run(self):
        while True:
            with contextlib.suppress(OSError):
                connection, _ = self.listener.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()
                continue
            return

    def answer(self, connection):
        received = read_request(connection)
        self.seen.append(received)
        if b"Upgrade: websocket" in received:
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello"
            )
            while data := connection.recv(65536):
                connection.sendall(data)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nSet-Cookie: sessionid=x\r\n\r\ndone")
        connection.close()


@pytest.fixture
def studio(tmp_path):
    """`studio.answers`: what it answers to each route; `studio.requests` counts."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append((self.path.rpartition("/")[2], body))
            time.sleep(server.delay)
            assert self.headers["Authorization"] == "Bearer key"
            status, answer = server.answers[self.path.rpartition("/")[2]]
            if answer == {"services": [None]}:
                answer = {"services": [None for _ in body["services"]]}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.delay = [], 0.0
    server.answers = {
        "load": (200, {"services": [None]}),
        "enter": (200, {"cookie": "c00kie", "path": "/lab"}),
        "authorize": (200, {"address": f"unix:{tmp_path}/app", "token": "t0ken"}),
    }
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def application(tmp_path):
    found = Application(tmp_path / "app")
    found.start()
    return found


@pytest.fixture
def connect(tmp_path, studio, monkeypatch):
    """A connection of a browser, which the web server has given to the gateway with the request that it read."""
    monkeypatch.setattr(process, "RECHECK_SECONDS", 0.1)
    monkeypatch.setattr(process, "LOAD_SECONDS", 0.1)
    monkeypatch.setattr(decisions, "FRESH_SECONDS", 0.1)
    gateway = process.Gateway(
        Studio(f"http://127.0.0.1:{studio.server_port}", "key"),
        Applications.parse("http://*.localhost:8000"),
        "http://127.0.0.1:8000",
    )
    listener = process.open_listener(str(tmp_path / "socket"))
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(loop, "add_signal_handler", lambda *arguments: None)
    running = [loop.create_task(process.serve(gateway, listener))]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def give(request: str) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(5)
        assert socket_handover.hand_over(str(tmp_path / "socket"), theirs, request.replace("\n", "\r\n").encode())
        socket_handover.forget(theirs)
        return ours

    yield give

    async def end():
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(end(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    assert all(task.done() for task in running)
    listener.close()
    loop.close()


def read_all(sock) -> str:
    with sock:
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode()
