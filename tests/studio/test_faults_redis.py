"""Redis that takes connections and never answers, in a started studio."""

import signal
import time

import pytest
from azureml.core import Workspace

from tests.compute.cluster_stack import Stack, until
from tests.up.running import Studio

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
STOPPED_SECONDS = 60


@pytest.fixture
def stack(tmp_path, tmp_path_factory, monkeypatch):
    studio = Studio(tmp_path)
    studio.start()
    monkeypatch.setenv("LAZULI_URL", studio.url)
    monkeypatch.setenv("LAZULI_TOKEN", studio.manage("token", "faults"))
    yield Stack(studio, Workspace.from_config(str(studio.data / "config.json")), tmp_path_factory.mktemp("work"))
    studio.end()


def test_a_redis_that_stands_still_delays_the_start_of_work_and_nothing_else(stack):
    cluster = stack.cluster("cluster")
    first = stack.submit(cluster, 0.1)
    assert until(lambda: first.get_status() == "Completed", 90)
    redis = stack.studio.pids_of("redis.sock")
    assert len(redis) == 1
    process = next(child for child in stack.studio.family() if child.pid == redis[0])
    process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    slowest, runs = 0.0, []
    while time.monotonic() - stopped < STOPPED_SECONDS:
        start = time.monotonic()
        runs.append(stack.submit(cluster, 0.1))
        slowest = max(slowest, time.monotonic() - start)
        time.sleep(10)
    assert slowest < 3, slowest
    # The node looks by itself.
    assert until(lambda: runs[0].get_status() == "Completed", 30)
    process.send_signal(signal.SIGCONT)
    assert until(lambda: all(run.get_status() == "Completed" for run in runs), 60)
    last = stack.submit(cluster, 0.1)
    assert until(lambda: last.get_status() == "Completed", 30)
