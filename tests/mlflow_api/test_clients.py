"""The real MLflow clients, newest and a 2.x, unmodified, over HTTP against the real application."""

import fcntl
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.authentication import make_run_token
from endpoints.models import Revision
from runs import metrics
from runs.files import artifacts
from runs.models import Run
from tests import factories
from tests.endpoints.test_mlflow_models import CONDA, MLMODEL

CLIENTS = {"mlflow-3": ["mlflow-skinny>=3.17,<4", "pandas"], "mlflow-2": ["mlflow-skinny>=2.22,<3", "pandas"]}
# The older one tells little more than the newer one.
EACH = ["mlflow-3", pytest.param("mlflow-2", marks=pytest.mark.extended)]
FULL = {"mlflow-full": ["mlflow>=3.17,<4", "scikit-learn", "matplotlib", "psutil"]}
CACHE = settings.BASE_DIR / ".cache"
SDK = settings.BASE_DIR / "sdk"


def interpreter(name: str) -> pathlib.Path:
    """The Python of an environment with this client and our SDK, made once and kept."""
    folder = CACHE / name
    python, ready = folder / "bin" / "python", folder / "ready"
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (CLIENTS | FULL)[name]
        # The cache may have been filled from another checkout.
        mark = "\n".join([str(SDK), *wanted])
        ours = ready.exists() and ready.read_text() == mark
        if not ours:
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "-q", "--clear", "-p", sys.executable, folder], check=True)
            subprocess.run([*uv, "pip", "install", "-q", "-p", python, *wanted], check=True)
        # Entry points are read off the installed package, which an editable one does not renew by itself.
        declared = SDK / "pyproject.toml"
        if not ours or ready.stat().st_mtime < declared.stat().st_mtime:
            uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "--reinstall-package", "lazuli-sdk"]
            subprocess.run([*uv, "-p", python, "-e", SDK], check=True)
            ready.write_text(mark)
    return python


def drive(python, script: str, folder, **variables) -> dict:
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "PYTHONWARNINGS": "ignore",
        **variables,
    }
    path = pathlib.Path(__file__).with_name(script)
    done = subprocess.run([python, path], env=variables, cwd=folder, capture_output=True, text=True, timeout=600)
    assert "RESULT" in done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("RESULT")[2])


@pytest.fixture
def studio_files(settings, live_server, tmp_path, monkeypatch):
    """Files go to a folder of this test; the addresses for large ones lead to its server."""
    from studio import storage

    settings.PUBLIC_URL = live_server.url
    settings.STORAGE_URL = f"file://{tmp_path / 'storage'}"
    storage.open_store.cache_clear()
    yield
    storage.open_store.cache_clear()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", EACH)
def test_a_client_finds_a_whole_tracking_server(
    transactional_db, live_server, studio_files, workspace, alice, tmp_path, name
):
    # The token as part of the address, as `manage.py tracking-uri` prints it.
    server = live_server.url.replace("http://", f"http://token:{factories.make_token(alice)}@")
    uri = f"{server}/mlflow/v1.0{workspace.arm_id}"
    result = drive(interpreter(name), "client_script.py", tmp_path, MLFLOW_TRACKING_URI=uri)
    assert result["version"].startswith(name[-1])
    assert not result["wrong"], "\n".join(result["wrong"].values())
    kept = result["kept"]
    outer, inner = (Run.objects.get(run_id=kept[run]) for run in ("outer", "inner"))
    assert (inner.parent, outer.display_name, outer.description) == (outer, "outer", "what it is for")
    assert (outer.status, outer.parameters["lr"], outer.created_by) == (Run.Status.COMPLETED, "0.1", alice)
    assert metrics.read_sdk_values(metrics.series_of(outer).get(name="loss")) == [0.5]
    stored = Run.objects.get(run_id=kept["files"]).artifacts.get(path="all/sub/f.bin")
    assert artifacts.read_bytes(stored) == bytes(range(256)) * 4000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", EACH)
