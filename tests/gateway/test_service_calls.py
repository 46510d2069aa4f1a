"""Requests to services through the gateway, to real scoring servers."""

import http.client
import json
import socket
import sys
import threading
import time

import pytest
from lazuli.scoring.entry_script import EntryScript
from lazuli.scoring.server import ScoringServer

from studio import socket_handover
from studio.gateway import decisions, replicas, service_calls, service_messages
from tests.gateway.conftest import read_all

HEAD = "POST /api/v1/service/space/svc/score?a=b HTTP/1.1\nHost: studio:8000\nAuthorization: Bearer s3cret\n"
SCORE = """
import time
def init(): pass
def run(data):
    if data == "pieces":
        return iter(["one ", "two ", b"three"])
    if data.startswith("sleep"):
        time.sleep(float(data[5:]))
    if data == "break":
        return broken()
    return data[-20:] + f" of {len(data)}"
def broken():
    yield "one"
    raise ValueError("within the answer")
"""


@pytest.fixture
def replica(tmp_path, studio, monkeypatch):
    """Starts a scoring server, and has the studio name it with those before it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    servers, addresses = [], []

    def start(concurrency=1, **fields):
        path = tmp_path / f"replica-{len(servers)}"
        (tmp_path / "score.py").write_text(SCORE)
        script = EntryScript(str(tmp_path / "score.py"))
        script.start()
        server = ScoringServer(script, concurrency=concurrency)
        server.listen(str(path))
        threading.Thread(target=server.serve, daemon=True).start()
        servers.append(server)
        addresses.append(f"unix:{path}")
        studio.answers["authorize"] = (200, route(addresses, concurrency, **fields))
        return server

    yield start
    for server in servers:
        server.stop()


def route(addresses, concurrency=1, hold=0.0, message=""):
    return {
        "addresses": [*addresses],
        "concurrency": concurrency,
        "timeoutSeconds": 5.0,
        "holdSeconds": hold,
        "message": message,
    }


def post(body: str, *lines: str) -> str:
    return HEAD + "".join(f"{line}\n" for line in [*lines, f"Content-Length: {len(body)}"]) + f"\n{body}"


def read_answer(sock: socket.socket) -> tuple[http.client.HTTPResponse, str]:
    answer = http.client.HTTPResponse(sock, method="POST")
    answer.begin()
    return answer, answer.read().decode()


def send(sock: socket.socket, request: str) -> tuple[http.client.HTTPResponse, str]:
    sock.sendall(request.replace("\n", "\r\n").encode())
    return read_answer(sock)


def test_a_request_passes_without_the_key_and_the_cookies_of_the_studio(connect, studio, application, tmp_path):
    studio.answers["authorize"] = (200, route([f"unix:{tmp_path}/app"]))
    answer = read_all(connect(post("body", "Cookie: sessionid=x", "Connection: close")))
    assert studio.requests[0] == ("authorize", {"workspace": "space", "name": "svc", "key": "s3cret"})
    seen = application.seen[0].decode()
    assert seen.startswith("POST /score?a=b HTTP/1.1\r\n") and "s3cret" not in seen and "sessionid" not in seen
    assert answer.startswith("HTTP/1.1 200") and answer.endswith("done")
    # What it answers is no page of the studio.
    assert "Set-Cookie" not in answer and "Content-Security-Policy: sandbox" in answer


@pytest.mark.parametrize(("status", "wanted"), [(401, 401), (404, 404), (500, 503)])
def test_why_a_request_is_refused_is_said_in_json_and_the_connection_stays(connect, studio, replica, status, wanted):
    studio.answers["authorize"] = (status, {"error": {"message": "because"}})
    sock = connect(post("a"))
    answer, body = read_answer(sock)
    assert (answer.status, answer.headers["Content-Type"]) == (wanted, "application/json")
    because = "because" if status != 500 else "The studio is restarting. Try again in a moment."
    assert json.loads(body)["message"] == because
    if status != 500:
        replica()
        time.sleep(0.15)
        assert send(sock, post("again"))[1] == '"again of 5"'


def test_requests_of_one_connection_are_answered_in_their_order_also_pipelined(connect, replica):
    replica()
    sock = connect(post("first"))
    assert read_answer(sock)[1] == '"first of 5"'
    sock.sendall((post("second") + post("third") + post("last", "Connection: close")).replace("\n", "\r\n").encode())
    text = read_all(sock)
    assert [text.find(f'"{word} of') > 0 for word in ("second", "third", "last")] == [True] * 3
    assert text.index("second") < text.index("third") < text.index("last")
    assert text.count("HTTP/1.1 200") == 3 and text.count("Connection: close") == 1


def test_chunked_bodies_arrive_and_answers_stream_in_pieces(connect, replica):
    replica()
    chunked = HEAD + "Transfer-Encoding: chunked\n\n3\nabc\n5;x=y\ndefgh\n0\nTrailer: z\n\n"
    sock = connect(chunked)
    assert read_answer(sock)[1] == '"abcdefgh of 8"'
    answer, body = send(sock, post("pieces"))
    assert (answer.headers["Transfer-Encoding"], body) == ("chunked", "one two three")
    answer, body = send(sock, post("y" * 3_000_000))
    assert body.endswith(' of 3000000"')
    # An answer that breaks off must not look whole.
    with pytest.raises(http.client.IncompleteRead):
        send(sock, post("break"))


SMUGGLED = "GET /api/v1/service/space/svc/score HTTP/1.1\nHost: studio\n\n"


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        (["Content-Length: 3", "Transfer-Encoding: chunked"], f"0\n\n{SMUGGLED}", 400),
        (["Content-Length: 3", "Content-Length: 4"], "abcd", 400),
        (["Content-Length: 0x3"], "abc", 400),
        (["Transfer-Encoding: chunked, identity"], "0\n\n", 501),
        (["Transfer-Encoding: \x0bchunked"], "0\n\n", 400),
        (["Transfer-Encoding : chunked"], "0\n\n", 400),
        (["Transfer-Encoding: chunked"], f"2\nabc\n0\n\n{SMUGGLED}", 400),
        (["Transfer-Encoding: chunked"], f"-1\n{SMUGGLED}", 400),
        (["Transfer-Encoding: chunked"], f"0x2\nab\n0\n\n{SMUGGLED}", 400),
        (["Transfer-Encoding: chunked"], f"ffffffff\n{SMUGGLED}", 413),
        (["Content-Length: 104857601"], "abc", 413),
    ],
)
def test_what_could_be_read_in_two_ways_ends_the_connection(connect, replica, lines, body, status):
    replica()
    text = read_all(connect(HEAD + "".join(f"{line}\n" for line in lines) + f"\n{body}"))
    assert text.startswith(f"HTTP/1.1 {status} ") and text.count("HTTP/1.1") == 1
    assert "Connection: close" in text


def test_what_is_not_for_a_service_is_sent_to_another_connection(connect, replica):
    replica()
    sock = connect(post("first"))
    read_answer(sock)
    answer, _ = send(sock, "GET /ws/space/ HTTP/1.1\nHost: studio\nCookie: sessionid=x\n\n")
    assert (answer.status, answer.headers["Connection"], sock.recv(10)) == (421, "close", b"")
    # A proxy sends what comes on any of its connections.
    assert "Connection: close" in read_all(connect(post("a", "X-Forwarded-For: 10.0.0.1")))


def test_a_slow_client_takes_no_turn_and_is_sent_away(connect, replica, monkeypatch):
    replica()
    monkeypatch.setattr(service_calls, "MOVE_SECONDS", 0.3)
    slow = connect(post("abc").removesuffix("c"))
    assert read_answer(connect(post("fast")))[1] == '"fast of 4"'
    answer, body = read_answer(slow)
    assert (answer.status, "0.3 seconds" in body) == (408, True)


def test_a_full_queue_is_a_429_that_says_when_to_try_again(connect, replica, monkeypatch):
    monkeypatch.setattr(replicas, "MAX_WAITING", 1)
    replica()
    first, second = connect(post("sleep0.5")), connect(post("waits"))
    end = time.monotonic() + 4
    while (refused := read_answer(connect(post("sleep0")))[0]).status == 200 and time.monotonic() < end:
        time.sleep(0.01)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert read_answer(first)[0].status == read_answer(second)[0].status == 200


def test_the_least_busy_replica_is_chosen_and_one_that_died_is_left_out(connect, replica):
    dead = replica()
    replica()
    sleeping = connect(post("sleep0.4"))
    began = time.monotonic()
    assert read_answer(connect(post("a")))[0].status == 200 and time.monotonic() - began < 0.4
    assert read_answer(sleeping)[0].status == 200
    dead.stop()
    end = time.monotonic() + 4
    while dead._listener.fileno() >= 0 and time.monotonic() < end:
        time.sleep(0.02)
    assert {read_answer(connect(post("b")))[0].status for _ in range(4)} == {200}


def test_a_request_waits_for_a_replica_that_starts(connect, studio, replica):
    studio.answers["authorize"] = (200, route([], hold=4.0))
    threading.Timer(0.3, replica).start()
    assert read_answer(connect(post("early")))[1] == '"early of 5"'


@pytest.mark.parametrize("answer", [(500, {}), (200, {"services": []})])
def test_what_came_of_requests_is_reported_once_also_after_a_wrong_answer(connect, studio, replica, answer):
    studio.answers["load"] = answer
    replica()
    sock = connect(post("first"))
    read_answer(sock)
    send(sock, post("second"))
    end = time.monotonic() + 4
    while not any(route == "load" for route, _ in studio.requests) and time.monotonic() < end:
        time.sleep(0.02)
    first = len(studio.requests)
    moved = route([*studio.answers["authorize"][1]["addresses"], "unix:/nowhere"])
    studio.answers["load"] = (200, {"services": [moved]})
    reports: list[dict] = []
    while len(reports) < 3 and time.monotonic() < end:
        time.sleep(0.02)
        reports = [body["services"][0] for route, body in studio.requests[first:] if route == "load"]
    # The first of them may have been refused still.
    assert reports[0]["statuses"] == {"200": 2} and sum(reports[0]["buckets"].values()) == 2
    assert reports[-1]["statuses"] == {} and reports[-1]["busy"] == 0
    # The studio's answer names who answers from now on; one that does not is left out.
    assert {send(sock, post("third"))[0].status for _ in range(3)} == {200}


def test_a_change_counts_from_the_next_request_on(connect, tmp_path, studio, replica, monkeypatch):
    monkeypatch.setattr(decisions, "FRESH_SECONDS", 60)
    replica()
    sock = connect(post("a"))
    assert read_answer(sock)[0].status == 200
    studio.answers["authorize"] = (401, {"error": {"message": "Another key counts."}})
    assert send(sock, post("b"))[0].status == 200
    for name, status in (("another", 200), ("svc", 401)):
        socket_handover.notify(str(tmp_path / "socket"), {"workspace": "space", "name": name})
        # What comes through the same socket later is read later.
        assert read_answer(connect(post("c")))[0].status == status


def test_a_service_in_use_does_not_wait_for_the_studio(connect, studio, replica, monkeypatch):
    monkeypatch.setattr(decisions, "FRESH_SECONDS", 1.0)
    replica()
    sock = connect(post("a"))
    assert read_answer(sock)[0].status == 200
    time.sleep(0.6)
    studio.delay = 0.3
    began = time.monotonic()
    assert send(sock, post("b"))[0].status == 200
    assert time.monotonic() - began < 0.2
    time.sleep(0.5)
    assert send(sock, post("c"))[0].status == 200
    assert time.monotonic() - began < 0.7
    assert [route for route, _ in studio.requests].count("authorize") >= 2


def test_an_error_of_the_gateway_itself_ends_the_connection(connect, replica, monkeypatch, caplog):
    replica()
    monkeypatch.setattr(service_messages, "make_request", lambda *arguments: 1 / 0)
    sock = connect(post("a"))
    sock.settimeout(5)
    assert sock.recv(1000) == b"" and "ZeroDivisionError" in caplog.text


def test_a_service_without_replicas_says_why(connect, studio):
    studio.answers["authorize"] = (200, route([], message="It is Unhealthy."))
    answer, body = read_answer(connect(post("a")))
    assert (answer.status, answer.headers["Retry-After"], "Unhealthy" in body) == (503, "1", True)


def test_a_request_goes_to_a_version_by_its_share_or_to_the_one_that_it_names(connect, studio, replica):
    replica()
    ready = studio.answers["authorize"][1]
    studio.answers["authorize"] = (200, {**ready, "versions": [{"name": "a", "share": 100}, {"name": "b", "share": 0}]})
    sock = connect(post("one"))
    assert read_answer(sock)[1] == '"one of 3"'
    assert send(sock, post("two", "azureml-model-deployment: b"))[1] == '"two of 3"'
    requested = {body["name"] for route, body in studio.requests if route == "authorize"}
    assert requested == {"svc", "svc.a", "svc.b"}
    answer, body = send(sock, post("x", "azureml-model-deployment: c"))
    assert (answer.status, json.loads(body)["message"]) == (404, "The service svc has no version 'c'.")


def test_a_version_gets_copies_of_requests_whose_answers_are_counted(connect, studio, replica):
    replica(concurrency=2)
    ready = studio.answers["authorize"][1]
    shares = {"versions": [{"name": "a", "share": 100}], "mirrors": [{"name": "b", "share": 100}]}
    studio.answers["authorize"] = (200, {**ready, **shares})
    sock = connect(post("one"))
    assert read_answer(sock)[1] == '"one of 3"'
    assert send(sock, post("two"))[1] == '"two of 3"'
    # A request that names its version is not copied.
    assert send(sock, post("three", "azureml-model-deployment: a"))[1] == '"three of 5"'
    counted = {"svc.a": 0, "svc.b": 0}
    end = time.monotonic() + 5
    while sum(counted.values()) < 5 and time.monotonic() < end:
        time.sleep(0.05)
        loads = [load for route, body in studio.requests if route == "load" for load in body["services"]]
        counted = {
            name: sum(load["statuses"].get("200", 0) for load in loads if load["name"] == name) for name in counted
        }
    assert counted == {"svc.a": 3, "svc.b": 2}
