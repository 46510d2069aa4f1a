"""The whole studio beside 500 clients that are slow on purpose."""

import contextlib
import os
import resource
import socket
import statistics
import threading
import time

import httpx
import pytest

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
MB = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def many_files():
    """Each slow client is a file of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def api(studio):
    """MLflow's REST of the studio's workspace."""
    lines = studio.manage("tracking-uri", "--export").splitlines()
    found = dict(line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
    headers = {"Authorization": f"Bearer {found['MLFLOW_TRACKING_TOKEN']}"}
    with httpx.Client(base_url=f"{found['MLFLOW_TRACKING_URI']}/api/2.0/", headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def files(api):
    """The address under which a run keeps its files."""
    experiment = api.post("mlflow/experiments/create", json={"name": "slow"}).json()["experiment_id"]
    run = api.post("mlflow/runs/create", json={"experiment_id": experiment, "start_time": 1}).json()["run"]
    return f"mlflow-artifacts/artifacts/{experiment}/{run['info']['run_id']}/artifacts"


@pytest.fixture
def slow(studio, api, files):
    """500 of them: without the end of their headers or bodies, in the middle of an upload or an answer; a byte a second."""
    key = f"Host: here\r\nAuthorization: {api.headers['Authorization']}\r\n"
    path = api.base_url.raw_path.decode() + files
    kinds = {
        f"GET / HTTP/1.1\r\n{key}X-Slow: ": 180,
        f"POST /signin/ HTTP/1.1\r\n{key}Content-Length: 1000\r\n\r\n": 180,
        f"POST {path}/x HTTP/1.1\r\n{key}Transfer-Encoding: chunked\r\n\r\n": 40,
        f"PUT {path}/y HTTP/1.1\r\n{key}Content-Length: 90000000\r\n\r\n{'x' * 200_000}": 40,
        f"GET {path}/big HTTP/1.1\r\n{key}\r\n": 60,
    }
    assert api.put(f"{files}/big", content=os.urandom(100 * MB)).status_code == 200
    ended = threading.Event()
    with contextlib.ExitStack() as stack:
        clients = []
        for sent, count in kinds.items():
            for _ in range(count):
                clients.append(stack.enter_context(socket.create_connection(("127.0.0.1", studio.port), 10)))
                clients[-1].sendall(sent.encode())

        def trickle() -> None:
            while not ended.wait(1):
                for client in clients[:360]:
                    with contextlib.suppress(OSError):
                        client.send(b"x", socket.MSG_DONTWAIT)

        thread = threading.Thread(target=trickle)
        thread.start()
        yield clients
        ended.set()
        thread.join()


def test_pages_and_uploads_go_on_beside_500_slow_clients(studio, api, files, slow):
    spent, body = [], os.urandom(50 * MB)
    for _ in range(60):
        begun = time.monotonic()
        assert httpx.get(f"{studio.url}/signin/", timeout=30).status_code == 200
        spent.append(time.monotonic() - begun)
    assert statistics.quantiles(spent, n=20)[-1] < 0.5, spent
    begun = time.monotonic()
    assert api.put(f"{files}/mine", content=body).status_code == 200
    assert api.get(f"{files}/mine").content == body
    assert time.monotonic() - begun < 30


def test_all_that_stand_still_are_cut_off_in_time(studio, slow):
    """Header 10 s, body 30 s; the threads of uploads as soon as others wait for them."""
    time.sleep(32)
    open_ones = [client for client in slow[:440] if not has_ended(client)]
    assert len(open_ones) <= 16
    assert httpx.get(f"{studio.url}/signin/", timeout=30).status_code == 200


def has_ended(client: socket.socket) -> bool:
    """Whether the server has sent its answer or closed."""
    client.settimeout(0.01)
    try:
        client.recv(10)
    except TimeoutError:
        return False
    except OSError:
        return True
    return True
