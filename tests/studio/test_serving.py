"""The web server's worker, with an application that says who serves it."""

import hashlib
import http.client
import os
import socket
import time

import pytest

from tests.studio.web_server import serve

APP = """
import hashlib, threading

def application(environ, start_response):
    found, body = hashlib.sha256(), threading.current_thread().name.encode()
    while part := environ["wsgi.input"].read(int(environ["QUERY_STRING"]) if environ["REQUEST_METHOD"] == "PUT" else 0):
        found.update(part)
        body = found.hexdigest().encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.fixture
def server(tmp_path):
    """One process of two threads; its port."""
    with serve(tmp_path, APP) as started:
        yield started


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


@pytest.mark.parametrize("read_at_once", [1000, 100_000, 1_048_576, 9_000_000])
def test_large_bodies_come_whole_and_leave_what_follows_them(server, read_at_once):
    bodies = [os.urandom(3_000_017), b"short", os.urandom(200_000)]
    heads = [f"PUT /?{read_at_once} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n" for body in bodies]
    sent = b"".join(head.encode() + body for head, body in zip(heads, bodies, strict=True))
    with socket.create_connection(("127.0.0.1", server[0]), timeout=10) as sock:
        for start in range(0, len(sent), 777_777):
            sock.sendall(sent[start : start + 777_777])
            time.sleep(0.01)
        received = b""
        while received.count(b"200 OK") < len(bodies) or not received.endswith(hash_of(bodies[-1])):
            received += sock.recv(65536) or pytest.fail("closed too early")
    assert all(hash_of(body) in received for body in bodies)


def test_a_client_that_leaves_amid_its_body_holds_no_thread(server):
    for _ in range(4):
        with socket.create_connection(("127.0.0.1", server[0]), timeout=10) as sock:
            sock.sendall(b"PUT /?1048576 HTTP/1.1\r\nHost: here\r\nContent-Length: 5000000\r\n\r\n" + bytes(300_000))
    assert ask(http.client.HTTPConnection("127.0.0.1", server[0], timeout=10)).startswith(b"ThreadPoolExecutor")


def hash_of(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
