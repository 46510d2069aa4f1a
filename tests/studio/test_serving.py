"""The web server's worker, with an application that says who serves it."""

import http.client
import os
import pathlib
import socket
import subprocess
import sys
import time

import pytest

from studio import serving

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
APP = """
import threading

def application(environ, start_response):
    body = threading.current_thread().name.encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.fixture
def server(tmp_path):
    """One process of two threads; its port."""
    (tmp_path / "who.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class", "studio.serving.Worker"]
    command += ["--limit-request-line", str(serving.limit_request_line)]
    options = ["--threads", "2", "--keep-alive", "20", "--graceful-timeout", "5", "--bind", f"127.0.0.1:{port}", "who"]
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    process = subprocess.Popen([*command, *options], cwd=tmp_path, env=env, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while socket.socket().connect_ex(("127.0.0.1", port)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield port, process
    process.terminate()
    process.wait(20)


def ask(connection) -> bytes:
    connection.request("GET", "/")
    return connection.getresponse().read()


def test_connections_that_are_kept_take_turns_on_fewer_threads(server):
    connections = [http.client.HTTPConnection("127.0.0.1", server[0], timeout=10) for _ in range(5)]
    for _ in range(20):
        for connection in connections:
            assert ask(connection).startswith(b"ThreadPoolExecutor")


def test_requests_that_come_in_one_piece_are_answered_one_by_one(server):
    request = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server[0]), timeout=10) as sock:
        sock.sendall(request * 3)
        received = b""
        while received.count(b"200 OK") < 3:
            received += sock.recv(65536) or pytest.fail("closed too early")


def test_a_stop_waits_for_no_connection_that_is_only_kept(server):
    port, process = server
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    ask(connection)
    begun = time.monotonic()
    process.terminate()
    assert process.wait(20) == 0
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("length", "status"), [(60_000, 200), (70_000, 414)])
def test_an_address_may_be_long_but_not_without_end(server, length, status):
    connection = http.client.HTTPConnection("127.0.0.1", server[0], timeout=10)
    connection.request("GET", f"/?{'x' * length}")
    assert connection.getresponse().status == status
