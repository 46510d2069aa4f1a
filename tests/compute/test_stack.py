"""Nodes, runners and scripts as real processes: what is restarted, what ends, what leaves."""

import signal

import psutil
import pytest
from azureml.core import Workspace
from azureml.core.compute import ComputeTarget

from tests.compute.cluster_stack import Stack, until
from tests.up.running import Studio

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    studio = Studio(tmp_path_factory.mktemp("studio"))
    studio.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAZULI_URL", studio.url)
        patch.setenv("LAZULI_TOKEN", studio.manage("token", "stack"))
        workspace = Workspace.from_config(str(studio.data / "config.json"))
        yield Stack(studio, workspace, tmp_path_factory.mktemp("work"))
    studio.end()


def test_a_node_comes_with_the_work_and_leaves_when_idle(stack):
    cluster = stack.cluster("from-zero", idle_seconds=1)
    assert cluster.list_nodes() == []
    run = stack.submit(cluster, 0.1)
    assert until(lambda: run.get_status() == "Completed", 60)
    assert until(lambda: not cluster.list_nodes(), 30)


def test_a_restarted_node_worker_leaves_its_script_alone(stack):
    cluster = stack.cluster("restarted")
    run = stack.submit(cluster, 6)
    node, script = stack.node_process(cluster), stack.script_process(run)
    name = cluster.list_nodes()[0]["nodeId"]
    node.send_signal(signal.SIGTERM)
    assert until(lambda: not psutil.pid_exists(node.pid), 5)
    assert script.is_running()
    assert until(lambda: run.get_status() == "Completed", 60)
    assert until(lambda: [(n["nodeId"], n["nodeState"]) for n in cluster.list_nodes()] == [(name, "idle")], 15)


def test_a_node_tells_its_script_no_secret_of_the_studio(stack):
    cluster = stack.cluster("secrets")
    run = stack.submit(cluster, 30)
    environment = stack.script_process(run).environ()
    run.cancel()
    reply = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "HOST_KEY", "LAZULI_NODE_KEY", "LAZULI_LIFELINE_FD"}
    assert not reply & environment.keys()


def test_deleting_a_cluster_ends_its_work_and_its_nodes(stack):
    cluster = stack.cluster("deleted")
    run, waiting = stack.submit(cluster, 600), stack.submit(cluster, 600)
    node, script = stack.node_process(cluster), stack.script_process(run)
    cluster.delete()
    assert until(lambda: cluster.name not in [one.name for one in ComputeTarget.list(stack.workspace)], 30)
    assert until(lambda: not node.is_running() and not script.is_running(), 15)
    assert until(lambda: run.get_status() == "Failed" and waiting.get_status() == "Canceled", 15)
    assert "The compute target deleted was deleted." in str(run.get_details()["error"])
