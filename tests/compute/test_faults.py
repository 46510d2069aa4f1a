"""What dies is noticed, and said in words; what is forgotten is found again."""

import datetime as dt
import signal
import time

import pytest
from azureml.core import Workspace

from tests.compute.cluster_stack import Stack, until
from tests.up.running import Studio

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    studio = Studio(tmp_path_factory.mktemp("studio"))
    studio.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAZULI_URL", studio.url)
        patch.setenv("LAZULI_TOKEN", studio.manage("token", "faults"))
        workspace = Workspace.from_config(str(studio.data / "config.json"))
        yield Stack(studio, workspace, tmp_path_factory.mktemp("work"))
    studio.end()


def test_a_killed_node_fails_its_run_with_the_nodes_name(stack):
    cluster = stack.cluster("killed")
    run = stack.submit(cluster, 600)
    node, script = stack.node_process(cluster), stack.script_process(run)
    name = cluster.list_nodes()[0]["nodeId"]
    node.send_signal(signal.SIGKILL)
    start = time.monotonic()
    until(lambda: run.get_status() == "Failed", 60)
    assert time.monotonic() - start < 15
    assert f"Node {name} was lost: its process was killed by signal 9" in str(run.get_details()["error"])
    assert until(lambda: not script.is_running(), 15)
    again = stack.submit(cluster, 0.1)
    assert until(lambda: again.get_status() == "Completed", 60)


def test_a_killed_node_with_its_whole_tree_fails_its_run(stack):
    cluster = stack.cluster("whole-tree")
    run = stack.submit(cluster, 600)
    node, script = stack.node_process(cluster), stack.script_process(run)
    name = cluster.list_nodes()[0]["nodeId"]
    for process in (node, script.parent(), script):
        process.send_signal(signal.SIGKILL)
    until(lambda: run.get_status() == "Failed", 60)
    assert name in str(run.get_details()["error"])


def test_runs_that_are_queued_when_redis_is_flushed_start_within_30_seconds(stack):
    cluster = stack.cluster("flushed")
    runs = [stack.submit(cluster, 1) for _ in range(2)]
    code = "import redis; from django.conf import settings; redis.Redis.from_url(settings.REDIS_URL).flushall()"
    stack.studio.manage("shell", "-v", "0", "-c", code)
    flushed = dt.datetime.now(dt.UTC)
    assert until(lambda: all(run.get_status() == "Completed" for run in runs), 90)
    first, second = sorted(dt.datetime.fromisoformat(run.get_details()["startTimeUtc"]) for run in runs)
    assert first - flushed < dt.timedelta(seconds=30)
    assert second - first < dt.timedelta(seconds=30)
