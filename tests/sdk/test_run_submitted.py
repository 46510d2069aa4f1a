"""Submitted runs against the real application; a local one in a real process, over a real socket."""

import json
import os
import threading
import time

import pytest
from azureml.core import Environment, Experiment, Run, ScriptRun, ScriptRunConfig
from azureml.core.runconfig import DockerConfiguration, MpiConfiguration, PyTorchConfiguration
from azureml.core.script_run_config import get_run_config_from_script_run
from azureml.exceptions import ActivityFailedException, ExperimentExecutionException
from lazuli.runs.submission import check_definition

SCRIPT = """
from azureml.core import Run
run = Run.get_context()
print("hello from", run.id)
for value in range(5):
    run.log("loss", value)
run.log_row("rows", a=1, b="x")
open("outputs/model.txt", "w").write("m")
run.upload_file("early.txt", "outputs/model.txt")
run.child_run("fold").complete()
run.complete()
print("after complete")
open("outputs/late.txt", "w").write("l")
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    (folder / ".amlignore").write_text("*.csv\n")
    (folder / "data.csv").write_text("1")
    return folder


@pytest.fixture
def own_python():
    environment = Environment("mine")
    environment.python.user_managed_dependencies = True
    return environment


@pytest.fixture
def live(live_server, monkeypatch, tmp_path):
    """A workspace on a server that other processes can reach."""
    from azureml.core import Workspace

    from accounts.models import Token, User

    user = User.objects.create_superuser("live-owner", "owner@example.com", "not used here")
    monkeypatch.setenv("LAZULI_URL", live_server.url)
    monkeypatch.setenv("LAZULI_TOKEN", Token.create_for(user, "sdk tests")[1])
    monkeypatch.setenv("LAZULI_WORK_DIR", str(tmp_path))
    workspace_fields = {"subscription_id": "live", "resource_group": "group", "location": "eastus"}
    yield Workspace.create("live-workspace", show_output=False, **workspace_fields)
    # A runner that is still about its last words would speak to the next test's server.
    for thread in threading.enumerate():
        if thread.name.startswith("runner of"):
            thread.join(30)


def test_a_job_for_a_cluster_is_queued(ws, cluster, folder):
    environment = Environment.from_pip_requirements("env", str(_requirements(folder)))
    config = ScriptRunConfig(str(folder), "train.py", ["--rate", 0.1], compute_target="cpu-cluster")
    config.run_config.environment = environment
    run = Experiment(ws, "trial").submit(config, tags={"kind": "test"})
    assert isinstance(run, ScriptRun)
    assert run.id.rsplit("_", 2)[0] == "trial"
    assert run.get_status() == "Queued"
    assert run.get_tags() == {"kind": "test"}
    definition = run.get_details()["runDefinition"]
    assert definition["arguments"] == ["--rate", 0.1]
    assert definition["target"] == "cpu-cluster"
    assert run.get_environment().name == "env"
    assert run.get_properties()["_azureml.ComputeTargetType"] == "amlctrain"
    assert [item.id for item in Run.list_by_compute(cluster)] == [run.id]
    from compute.models import Work

    spec = Work.objects.get().spec
    assert spec["argv"] == ["python", "train.py", "--rate", "0.1"]
    assert spec["environment"]["python"]["condaDependencies"]["dependencies"]
    run.cancel()
    assert run.wait_for_completion()["status"] == "Canceled"


def _requirements(folder):
    path = folder / "requirements.txt"
    path.write_text("azureml-defaults\n")
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"script": "nope.py"}, "no script 'nope.py'"), ({"script": None}, "no script and no command")],
)
def test_what_cannot_run_is_refused_at_once(ws, folder, arguments, message):
    config = ScriptRunConfig(str(folder), **arguments)
    if arguments["script"] is None:
        config.script = None
    with pytest.raises(ExperimentExecutionException, match=message):
        Experiment(ws, "trial").submit(config)


def test_a_local_run_runs_here(live, folder, own_python, capsys, tmp_path):
    command = ["echo", "first", "&&", "python", "train.py"]
    docker = DockerConfiguration(use_docker=True)
    config = ScriptRunConfig(str(folder), command=command, environment=own_python, docker_runtime_config=docker)
    run = Experiment(live, "trial").submit(config)
    assert "WARNING: docker.use_docker: a node" in capsys.readouterr().err
    details = run.wait_for_completion(show_output=True)
    assert details["status"] == "Completed"
    printed = capsys.readouterr().out
    assert f"\nfirst\nhello from {run.id}\nafter complete\n" in printed
    assert "\nWARNING: docker.use_docker: a node runs" in printed
    assert run.get_metrics() == {"loss": [0, 1, 2, 3, 4], "rows": {"a": 1, "b": "x"}}
    names = run.get_file_names()
    assert names == ["early.txt", "outputs/late.txt", "outputs/model.txt", "user_logs/std_log.txt"]
    assert [child.name for child in run.get_children()] == ["fold"]
    logs = run.get_all_logs(destination=str(tmp_path / "logs"))
    assert [os.path.relpath(path, tmp_path / "logs") for path in logs] == ["user_logs/std_log.txt"]
    assert "hello" in run.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"]
    assert details["properties"]["_azureml.ComputeTargetType"] == "local"
    assert not [name for name in os.listdir(tmp_path) if name.startswith("trial_")]


def test_a_local_run_that_fails_says_why(live, folder, own_python):
    (folder / "train.py").write_text("import lightgbm_not_there")
    run = Experiment(live, "trial").submit(ScriptRunConfig(str(folder), script="train.py", environment=own_python))
    with pytest.raises(ActivityFailedException, match="lightgbm_not_there"):
        run.wait_for_completion()
    error = run.get_details()["error"]["error"]
    assert "missing from the snapshot" in error["message"]
    json.dumps(run.get_details())


def test_a_local_run_can_be_canceled(live, folder, own_python):
    (folder / "train.py").write_text("import time; print('started', flush=True); time.sleep(60)")
    run = Experiment(live, "trial").submit(ScriptRunConfig(str(folder), script="train.py", environment=own_python))
    wait_until(lambda: run.get_status() == "Running")
    run.cancel()
    wait_until(lambda: run.get_status() == "Canceled")


def test_what_was_logged_just_before_a_cancel_is_kept(live, folder, own_python):
    script = """
