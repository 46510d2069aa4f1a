"""Clients that are slow on purpose hold no thread of the web server, and an address holds no more than its share."""

import contextlib
import hashlib
import http.client
import os
import re
import select
import socket
import threading
import time

import pytest
from django.core.exceptions import ImproperlyConfigured

from studio.web_limits import read_limits
from tests.studio.web_server import serve

MB = 1024 * 1024
APP = """
import hashlib, os

def application(environ, start_response):
    found, source = hashlib.sha256(), environ["wsgi.input"]
    while part := source.read(1024 * 1024):
        found.update(part)
    if environ["PATH_INFO"] == "/file":
        file = open("big", "rb")
        start_response("200 OK", [("Content-Length", str(os.fstat(file.fileno()).st_size))])
        return environ["wsgi.file_wrapper"](file)
    if environ["PATH_INFO"] == "/parts":
        start_response("200 OK", [])
        return (b"x" * 65536 for _ in range(300))
    body = found.hexdigest().encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: "
SLOW_BODY = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nabc"
STALLED_UPLOAD = b"PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: 90000000\r\n\r\n" + bytes(140_000)
CHUNKED = b"PUT / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def default_timeouts_port(tmp_path_factory):
    """The port of a server that waits as long as it does by default."""
    folder = tmp_path_factory.mktemp("default_timeouts")
    (folder / "big").write_bytes(os.urandom(30 * MB))
    with serve(folder, APP) as (port, _):
        yield port


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server that waits a second, and trusts nobody: five connections and one upload of two per address."""
    limits = {"WEB_HEADER_SECONDS": "1", "WEB_BODY_SECONDS": "2", "TRUSTED_PROXIES": ""}
    shares = {"WEB_ADDRESS_CONNECTIONS": "5", "WEB_UPLOADS": "2", "WEB_ADDRESS_UPLOADS": "1"}
    with serve(tmp_path_factory.mktemp("strict"), APP, **limits, **shares) as (port, _):
        yield port


@pytest.fixture
def clients():
    """Opens clients that send these bytes and then nothing; all are closed at the end."""
    with contextlib.ExitStack() as stack:

        def connect(port: int, sent: bytes, count: int = 1, source: str = "127.0.0.1") -> list[socket.socket]:
            made = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 10, (source, 0)))
                for _ in range(count)
            ]
            for client in made:
                client.sendall(sent)
            return made

        yield connect


def answer_to(port: int, method: str = "GET", path: str = "/", body=None, source: str = "127.0.0.1", **options):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request(method, path, body, **options)
        answer = connection.getresponse()
        return answer.status, answer.read()


def slowest_page(port: int, times: int = 30) -> float:
    spent = []
    for _ in range(times):
        begun = time.monotonic()
        assert answer_to(port)[0] == 200
        spent.append(time.monotonic() - begun)
    return max(spent)


