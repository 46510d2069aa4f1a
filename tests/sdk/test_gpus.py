"""Each unit of work gets its own GPUs: read by NVIDIA's library, shared by the nodes of a host, shown to no other script."""

import json
import os
import signal
import sys

import pytest
from lazuli.agent import gpu_pool, machine, node_state
from lazuli.agent import node as node_module
from lazuli.agent.gpu_pool import GpuList, GpuPool
from lazuli.agent.gpus import list_gpus
from lazuli.agent.host import Host
from lazuli.agent.node import Node

from tests.sdk.test_agent import Server, until

TWO = ["GPU-a", "GPU-b"]
NAMES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES")


class GpuServer(Server):
    """Assigns a script that shows its variables, and that asks for the first GPU by its number."""

    def __init__(self, shown, gpus, shares=False):
        script = (
            f"import json, os, time; found = {{name: os.environ.get(name) for name in {NAMES!r}}}; "
            f"open({str(shown)!r} + '.new', 'w').write(json.dumps(found)); "
            f"os.rename({str(shown)!r} + '.new', {str(shown)!r}); time.sleep(60)"
        )
        super().__init__(script)
        self.gpus, self.shares, self.heartbeats = gpus, shares, []

    def post(self, path, body=None):
        if path == "/nodes/v1/heartbeat":
            self.heartbeats.append(body)
        status, answer = super().post(path, body)
        if path == "/nodes/v1/claim" and status == 200:
            answer |= {"gpus": self.gpus, "sharesGpus": self.shares}
            answer["spec"]["environment_variables"] = {"CUDA_VISIBLE_DEVICES": "0"}
        return status, answer


@pytest.fixture
def shown(tmp_path):
    return tmp_path / "shown.json"


@pytest.fixture
def start_node(tmp_path, monkeypatch):
    """Start nodes on a machine with two GPUs; their runners are killed at the end."""
    monkeypatch.setattr(gpu_pool, "list_gpus", lambda: TWO)
    GpuList(tmp_path)
    nodes = []

    def start(server, name="node-a"):
        node = Node(name, server, tmp_path)
        nodes.append(node)
        node.run_round(True)
        return node

    yield start
    for node in nodes:
        for runner in node.runners:
            if runner.started and runner.started.poll() is None:
                os.killpg(runner.started.pid, signal.SIGKILL)
                runner.started.wait()


def owners(tmp_path):
    return json.loads((tmp_path / "nodes" / "gpus.json").read_text())


def test_a_script_sees_the_gpus_of_its_work_whatever_numbers_it_sets(start_node, shown):
    start_node(GpuServer(shown, 2))
    until(shown.exists)
    assert json.loads(shown.read_text()) == dict(zip(NAMES, ("GPU-a,GPU-b", "PCI_BUS_ID", "GPU-a,GPU-b"), strict=True))


def test_a_script_of_work_without_gpus_sees_none(start_node, shown):
    start_node(GpuServer(shown, 0))
    until(shown.exists)
    assert json.loads(shown.read_text()) == dict(zip(NAMES, ("", "PCI_BUS_ID", "void"), strict=True))


def test_on_a_machine_without_gpus_the_variables_stay_the_jobs_own(start_node, shown, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_pool, "list_gpus", lambda: [])
    GpuList(tmp_path)
    start_node(GpuServer(shown, 0))
    until(shown.exists)
    assert json.loads(shown.read_text())["CUDA_VISIBLE_DEVICES"] == "0"


def test_a_restarted_worker_knows_its_gpus_and_frees_them_when_the_work_ends(start_node, shown, tmp_path):
    server = GpuServer(shown, 1)
    node = start_node(server)
    until(lambda: node.folder.find_runners())
    again = Node("node-a", server, tmp_path)
    assert owners(tmp_path) == {"GPU-a": "node-a/work-1"}
    again.run_round(False)
    assert server.heartbeats[-1]["gpus"] == {"work-1": "GPU-a"}
    os.killpg(node.runners[0].started.pid, signal.SIGKILL)
    until(lambda: again.run_round(False) and server.done)
    assert owners(tmp_path) == {}


