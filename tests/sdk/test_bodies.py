"""Large bodies, sent to and received from a server with sockets."""

from __future__ import annotations

import http.server
import io
import os
import threading

import httpx
import pytest
from lazuli import bodies, file_batches
from lazuli.client import Client

BODY = os.urandom(300_000) * 3


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.connections.add(self.client_address)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:500_000] if self.path == "/short" else BODY)
        self.close_connection = self.path == "/short"

    def do_PUT(self):
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing is printed."""


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.connections, server.bodies = set(), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(server):
    client = Client(f"http://127.0.0.1:{server.server_port}")
    yield client
    client.close()


@pytest.mark.parametrize(("large", "connections"), [(10**6, 1), (1000, 2)])
def test_a_body_is_received_whole_and_a_large_one_from_its_connection(
    server, client, tmp_path, monkeypatch, large, connections
):
    monkeypatch.setattr(bodies, "LARGE", large)
    for number in range(2):
        target = tmp_path / "in" / str(number)
        file_batches.save_answer(client.request("GET", "/", stream=True), str(target))
        assert target.read_bytes() == BODY
    assert len(server.connections) == connections


@pytest.mark.parametrize("large", [10**6, 1000])
def test_a_body_that_ends_early_leaves_no_file(client, tmp_path, monkeypatch, large):
    monkeypatch.setattr(bodies, "LARGE", large)
    with pytest.raises(httpx.TransportError):
        file_batches.save_answer(client.request("GET", "/short", stream=True), str(tmp_path / "a"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_sent_whole(server, client, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(BODY)
    with open(path, "rb") as file:
        client.request("PUT", "/", content=file)
    client.request("PUT", "/", content=io.BytesIO(BODY))
    assert server.bodies == [BODY] * 2
