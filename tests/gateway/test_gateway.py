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
    """`studio.answers`: what it answers to each route; `studio.asked` counts."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append((self.path.rpartition("/")[2], body))
            assert self.headers["Authorization"] == "Bearer key"
            status, answer = server.answers[self.path.rpartition("/")[2]]
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    server.answers = {
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
    monkeypatch.setattr(decisions, "FRESH_SECONDS", 0.1)
    gateway = process.Gateway(
        Studio(f"http://127.0.0.1:{studio.server_port}", "key"),
        Applications.parse("http://*.localhost:8000"),
        "http://127.0.0.1:8000",
    )
    listener = process.open_listener(str(tmp_path / "door"))
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(loop, "add_signal_handler", lambda *arguments: None)
    running = [loop.create_task(process.serve(gateway, listener))]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def give(request: str) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(5)
        assert socket_handover.hand_over(str(tmp_path / "door"), theirs, request.replace("\n", "\r\n").encode())
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


def test_a_ticket_becomes_a_cookie_of_the_gateway(connect, studio):
    answer = read_all(connect(f"GET /_enter?ticket=abc HTTP/1.1\nHost: {HOST}\n\n"))
    assert answer.startswith("HTTP/1.1 303") and "Location: /lab?lazuli-entered\r\n" in answer
    assert "Set-Cookie: lazuli-app=c00kie; Path=/; HttpOnly; SameSite=Lax\r\n" in answer
    assert "Set-Cookie: lazuli-app-frame=c00kie; Path=/; HttpOnly; SameSite=None; Secure; Partitioned\r\n" in answer
    assert studio.asked == [("enter", {"label": "lab", "ticket": "abc"})]
    studio.answers["enter"] = (403, {"error": {"message": "no"}})
    assert read_all(connect(f"GET /_enter?ticket=abc HTTP/1.1\nHost: {HOST}\n\n")).startswith("HTTP/1.1 403")


def test_without_a_cookie_a_person_is_led_to_the_studio_and_a_script_is_refused(connect, application):
    page = read_all(connect(f"GET /lab?a=1 HTTP/1.1\nHost: {HOST}\nAccept: text/html\n\n"))
    assert "Location: http://127.0.0.1:8000/applications/lab/?next=%2Flab%3Fa%3D1\r\n" in page
    again = read_all(connect(f"GET /lab?lazuli-entered HTTP/1.1\nHost: {HOST}\nAccept: text/html\n\n"))
    assert again.startswith("HTTP/1.1 403") and "keeps no cookies" in again
    assert read_all(connect(f"GET /api HTTP/1.1\nHost: {HOST}\n\n")).startswith("HTTP/1.1 401")
    assert not application.seen


def test_a_request_reaches_the_application_with_its_token(connect, application, studio):
    request = f"POST /api HTTP/1.1\nHost: {HOST}\nOrigin: {ORIGIN}\nCookie: lazuli-app=c00kie\nContent-Length: 4\n\nbodyGET /evil"
    answer = read_all(connect(request))
    assert answer.endswith("done") and "Connection: close" in answer and "sessionid" not in answer
    assert b"Authorization: token t0ken" in application.seen[0] and application.seen[0].endswith(b"\r\n\r\nbody")
    assert ("authorize", {"label": "lab", "cookie": "c00kie"}) in studio.asked


def test_other_origins_other_hosts_and_refused_people_reach_nothing(connect, application, studio):
    evil = f"POST /api HTTP/1.1\nHost: {HOST}\nOrigin: http://evil.localhost:8000\nCookie: lazuli-app=c00kie\n\n"
    assert read_all(connect(evil)).startswith("HTTP/1.1 403")
    assert read_all(connect("GET / HTTP/1.1\nHost: 127.0.0.1:8000\n\n")).startswith("HTTP/1.1 421")
    assert read_all(connect(f"GET / HTTP/1.1\nHost: {HOST}\nTransfer-Encoding: chunked\n\n")).startswith("HTTP/1.1 411")
    studio.answers["authorize"] = (404, {"error": {"message": "There is no such instance."}})
    get = f"GET /lab HTTP/1.1\nHost: {HOST}\nCookie: lazuli-app=c00kie\nAccept: text/html\n\n"
    assert "There is no such instance." in read_all(connect(get))
    assert not application.seen


def upgrade(connect) -> socket.socket:
    lines = f"GET /ws HTTP/1.1\nHost: {HOST}\nOrigin: {ORIGIN}\nCookie: lazuli-app=c00kie\nUpgrade: websocket\nConnection: Upgrade"
    sock = connect(f"{lines}\n\n")
    received = b""
    while not received.endswith(b"hello"):
        received += sock.recv(65536)
    assert received.startswith(b"HTTP/1.1 101")
    return sock


def test_a_web_socket_is_copied_in_both_directions_and_outlives_the_studio(connect, application, studio):
    sock = upgrade(connect)
    studio.shutdown()
    studio.server_close()
    time.sleep(0.2)
    # More than all buffers between hold, so that both sides pause; who does not read meanwhile stops everybody.
    size, received = 8_000_000, 0
    sending = threading.Thread(target=sock.sendall, args=(b"x" * size,), daemon=True)
    sending.start()
    while received < size and (piece := sock.recv(1 << 20)):
        received += len(piece)
    sending.join(5)
    assert received == size
    sock.sendall(b"bye")
    assert sock.recv(100) == b"bye"
    sock.close()


def test_a_right_that_is_withdrawn_cuts_the_web_socket(connect, application, studio):
    sock = upgrade(connect)
    studio.answers["authorize"] = (403, {"error": {"message": "no"}})
    with contextlib.suppress(ConnectionResetError):
        assert sock.recv(100) == b""


def test_an_application_that_does_not_answer_is_tried_again(connect, studio):
    get = f"GET /lab HTTP/1.1\nHost: {HOST}\nCookie: lazuli-app=c00kie\n\n"
    answer = read_all(connect(get))
    assert answer.startswith("HTTP/1.1 503") and "Refresh: 2" in answer


CALL = "POST /api/v1/service/space/svc/score?a=b HTTP/1.1\nHost: studio:8000\nAuthorization: Bearer s3cret\n"


def test_a_request_to_a_service_passes_without_the_key_and_the_cookies_of_the_studio(connect, studio, application):
    answer = read_all(connect(f"{CALL}Cookie: sessionid=x\nContent-Length: 4\n\nbody"))
    assert studio.asked == [("authorize", {"workspace": "space", "name": "svc", "key": "s3cret"})]
    seen = application.seen[0].decode()
    assert seen.startswith("POST /score?a=b HTTP/1.1\r\n") and "s3cret" not in seen and "sessionid" not in seen
    assert answer.startswith("HTTP/1.1 200") and answer.endswith("done")
    # What it answers is no page of the studio.
    assert "Set-Cookie" not in answer and "Content-Security-Policy: sandbox" in answer


@pytest.mark.parametrize(
    ("status", "code", "wanted"),
    [(401, "", "401"), (404, "", "404"), (503, decisions.NOT_READY, "503"), (500, "", "503")],
)
def test_why_a_request_to_a_service_is_refused_is_said_in_json(connect, studio, status, code, wanted):
    studio.answers["authorize"] = (status, {"error": {"code": code, "message": "because"}})
    head, _, body = read_all(connect(f"{CALL}\n")).partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {wanted} ") and "Content-Type: application/json" in head
    assert json.loads(body)["message"] == (
        "because" if status != 500 else "The studio is restarting. Try again in a moment."
    )


def test_a_service_that_moved_is_found_by_a_second_question(connect, studio, application, tmp_path):
    studio.answers["authorize"] = (200, {"address": f"unix:{tmp_path}/gone", "token": ""})
    assert read_all(connect(f"{CALL}\n")).startswith("HTTP/1.1 503")
    assert len(studio.asked) == 2
    studio.answers["authorize"] = (200, {"address": f"unix:{tmp_path}/app", "token": ""})
    assert read_all(connect(f"{CALL}\n")).endswith("done")