import os, signal, time
from azureml.core import Run
run = Run.get_context()
for value in range(2000):
    run.log("loss", value)
# As the runner does it, while the metrics are still in the queue.
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""
    (folder / "train.py").write_text(script)
    run = Experiment(live, "trial").submit(ScriptRunConfig(str(folder), script="train.py", environment=own_python))
    with pytest.raises(ActivityFailedException, match="SIGTERM"):
        run.wait_for_completion()
    assert len(run.get_metrics()["loss"]) == 2000


WRITES_TO_PARENT = """
from azureml.core import Run
run = Run.get_context()
parent = run.parent
run.parent.log("mse", 3295)
run.parent.log_row("rows", a=1, b=2)
assert run.parent is parent
parent.tag("best", "LR")
parent.add_properties({"k": "v"})
parent.upload_file("from-child.txt", "train.py")
beside = parent.child_run("beside")
beside.log("n", 1)
beside.complete()
print("sees", sorted(found.id == run.id for found in run.experiment.get_runs(include_children=True)))
print("all written")
"""


def test_a_child_writes_to_its_parent(live, folder, own_python):
    (folder / "train.py").write_text(WRITES_TO_PARENT)
    parent = Experiment(live, "parent-write").start_logging(snapshot_directory=None)
    child = parent.submit_child(ScriptRunConfig(str(folder), script="train.py", environment=own_python))
    child.wait_for_completion(raise_on_error=False)
    assert child.get_status() == "Completed", child.get_details_with_logs()
    assert parent.get_metrics() == {"mse": 3295, "rows": {"a": 1, "b": 2}}
    assert (parent.get_tags()["best"], parent.get_properties()["k"]) == ("LR", "v")
    assert parent.get_file_names() == ["from-child.txt"]
    assert {run.name: run.get_status() for run in parent.get_children()}["beside"] == "Completed"
    log = child.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"]
    assert "sees [False, False, True]" in log
    parent.complete()


def test_a_script_starts_a_local_child(live, folder, own_python):
    script = """
import sys
from azureml.core import Environment, Run, ScriptRunConfig
run = Run.get_context()
if len(sys.argv) > 1:
    run.log("inner", 1)
else:
    environment = Environment("mine")
    environment.python.user_managed_dependencies = True
    child = run.submit_child(ScriptRunConfig(".", "train.py", ["child"], environment=environment))
    child.wait_for_completion()
"""
    (folder / "train.py").write_text(script)
    run = Experiment(live, "trial").submit(ScriptRunConfig(str(folder), script="train.py", environment=own_python))
    assert run.wait_for_completion(raise_on_error=False)["status"] == "Completed", run.get_details_with_logs()
    (child,) = run.get_children()
    assert (child.get_status(), child.get_metrics()) == ("Completed", {"inner": 1})


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (MpiConfiguration(node_count=2), "node_count is 2"),
        (MpiConfiguration(process_count_per_node=2), "the communicator is IntelMpi"),
        (PyTorchConfiguration(process_count=2), "the communicator is Nccl"),
    ],
)
def test_a_distributed_job_on_ones_own_machine_is_refused_before_anything_is_sent(folder, job, said):
    config = ScriptRunConfig(str(folder), "train.py", compute_target="local", distributed_job_config=job)
    with pytest.raises(ExperimentExecutionException, match=f"{said}: a run of several processes"):
        check_definition(get_run_config_from_script_run(config)._to_dict(), config.source_directory)


@pytest.mark.parametrize("script", ["../other.py", "sub/../../other.py", os.path.abspath(__file__), "data.csv"])
def test_a_script_that_the_node_would_not_have_is_refused(folder, script):
    (folder.parent / "other.py").write_text("")
    config = ScriptRunConfig(str(folder), script)
    with pytest.raises(ExperimentExecutionException, match=r"outside the source directory|left out of the snapshot"):
        check_definition(get_run_config_from_script_run(config)._to_dict(), config.source_directory)


def test_what_has_no_effect_is_reported_whenever_a_run_is_submitted(ws, cluster, folder, capsys):
    config = ScriptRunConfig(
        str(folder),
        "train.py",
        compute_target="cpu-cluster",
        docker_runtime_config=DockerConfiguration(use_docker=True, shm_size="16g"),
    )
    for _ in range(2):
        run = Experiment(ws, "trial").submit(config)
        assert "WARNING: docker.shm_size: " in capsys.readouterr().err
    assert [warning["message"].split(":")[0] for warning in run.get_details()["warnings"]] == [
        "docker.use_docker",
        "docker.shm_size",
    ]


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)
