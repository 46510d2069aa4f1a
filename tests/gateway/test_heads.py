"""Heads of requests and responses: what the gateway refuses to read, and what it changes."""

import pytest

from studio.gateway.heads import BadHead, parse_request, rewrite_response
from studio.gateway.hosts import Applications
from studio.gateway.service_messages import ReplicaAnswer

ORIGIN = "http://lab.localhost:8000"
GET = b"GET /lab HTTP/1.1\r\nHost: lab.localhost:8000\r\n"


def head(*lines: str, first: str = "POST /api HTTP/1.1"):
    return parse_request("\r\n".join([first, "Host: lab.localhost:8000", *lines]).encode())


@pytest.mark.parametrize(
    "raw",
    [
        GET + b"Host: other",
        GET + b"Content-Length: 1\r\nContent-Length: 2",
        GET + b"Content-Length: +1",
        GET + b"Transfer-Encoding: chunked",
        GET + b"X y: 1",
        GET + b" folded: 1",
        GET + b"X: a\rb",
        GET + b"X: a\nHost: b",
        b"GET http://lab.localhost/ HTTP/1.1\r\nHost: lab.localhost",
        b"GET / HTTP/1.0\r\nHost: lab.localhost",
        b"GET /\r\nHost: lab.localhost",
        b"GET / HTTP/1.1\r\nX: no host",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw):
    with pytest.raises(BadHead):
        parse_request(raw)


def test_the_application_gets_its_token_and_no_cookie_of_ours():
    sent = head(
        "Cookie: a=1; sessionid=s; csrftoken=c; __Host-lazuli-app=x; lazuli-app-frame=y; b=2",
        "Authorization: Bearer stolen",
        "X-Forwarded-For: 1.2.3.4",
        "Connection: keep-alive, X-Own",
        "Expect: 100-continue",
    ).for_upstream("secret", ORIGIN, "10.0.0.9")
    lines = sent.decode().split("\r\n")
    assert "Cookie: a=1; b=2" in lines and "Authorization: token secret" in lines and "Connection: close" in lines
    assert "X-Forwarded-For: 10.0.0.9" in lines and "X-Forwarded-Host: lab.localhost:8000" in lines
    assert not any(
        word in sent for word in (b"stolen", b"1.2.3.4", b"sessionid", b"csrftoken", b"lazuli-app", b"Expect")
    )


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        ([], False),
        ([f"Origin: {ORIGIN}"], True),
        (["Origin: http://localhost:8000"], False),
        (["Origin: null"], False),
        (["Sec-Fetch-Site: same-origin"], True),
        (["Sec-Fetch-Site: same-site"], False),
        (["Sec-Fetch-Site: none"], False),
    ],
)
def test_only_pages_of_the_application_change_something(lines, allowed):
    assert head(*lines).comes_from(ORIGIN) is allowed
    assert head(*lines, first="GET /lab HTTP/1.1").comes_from(ORIGIN)


def test_a_web_socket_needs_the_origin_itself():
    upgrade = ["Upgrade: websocket", "Connection: keep-alive, Upgrade"]
    get = "GET /api/kernels HTTP/1.1"
    assert head(*upgrade, f"Origin: {ORIGIN}", first=get).comes_from(ORIGIN)
    assert not head(*upgrade, "Sec-Fetch-Site: same-origin", first=get).comes_from(ORIGIN)
    assert not head(*upgrade, "Origin: http://other.localhost:8000", first=get).comes_from(ORIGIN)


def test_an_application_sets_no_cookie_of_ours():
    raw = (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: lazuli-app=x\r\nSet-Cookie: _xsrf=1; Path=/\r\nConnection: keep-alive\r\nX: 1"
    )
    status, sent = rewrite_response(raw)
    assert status == 200
    assert sent == b"HTTP/1.1 200 OK\r\nSet-Cookie: _xsrf=1; Path=/\r\nX: 1\r\nConnection: close\r\n\r\n"


def test_host_names_of_applications():
    laptop = Applications.parse("http://*.localhost:8000")
    assert (
        laptop.label_of("Lab-1.localhost:8000") == "lab-1"
        and laptop.origin_of("lab-1") == "http://lab-1.localhost:8000"
    )
    assert [
        laptop.label_of(host) for host in ("localhost:8000", "127.0.0.1", "a.b.localhost", "-a.localhost", "x.org")
    ] == [""] * 5
    assert laptop.is_meant_by(b"GET / HTTP/1.1\r\nA: b\r\nHOST:  lab.localhost\r\n\r\nHost: x")
    assert not laptop.is_meant_by(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nhost: lab.localhost\r\n")
    assert Applications.parse("https://*.apps.example.org").origin_of("a") == "https://a.apps.example.org"
    for wrong in ("https://apps.example.org", "https://*.a.org/path", "ftp://*.a.org"):
        with pytest.raises(ValueError, match="begins with"):
            Applications.parse(wrong)


@pytest.mark.parametrize("length", [b"9" * 5000, b"-1", b"1_0", b"\xb2", b"1\r\nContent-Length: 2"])
def test_the_answer_of_a_replica_needs_a_length_that_can_be_read(length):
    with pytest.raises(BadHead, match="no length that can be read"):
        ReplicaAnswer.parse(b"HTTP/1.1 200 OK\r\nContent-Length: " + length, "POST")