def test_the_address_of_a_workspace_needs_no_further_step(
    transactional_db, live_server, studio_files, workspace, alice, tmp_path, name
):
    environment = {"LAZULI_URL": live_server.url, "LAZULI_TOKEN": factories.make_token(alice)}
    result = drive(interpreter(name), "sdk_script.py", tmp_path, **environment)
    run = Run.objects.get(run_id=result["run"])
    assert run.experiment.name == "mslearn-diabetes-mlflow"
    assert str(run.experiment.experiment_id) in result["portal"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", EACH)
def test_a_submitted_script_goes_on_with_its_own_run(
    transactional_db, live_server, studio_files, workspace, alice, tmp_path, name
):
    run = factories.make_run(workspace, heartbeat_at=timezone.now(), status=Run.Status.RUNNING)
    result = drive(
        interpreter(name),
        "run_script.py",
        tmp_path,
        MLFLOW_TRACKING_URI=f"{live_server.url}/mlflow/v1.0{workspace.arm_id}",
        MLFLOW_TRACKING_TOKEN=make_run_token(alice.pk, workspace.pk, run.run_id, 0),
        MLFLOW_RUN_ID=run.run_id,
        MLFLOW_EXPERIMENT_ID=str(run.experiment.experiment_id),
        MLFLOW_EXPERIMENT_NAME=run.experiment.name,
    )
    run.refresh_from_db()
    assert (result["run"], run.status, run.tags["mine"]) == (run.run_id, Run.Status.RUNNING, "yes")
    assert run.parameters == {"rate": "0.1"}
    children = set(run.children.values_list("run_id", flat=True))
    assert children == {result["child"], result["second"]}
    # One of the clients refuses another experiment before it asks the server.
    assert result["refused"] in ("PERMISSION_DENIED", "INVALID_PARAMETER_VALUE")


def job_variables(server: str, run: Run, person) -> dict:
    """The environment of the script of a submitted run."""
    token = make_run_token(person.pk, run.workspace.pk, run.run_id, 0)
    return {
        "MLFLOW_TRACKING_URI": f"{server}/mlflow/v1.0{run.workspace.arm_id}",
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_RUN_ID": run.run_id,
        "MLFLOW_EXPERIMENT_ID": str(run.experiment.experiment_id),
        "MLFLOW_EXPERIMENT_NAME": run.experiment.name,
        "AZUREML_RUN_ID": run.run_id,
        "AZUREML_RUN_TOKEN": token,
    }


# Maps the way of logging (job_script.py) to whether each run that it used is the job's own; the others are below it.
OWN = {
    "autolog": [True, True],
    "autolog in a run": [True, True, True],
    "ended": [True] * 4,
    "autolog, then a run": [True, True, True],
    "nested": [True, False, True],
    "autolog, then nested": [True, True, False, True],
    "loop": [True, False, False, True],
    "fit twice": [True, False, True],
    "tags between": [True, False, True, True],
    "forgotten": [False, False, True],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", EACH)
def test_what_a_job_logs_is_in_one_run(transactional_db, live_server, studio_files, workspace, alice, tmp_path, name):
    experiment = factories.make_experiment(workspace)
    jobs = {
        way: factories.make_run(workspace, experiment=experiment, heartbeat_at=timezone.now(), status="Running")
        for way in OWN
    }
    variables = {way: job_variables(live_server.url, run, alice) for way, run in jobs.items()}
    found = drive(interpreter(name), "job_script.py", tmp_path, JOBS=json.dumps(variables), **variables["autolog"])
    for way, run in jobs.items():
        used = found[way]
        assert [run_id == run.run_id for run_id in used] == OWN[way], way
        run.refresh_from_db()
        assert set(run.children.values_list("run_id", flat=True)) == set(used) - {run.run_id, "False", "True"}, way
        assert run.status == Run.Status.RUNNING
        assert run.metrics.get(name="mse").last == 0.5
        assert list(run.artifacts.values_list("path", flat=True)) == ["after.txt"]
        assert ("alpha" in run.parameters) == (way.startswith(("autolog", "fit", "tags")))
        assert not [tag for tag in run.tags if "jobRun" in tag]
    named = jobs["autolog, then a run"]
    assert (named.display_name, named.tags["mine"]) == ("named", "yes")


@pytest.mark.extended
@pytest.mark.timeout(300)
def test_a_project_runs_in_the_workspace(transactional_db, live_server, studio_files, workspace, alice, tmp_path):
    environment = {"LAZULI_URL": live_server.url, "LAZULI_TOKEN": factories.make_token(alice)}
    result = drive(interpreter("mlflow-3"), "projects_script.py", tmp_path, **environment)
    run = Run.objects.get(run_id=result["run"])
    assert (run.status, run.experiment.name, run.target_name) == (Run.Status.COMPLETED, "projects", "local")
    assert (result["ended"], result["metrics"], result["params"]) == (True, {"alpha": 0.3}, {"alpha": "0.3"})
    assert result["tags"] == {"mlflow.project.backend": "azureml", "mlflow.project.entryPoint": "main"}
    assert run.job["command"].startswith("python train.py 0.3 ")
    assert result["page"].endswith(run.get_absolute_url())
    assert Run.objects.get(run_id=result["second"]).display_name == "second"
    assert result["conda"] == ["mlflow", "numpy=1.26", "python=3.11"]
    assert result["python"] == ["mlflow", "pandas==2.2", "scikit-learn", "python=3.12"]
    assert result["neither"] == ["azureml-mlflow"]
    words = ["COMPUTER", "USE_CONDA='no'", "cpu-cluster has no interpreter", "docker_env"]
    assert [word in said for word, said in zip(words, result["refused"], strict=True)] == [True] * 4, result["refused"]


@pytest.fixture
def ready_at_once():
    """Revisions take over as soon as they exist."""
    ended = threading.Event()

    def watch():
        while not ended.wait(0.1):
            for revision in Revision.objects.filter(stage=Revision.State.TRANSITIONING):
                revision.take_over()
        connection.close()

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.mark.extended
@pytest.mark.timeout(300)
def test_models_are_deployed_by_mlflow(
    transactional_db, live_server, studio_files, workspace, alice, tmp_path, ready_at_once
):
    factories.make_target(workspace, "cpu-cluster")
    for _ in range(2):
        run = factories.make_run(workspace)
        for name, content in {"MLmodel": MLMODEL, "conda.yaml": CONDA}.items():
            artifacts.store_artifact(run, f"m/{name}", iter([content]))
        fields = {"model_type": "mlflow_model", "source": f"runs:/{run.run_id}/m", "source_run_id": run.run_id}
        factories.make_model_version(workspace, "doubler", run=run, created_by=alice, **fields)
    environment = {"LAZULI_URL": live_server.url, "LAZULI_TOKEN": factories.make_token(alice)}
    result = drive(interpreter("mlflow-3"), "deployments_script.py", tmp_path, **environment)
    assert result["made"] == ["blue", "Succeeded", "doubler/versions/1"]
    assert result["endpoints"] == [{"blue": 100}, {"a": "b"}, {"alone": 100}]
    assert result["names"] == ["alone", "blue"]
    frame = {"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}
    assert result["predicted"] == [[2.0], frame, "blue", '{"input_data": [[1]]}', None]
    assert result["key"] and result["left"] == []
    assert "There is no setting 'colour'" in result["refused"]


@pytest.mark.mlflow_full
@pytest.mark.timeout(900)
def test_the_whole_mlflow_works_as_its_user_expects(
    transactional_db, live_server, studio_files, workspace, alice, as_user, tmp_path
):
    token = factories.make_token(alice)
    environment = {
        "MLFLOW_TRACKING_URI": f"{live_server.url}/mlflow/v1.0{workspace.arm_id}",
        "MLFLOW_TRACKING_TOKEN": token,
    }
    sdk = {"LAZULI_URL": live_server.url, "LAZULI_TOKEN": token}
    result = drive(interpreter("mlflow-full"), "full_script.py", tmp_path, **environment, **sdk)
    assert not result["wrong"], "\n".join(result["wrong"].values())
    runs = {name: Run.objects.get(run_id=run_id) for name, run_id in result["kept"].items()}
    assert set(runs["grid"].children.values_list("status", flat=True)) == {Run.Status.COMPLETED}
    assert {one.path for one in runs["files"].artifacts.filter(path__contains="/")} > {
        "figures/line.png",
        "notes/a.txt",
    }

    def page(name, tab=""):
        found = as_user(alice).get(f"{runs[name].get_absolute_url()}{tab}")
        assert found.status_code == 200
        return found.content.decode()

    assert "dog/face" in page("files", "images/")
    assert "training_accuracy_score" in page("autologged", "metrics/")
    assert runs["grid"].children.first().display_name in page("grid", "children/")
    assert "system/cpu_utilization_percentage" in page("system", "metrics/")