def received(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def hash_of(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def test_pages_are_answered_beside_slow_heads_and_bodies_and_stalled_uploads(default_timeouts_port, clients):
    clients(default_timeouts_port, SLOW_HEAD, 50)
    clients(default_timeouts_port, SLOW_BODY, 50)
    clients(default_timeouts_port, b"", 16)
    clients(default_timeouts_port, CHUNKED + b"5\r\nhel", 16)
    clients(default_timeouts_port, STALLED_UPLOAD, 16)
    assert slowest_page(default_timeouts_port) < 1


def test_an_upload_replaces_a_stalled_one(default_timeouts_port, clients):
    clients(default_timeouts_port, STALLED_UPLOAD, 8)
    time.sleep(0.2)
    body = os.urandom(20 * MB)
    begun = time.monotonic()
    assert answer_to(default_timeouts_port, "PUT", body=body) == (200, hash_of(body))
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("path", ["/file", "/parts"])
def test_clients_that_stop_reading_an_answer_leave_the_threads_to_others(default_timeouts_port, clients, path):
    clients(default_timeouts_port, f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode(), 12)
    assert slowest_page(default_timeouts_port) < 3


def test_an_answer_that_is_read_slowly_comes_whole(default_timeouts_port, clients):
    (client,) = clients(
        default_timeouts_port, b"GET /file HTTP/1.1\r\nHost: here\r\n\r\nGET / HTTP/1.1\r\nHost: here\r\n\r\n"
    )
    time.sleep(0.5)
    begun, data = time.monotonic(), b""
    while not data.endswith(hash_of(b"")):
        data += client.recv(MB) or pytest.fail("closed too early")
        time.sleep(0.01)
        assert time.monotonic() - begun < 10
    assert len(data) > 30 * MB and data.count(b"HTTP/1.1 200 OK") == 2


def test_a_deadline_ends_what_does_not_come(strict, clients):
    cases = {b"": b"", SLOW_HEAD: b"408", SLOW_BODY: b"408", CHUNKED + b"5\r\nhel": b"408", b"GET / HTTP/1.1\n": b"400"}
    begun = time.monotonic()
    opened = [clients(strict, sent)[0] for sent in cases]
    assert [received(client)[9:12] for client in opened] == list(cases.values())
    assert time.monotonic() - begun < 5


def test_a_byte_now_and_then_gains_no_time(strict, clients):
    (client,) = clients(strict, SLOW_HEAD)
    begun = time.monotonic()
    while not select.select([client], [], [], 0.1)[0]:
        client.sendall(b"x")
        assert time.monotonic() - begun < 4
    assert client.recv(100).startswith(b"HTTP/1.1 408 ")


def test_what_began_byte_by_byte_is_answered_when_it_is_complete(default_timeouts_port, clients):
    (client,) = clients(default_timeouts_port, b"GET / HTTP/1.1\r\n")
    body = os.urandom(100_000)
    head = b"Host: here\r\n\r\nPUT / HTTP/1.1\r\nHost: here\r\nContent-Length: 100000\r\n\r\n" + body[:3]
    for piece in (b"A: b\r\n", b"B: c\r\n", head, body[3:6], body[6:9], body[9:50_000], body[50_000:]):
        time.sleep(0.03)
        client.sendall(piece)
    data = b""
    while not data.endswith(hash_of(body)):
        data += client.recv(65536) or pytest.fail("closed too early")
    assert data.count(b"HTTP/1.1 200 OK") == 2


def test_an_address_has_its_share_of_connections(strict, clients):
    clients(strict, SLOW_BODY, 5)
    (refused,) = clients(strict, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    answer = received(refused)
    assert answer.startswith(b"HTTP/1.1 429 ") and b"Retry-After: 5" in answer
    assert answer_to(strict, source="127.0.0.2")[0] == 200


def test_an_address_has_its_share_of_uploads(strict, clients):
    clients(strict, STALLED_UPLOAD, 4, source="127.0.0.3")
    time.sleep(0.2)
    begun, body = time.monotonic(), os.urandom(MB)
    assert answer_to(strict, "PUT", body=body, source="127.0.0.4") == (200, hash_of(body))
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("size", [10, 100_000, 3 * MB])
def test_a_client_that_waits_for_100_continue_gets_it_once(default_timeouts_port, clients, size):
    body = os.urandom(size)
    head = (
        f"PUT / HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    )
    (client,) = clients(default_timeouts_port, head.encode())
    assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(body)
    answer = received(client)
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(hash_of(body))


@pytest.mark.parametrize("pause", [0, 0.02])
def test_a_kept_connection_takes_requests_of_all_kinds(default_timeouts_port, clients, pause):
    (client,) = clients(default_timeouts_port, b"")
    for size in (10, 3 * MB, 100_000, 200_000):
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert answer_of(client).endswith(hash_of(b""))
        time.sleep(pause)
        client.sendall(
            f"PUT / HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n\r\n".encode()
        )
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        body = os.urandom(size)
        client.sendall(body)
        answer = answer_of(client)
        assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(hash_of(body))


def answer_of(client: socket.socket) -> bytes:
    """The next one, which ends with a hash."""
    data = b""
    while not re.search(rb"\r\n\r\n[0-9a-f]{64}\Z", data):
        data += client.recv(65536) or pytest.fail("closed too early")
    return data


LONG_TRAILERS = b"0\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 200) for number in range(20)) + b"\r\n"


@pytest.mark.parametrize("size", [0, 5, 70_000, 300_000, 4 * MB])
@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"000;a=b\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", LONG_TRAILERS])
def test_chunked_bodies_come_whole_and_leave_what_follows_them(default_timeouts_port, clients, size, end):
    body = os.urandom(size)
    chunks = [body[start : start + 65_000] for start in range(0, size, 65_000)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end
    (client,) = clients(default_timeouts_port, CHUNKED)
    for start in range(0, len(sent), 700_001):
        client.sendall(sent[start : start + 700_001])
        time.sleep(0.01)
    client.sendall(SLOW_BODY + bytes(997))
    answers = b""
    while len(re.findall(rb"\r\n\r\n[0-9a-f]{64}", answers)) < 2:
        answers += client.recv(65536) or pytest.fail("closed too early")
    assert hash_of(body) in answers and hash_of(b"abc" + bytes(997)) in answers


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"400"),
        (b"Content-Length: 5\r\nContent-Length: 6", b"400"),
        (b"Content-Length: +5", b"400"),
        (b"Content-Length : 5", b"400"),
        (b"Transfer-Encoding: chunked, identity", b"400"),
        (b"Transfer-Encoding: \x0bchunked", b"400"),
        (b"\r\n".join(b"X-%d: 1" % number for number in range(200)), b"431"),
        (b"X-Long: " + b"x" * 10_000, b"431"),
        (b"X-Endless: " + b"x" * 200_000, b"431"),
    ],
)
def test_ambiguous_requests_are_refused(default_timeouts_port, clients, fields, status):
    (client,) = clients(default_timeouts_port, b"POST / HTTP/1.1\r\nHost: here\r\n" + fields + b"\r\n\r\n0\r\n\r\n")
    answer = received(client)
    assert answer[9:12] == status and answer.count(b"HTTP/1.1") == 1


