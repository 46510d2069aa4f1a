"""The gateway in front of applications: who is let in, and what is copied."""

import contextlib
import socket
import threading
import time

from tests.gateway.conftest import HOST, ORIGIN, read_all


def test_a_ticket_becomes_a_cookie_of_the_gateway(connect, studio):
    answer = read_all(connect(f"GET /_enter?ticket=abc HTTP/1.1\nHost: {HOST}\n\n"))
    assert answer.startswith("HTTP/1.1 303") and "Location: /lab?lazuli-entered\r\n" in answer
    assert "Set-Cookie: lazuli-app=c00kie; Path=/; HttpOnly; SameSite=Lax\r\n" in answer
    assert "Set-Cookie: lazuli-app-frame=c00kie; Path=/; HttpOnly; SameSite=None; Secure; Partitioned\r\n" in answer
    assert studio.requests == [("enter", {"label": "lab", "ticket": "abc"})]
    studio.answers["enter"] = (403, {"error": {"message": "no"}})
    assert read_all(connect(f"GET /_enter?ticket=abc HTTP/1.1\nHost: {HOST}\n\n")).startswith("HTTP/1.1 403")


def test_without_a_cookie_a_person_is_led_to_the_studio_and_a_script_is_refused(connect, application):
    page = read_all(connect(f"GET /lab?a=1 HTTP/1.1\nHost: {HOST}\nAccept: text/html\n\n"))
    assert "Location: http://127.0.0.1:8000/applications/lab/?next=%2Flab%3Fa%3D1\r\n" in page
    again = read_all(connect(f"GET /lab?lazuli-entered HTTP/1.1\nHost: {HOST}\nAccept: text/html\n\n"))
    assert again.startswith("HTTP/1.1 403") and "blocks cookies" in again
    assert read_all(connect(f"GET /api HTTP/1.1\nHost: {HOST}\n\n")).startswith("HTTP/1.1 401")
    assert not application.seen


def test_a_request_reaches_the_application_with_its_token(connect, application, studio):
    request = f"POST /api HTTP/1.1\nHost: {HOST}\nOrigin: {ORIGIN}\nCookie: lazuli-app=c00kie\nContent-Length: 4\n\nbodyGET /evil"
    answer = read_all(connect(request))
    assert answer.endswith("done") and "Connection: close" in answer and "sessionid" not in answer
    assert b"Authorization: token t0ken" in application.seen[0] and application.seen[0].endswith(b"\r\n\r\nbody")
    assert ("authorize", {"label": "lab", "cookie": "c00kie"}) in studio.requests


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


def test_a_removed_role_closes_the_web_socket(connect, application, studio):
    sock = upgrade(connect)
    studio.answers["authorize"] = (403, {"error": {"message": "no"}})
    with contextlib.suppress(ConnectionResetError):
        assert sock.recv(100) == b""


def test_an_application_that_does_not_answer_is_tried_again(connect, studio):
    get = f"GET /lab HTTP/1.1\nHost: {HOST}\nCookie: lazuli-app=c00kie\n\n"
    answer = read_all(connect(get))
    assert answer.startswith("HTTP/1.1 503") and "Refresh: 2" in answer