def test_work_waits_for_gpus_that_earlier_work_still_has_and_then_fails(start_node, shown, tmp_path, monkeypatch):
    GpuPool(tmp_path, "node-b").take("earlier", 1)
    server = GpuServer(shown, 2)
    node = start_node(server)
    assert (node.runners, server.attempt, server.done) == ([], 1, [])
    node.run_round(True)
    monkeypatch.setattr(node_module, "GPU_WAIT_SECONDS", 0.0)
    node.run_round(True)
    message = "Node node-a has too few free GPUs: the work needs 2 GPUs; this machine has 2, of which 1 are in use."
    assert server.done == [{"attempt": 3, "message": message}]
    assert owners(tmp_path) == {"GPU-a": "node-b/earlier"}


def test_the_work_of_a_compute_instance_shares_its_gpus_until_the_last_ends(tmp_path, start_node):
    instance, cluster = GpuPool(tmp_path, "ci"), GpuPool(tmp_path, "node-a")
    assert instance.take("", 1) == instance.take("", 1) == ["GPU-a"]
    assert instance.list_own() == {"": ["GPU-a"]}
    assert cluster.take("job", 1) == ["GPU-b"] and cluster.take("other", 1) is None
    instance.keep_only(["job", ""])
    assert cluster.take("other", 1) is None
    instance.keep_only([])
    assert cluster.take("other", 1) == ["GPU-a"]


def test_a_host_frees_the_gpus_of_removed_nodes_and_reads_its_list_again(tmp_path, monkeypatch):
    present = list(TWO)
    for module in (gpu_pool, machine):
        monkeypatch.setattr(module, "list_gpus", lambda: list(present))
    monkeypatch.setattr(gpu_pool, "REREAD_SECONDS", 0.0)
    server = Server()
    server.orders = []
    node_state.HostNodes(tmp_path, "box").add("node-b")
    GpuList(tmp_path)
    GpuPool(tmp_path, "node-b").take("gone", 2)
    host = Host("box", server, tmp_path, "")
    try:
        host.run_round(True)
        assert host._collect_state()["gpus"] == 2 and owners(tmp_path) == {}
        assert GpuPool(tmp_path, "node-a").take("work", 2) == TWO
        # One that disappears is not used again, also when it has come back; a new one is.
        for gpus in (["GPU-b"], [*TWO, "GPU-c"]):
            present[:] = gpus
            host.run_round(False)
        state = host._collect_state()
        assert (state["gpus"], state["lostGpus"]) == (2, ["GPU-a"])
        GpuPool(tmp_path, "node-a").keep_only([])
        assert GpuPool(tmp_path, "node-b").take("work", 2) == ["GPU-b", "GPU-c"]
    finally:
        host.shut_down()


class FakeNvml:
    """A card without parts, and one with two of seven possible ones."""

    class NVMLError(Exception):
        pass

    class NVMLError_NotFound(NVMLError):
        pass

    lost: tuple[str, ...] = ()

    def nvmlInit(self):
        pass

    nvmlShutdown = nvmlInit

    def nvmlDeviceGetMemoryInfo(self, handle):
        if handle in self.lost:
            raise self.NVMLError("GPU is lost")

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        return ["GPU-a", "GPU-b"][index]

    def nvmlDeviceGetUUID(self, handle):
        return handle

    def nvmlDeviceGetMigMode(self, handle):
        if handle == "GPU-a":
            raise self.NVMLError("not supported")
        return 1, 1

    def nvmlDeviceGetMaxMigDeviceCount(self, handle):
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle, index):
        if index > 1:
            raise self.NVMLError_NotFound("no such part")
        return f"MIG-{index}"


def test_the_parts_of_a_partitioned_gpu_are_listed_instead_of_it_and_lost_gpus_are_not(monkeypatch):
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert list_gpus() == ["GPU-a", "MIG-0", "MIG-1"]
    nvml.lost = ("GPU-a",)
    assert list_gpus() == ["MIG-0", "MIG-1"]