def test_many_at_once_get_their_own_answers(default_timeouts_port):
    bodies = [os.urandom(size) for size in (10, 1000, 130_000, 131_072, 131_073, 400_000, 2 * MB, 5 * MB)]
    answers: dict[int, tuple] = {}
    threads = [
        threading.Thread(
            target=lambda i=i, body=body: answers.update({i: answer_to(default_timeouts_port, "PUT", body=body)})
        )
        for i, body in enumerate(bodies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {i: (200, hash_of(body)) for i, body in enumerate(bodies)}


def test_the_head_of_a_file_comes_without_it(default_timeouts_port):
    assert answer_to(default_timeouts_port, "HEAD", "/file") == (200, b"")


@pytest.mark.parametrize(
    ("address", "party"),
    [
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("", None),
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
    ],
)
def test_whose_share_an_address_takes(address, party):
    assert read_limits().party_of(address) == party


@pytest.mark.parametrize(
    ("setting", "without_share"),
    [
        (None, ["127.0.0.1", "::1"]),
        ("10.0.0.0/8", ["10.1.2.3", "127.0.0.1", "::1"]),
        ("", []),
    ],
)
def test_trusted_proxies_and_this_machine_have_no_share(monkeypatch, setting, without_share):
    if setting is not None:
        monkeypatch.setenv("TRUSTED_PROXIES", setting)
    addresses = ["10.1.2.3", "127.0.0.1", "::1", "192.0.2.7"]
    assert [address for address in addresses if read_limits().party_of(address) is None] == without_share


def test_a_network_that_is_none_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, proxy")
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES="):
        read_limits()
