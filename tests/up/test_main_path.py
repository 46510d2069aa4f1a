"""The main path on a real studio: a script submitted with the SDK runs on a cluster, and all it leaves is there."""

import time

import pytest
from azureml.core import Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.conda_dependencies import CondaDependencies

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
def workspace(studio):
    patch = pytest.MonkeyPatch()
    patch.setenv("LAZULI_URL", studio.url)
    patch.setenv("LAZULI_TOKEN", studio.manage("token", "main-path"))
    yield Workspace.from_config(str(studio.data / "config.json"))
    patch.undo()


@pytest.fixture(scope="module")
def cluster(workspace):
    """Its one node stays warm."""
    configuration = AmlCompute.provisioning_configuration(vm_size="STANDARD_DS11_V2", min_nodes=1, max_nodes=1)
    cluster = ComputeTarget.create(workspace, "warm", configuration)
    cluster.wait_for_completion(show_output=False)
    yield cluster
    cluster.delete()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def on_this_python() -> Environment:
    environment = Environment("this-python")
    environment.python.user_managed_dependencies = True
    return environment


def submit(workspace, cluster, folder, environment, **more) -> Run:
    fields = {"script": "train.py", **more}
    config = ScriptRunConfig(
        source_directory=str(folder), compute_target=cluster.name, environment=environment, **fields
    )
    return Experiment(workspace, "main-path").submit(config)


def wait_for_status(run: Run, status: str) -> None:
    deadline = time.monotonic() + 60
    while run.get_status() != status:
        assert time.monotonic() < deadline, run.get_status()
        time.sleep(0.5)


def test_a_script_runs_on_a_cluster_in_an_environment_of_its_own(workspace, cluster, folder, tmp_path_factory):
    environment = Environment("own-packages")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["azureml-core==1.34.0"])
    run = submit(workspace, cluster, folder, environment, arguments=["--rate", 0.5])
    details = run.wait_for_completion(show_output=False)

    assert details["status"] == run.get_status() == "Completed"
    metrics = run.get_metrics()
    assert metrics["loss"] == [1 / (step + 1) for step in range(20)]
    assert metrics["table"] == {"x": 1, "y": 2.5}
    assert run.get_tags()["kind"] == "main path"
    files = run.get_file_names()
    assert "outputs/result.txt" in files
    log = next(name for name in files if name.startswith("user_logs/"))
    target = tmp_path_factory.mktemp("download")
    run.download_file("outputs/result.txt", str(target / "result.txt"))
    run.download_file(log, str(target / "log.txt"))
    assert (target / "result.txt").read_text() == "kept"
    assert "arguments ['--rate', '0.5']" in (target / "log.txt").read_text()


def test_a_script_that_fails_says_why(workspace, cluster, folder):
    (folder / "train.py").write_text("import json\njson.loads('{')\n")
    run = submit(workspace, cluster, folder, on_this_python())
    run.wait_for_completion(show_output=False, raise_on_error=False)
    assert run.get_status() == "Failed"
    assert "JSONDecodeError" in str(run.get_details()["error"])


def test_a_run_is_cancelled(workspace, cluster, folder):
    (folder / "train.py").write_text("import time\nprint('waiting', flush=True)\ntime.sleep(600)\n")
    run = submit(workspace, cluster, folder, on_this_python())
    wait_for_status(run, "Running")
    run.cancel()
    wait_for_status(run, "Canceled")
