"""Services on other machines: the gateway reaches them through connections that their agents have offered."""

import asyncio
import socket
import threading
import time

import pytest
from lazuli.agent import streams as agent

from tests.gateway.conftest import Application, read_all

UID = "6f1c2a4e-0000-4000-8000-000000000001"
OFFER = "GET /nodes/v1/streams HTTP/1.1\nHost: studio\nAuthorization: Bearer {}\nConnection: Upgrade\nUpgrade: lazuli-stream\n\n"
PAGE = "GET /lab HTTP/1.1\nHost: lab.localhost:8000\nCookie: lazuli-app=c\n\n"


@pytest.fixture
def far(studio, tmp_path):
    """The application on a machine that has joined, whose key is `good`."""
    folder = tmp_path / "lazuli-far"
    folder.mkdir()
    found = Application(folder / "s")
    found.start()
    found.address = f"unix:{folder}/s"
    studio.answers["authorize"] = (200, {"address": f"{UID}@{found.address}", "token": "t0ken"})
    studio.answers["host"] = (200, {"address": UID, "token": ""})
    return found


@pytest.fixture
def often(monkeypatch):
    """Before the gateway starts."""
    monkeypatch.setattr("studio.gateway.streams.NOTE_SECONDS", 0.1)


def offer(connect, key="good") -> socket.socket:
    stream = connect(OFFER.format(key))
    assert stream.recv(1000).startswith(b"HTTP/1.1 101 ")
    return stream


def answer(stream: socket.socket, application: Application) -> str:
    """What the agent does, by hand; the address that the gateway has asked for."""
    line = b""
    while not line.endswith(b"\n"):
        line += stream.recv(1)
    with socket.socket(socket.AF_UNIX) as service:
        service.connect(line.decode().strip().removeprefix("unix:"))
        stream.sendall(b"ok\n")
        service.sendall(stream.recv(65536))
        while data := service.recv(65536):
            stream.sendall(data)
    stream.close()
    return line.decode().strip()


def test_a_request_takes_an_offered_connection(connect, far):
    stream, found = offer(connect), []
    thread = threading.Thread(target=lambda: found.append(answer(stream, far)))
    thread.start()
    text = read_all(connect(PAGE))
    thread.join(5)
    assert text.startswith("HTTP/1.1 200 OK") and text.endswith("done") and found == [far.address]
    assert b"authorization: token t0ken" in far.seen[0].lower()


def test_a_wrong_key_is_refused(connect, studio, far):
    studio.answers["host"] = (401, {"error": {"message": "No machine has this key."}})
    assert "401 Unauthorized" in read_all(connect(OFFER.format("wrong")))


def test_without_an_offer_or_an_answer_the_browser_is_told(connect, far, monkeypatch):
    monkeypatch.setattr("studio.gateway.streams.CONNECT_SECONDS", 0.3)
    assert "503 Service Unavailable" in read_all(connect(PAGE))
    stream = offer(connect)
    assert "503 Service Unavailable" in read_all(connect(PAGE))
    # It was used, and is not used again.
    assert stream.recv(1000).endswith(b"/s\n") and stream.recv(1000) == b""


def test_a_machine_that_the_studio_no_longer_knows_loses_its_connections(often, connect, studio, far):
    stream = offer(connect)
    assert stream.recv(10) == b"\n"
    studio.answers["host"] = (401, {"error": {"message": "No machine has this key."}})
    deadline = time.monotonic() + 5
    while stream.recv(10):
        assert time.monotonic() < deadline


def test_an_offer_that_speaks_first_is_ended(connect, far):
    stream = offer(connect)
    stream.sendall(b"hello")
    assert stream.recv(10) == b""


def serve_agent(connect, monkeypatch):
    """The real agent, whose connections are given to the gateway as the web server does."""
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(agent, "WAITING", 2)

    def forward():
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            request = near.recv(65536).decode().replace("\r\n", "\n")
            far = connect(request)
            far.settimeout(None)
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=copy, args=(source, target), daemon=True).start()

    threading.Thread(target=forward, daemon=True).start()
    offers = agent.Offers(f"http://127.0.0.1:{listener.getsockname()[1]}", "good")
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()

    async def run():
        tasks = [asyncio.create_task(offers.keep_offering()) for _ in range(2)]
        await stopped.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()

    def end():
        listener.close()
        loop.call_soon_threadsafe(stopped.set)
        thread.join(5)
        loop.close()

    return end


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


def test_the_agent_offers_connections_again_and_again(connect, far, monkeypatch):
    end = serve_agent(connect, monkeypatch)
    try:
        for _ in range(6):
            assert read_all(connect(PAGE)).endswith("done")
        browser = connect(
            "GET /ws HTTP/1.1\nHost: lab.localhost:8000\nOrigin: http://lab.localhost:8000\nCookie: lazuli-app=c\n"
            "Upgrade: websocket\nConnection: Upgrade\n\n"
        )
        received = b""
        while not received.endswith(b"hello"):
            received += browser.recv(65536)
        browser.sendall(b"x" * 100_000)
        received = b""
        while len(received) < 100_000:
            received += browser.recv(65536)
        browser.close()
    finally:
        end()


@pytest.mark.parametrize(
    "address", ["unix:/run/docker.sock", "10.0.0.1:8080", "127.0.0.1:22", "unix:/tmp/lazuli-x/../s"]
)
def test_the_agent_connects_to_services_alone(address):
    with pytest.raises(ValueError, match="services do not listen there"):
        agent.parse_address(address)
