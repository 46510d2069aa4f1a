"""The main path on a real studio, from the SDK to a node and back; what is restarted there, what ends, what leaves."""

import signal

import psutil
import pytest
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import ComputeTarget
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import PyTorchConfiguration

from tests.compute.cluster_stack import Stack, until
from tests.up.running import Studio

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

TRAIN = """
import os, sys, time
from azureml.core import Run

run = Run.get_context()
print("arguments", sys.argv[1:], flush=True)
for step in range(20):
    run.log("loss", 1 / (step + 1))
run.log_row("table", x=1, y=2.5)
run.tag("kind", "main path")
os.makedirs("outputs", exist_ok=True)
open("outputs/result.txt", "w").write("kept")
run.complete()
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    studio = Studio(tmp_path_factory.mktemp("studio")).with_tables()
    studio.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAZULI_URL", studio.url)
        patch.setenv("LAZULI_TOKEN", studio.manage("token", "stack"))
        workspace = Workspace.from_config(str(studio.data / "config.json"))
        yield Stack(studio, workspace, tmp_path_factory.mktemp("work"))
    studio.end()


@pytest.fixture(scope="module")
def warm(stack):
    """A cluster whose one node stays."""
    cluster = stack.cluster("warm", min_nodes=1)
    yield cluster
    cluster.delete()


def test_a_script_runs_on_a_cluster_in_an_environment_of_its_own(stack, warm, tmp_path):
    environment = Environment("own-packages")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["azureml-core==1.34.0"])
    (stack.folder / "train.py").write_text(TRAIN)
    run = stack.submit(warm, "--rate", 0.5, script="train.py", environment=environment)
    details = run.wait_for_completion(show_output=False)

    assert details["status"] == run.get_status() == "Completed"
    metrics = run.get_metrics()
    assert metrics["loss"] == [1 / (step + 1) for step in range(20)]
    assert metrics["table"] == {"x": 1, "y": 2.5}
    assert run.get_tags()["kind"] == "main path"
    files = run.get_file_names()
    assert "outputs/result.txt" in files
    log = next(name for name in files if name.startswith("user_logs/"))
    run.download_file("outputs/result.txt", str(tmp_path / "result.txt"))
    run.download_file(log, str(tmp_path / "log.txt"))
    assert (tmp_path / "result.txt").read_text() == "kept"
    assert "arguments ['--rate', '0.5']" in (tmp_path / "log.txt").read_text()


def test_a_script_that_fails_says_why(stack, warm):
    (stack.folder / "broken.py").write_text("import json\njson.loads('{')\n")
    run = stack.submit(warm, script="broken.py")
    run.wait_for_completion(show_output=False, raise_on_error=False)
    assert run.get_status() == "Failed"
    assert "JSONDecodeError" in str(run.get_details()["error"])


def test_a_run_is_cancelled(stack, warm):
    run = stack.submit(warm, 600)
    assert until(lambda: run.get_status() == "Running", 60)
    run.cancel()
    assert until(lambda: run.get_status() == "Canceled", 60)


def test_a_node_comes_with_the_work_and_leaves_when_idle(stack):
    cluster = stack.cluster("from-zero", idle_seconds=1)
    assert cluster.list_nodes() == []
    run = stack.submit(cluster, 0.1)
    assert until(lambda: run.get_status() == "Completed", 60)
    assert until(lambda: not cluster.list_nodes(), 30)


@pytest.mark.extended
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


def test_a_script_gets_no_secrets_of_the_studio(stack):
    cluster = stack.cluster("secrets")
    run = stack.submit(cluster, 30)
    environment = stack.script_process(run).environ()
    run.cancel()
    reply = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "HOST_KEY", "LAZULI_NODE_KEY", "LAZULI_LIFELINE_FD"}
    assert not reply & environment.keys()


TOGETHER = """
import os, socket
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
if rank == 0:
    with socket.create_server(address) as server:
        others = [server.accept()[0] for _ in range(size - 1)]
        print("together:", sorted(int(other.makefile().readline()) for other in others), flush=True)
        for other in others:
            other.sendall(b"seen")
else:
    for _ in range(100):
        try:
            lead = socket.create_connection(address)
            break
        except ConnectionRefusedError:
            __import__("time").sleep(0.1)
    lead.sendall(f"{rank}\\n".encode())
    assert lead.recv(4) == b"seen"
    print("rank", rank, "of", size, "on node", os.environ["NODE_RANK"], flush=True)
"""


@pytest.mark.extended
def test_a_job_on_two_nodes_meets_itself(stack, tmp_path):
    (stack.folder / "together.py").write_text(TOGETHER)
    cluster = stack.cluster("two-nodes", max_nodes=2)
    environment = Environment("this-python")
    environment.python.user_managed_dependencies = True
    config = ScriptRunConfig(
        str(stack.folder),
        script="together.py",
        compute_target=cluster,
        environment=environment,
        distributed_job_config=PyTorchConfiguration("Gloo", process_count=4, node_count=2),
    )
    run = Experiment(stack.workspace, "distributed").submit(config)
    details = run.wait_for_completion(show_output=False, raise_on_error=False)
    assert details["status"] == "Completed", run.get_details_with_logs()
    texts = []
    for name in ("std_log.txt", "std_log_process_1.txt"):
        run.download_file(f"user_logs/{name}", str(tmp_path / name))
        texts.append((tmp_path / name).read_text())
    assert "together: [1, 2, 3]" in texts[0] and "rank 2 of 4 on node 1" in texts[1]
    assert until(lambda: [node["nodeState"] for node in cluster.list_nodes()] == ["idle", "idle"], 15)


def test_deleting_a_cluster_ends_its_work_and_its_nodes(stack):
    cluster = stack.cluster("deleted")
    run, waiting = stack.submit(cluster, 600), stack.submit(cluster, 600)
    node, script = stack.node_process(cluster), stack.script_process(run)
    cluster.delete()
    assert until(lambda: cluster.name not in [one.name for one in ComputeTarget.list(stack.workspace)], 30)
    assert until(lambda: not node.is_running() and not script.is_running(), 15)
    assert until(lambda: run.get_status() == "Failed" and waiting.get_status() == "Canceled", 15)
    assert "The compute target deleted was deleted." in str(run.get_details()["error"])
