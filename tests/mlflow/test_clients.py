"""The real MLflow clients, newest and a 2.x, unmodified, over HTTP against the real application."""

import fcntl
import json
import os
import pathlib
import subprocess
import sys

import pytest
from django.conf import settings

from runs import artifacts, metrics
from runs.models import Run
from tests import factories

CLIENTS = {"mlflow-3": ["mlflow-skinny>=3.17,<4", "pandas"], "mlflow-2": ["mlflow-skinny>=2.22,<3", "pandas"]}
CACHE = settings.BASE_DIR / ".cache"


def interpreter(name: str) -> pathlib.Path:
    """The Python of an environment with this client, made once and kept."""
    folder = CACHE / name
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = folder / "bin" / "python"
        if not (folder / "ready").exists():
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "-q", "--clear", "-p", sys.executable, folder], check=True)
            subprocess.run([*uv, "pip", "install", "-q", "-p", python, *CLIENTS[name]], check=True)
            (folder / "ready").touch()
    return python


def drive(python, script: str, uri: str, token: str, folder) -> dict:
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "PYTHONWARNINGS": "ignore",
    }
    path = pathlib.Path(__file__).with_name(script)
    done = subprocess.run([python, path], env=variables, cwd=folder, capture_output=True, text=True, timeout=100)
    assert "RESULT" in done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("RESULT")[2])


@pytest.fixture
def studio_files(settings, tmp_path, monkeypatch):
    """Files go to a folder of this test."""
    from studio import storage

    settings.STORAGE_URL = f"file://{tmp_path / 'storage'}"
    storage.store.cache_clear()
    yield
    storage.store.cache_clear()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_finds_a_whole_tracking_server(
    transactional_db, live_server, studio_files, workspace, alice, tmp_path, name
):
    uri = f"{live_server.url}/mlflow/v1.0{workspace.arm_id}"
    result = drive(interpreter(name), "client_script.py", uri, factories.make_token(alice), tmp_path)
    assert result["version"].startswith(name[-1])
    assert not result["wrong"], "\n".join(result["wrong"].values())
    kept = result["kept"]
    outer, inner = (Run.objects.get(run_id=kept[run]) for run in ("outer", "inner"))
    assert (inner.parent, outer.display_name, outer.description) == (outer, "outer", "what it is for")
    assert (outer.status, outer.parameters["lr"], outer.created_by) == (Run.Status.COMPLETED, "0.1", alice)
    assert metrics.as_sdk_values(metrics.series_of(outer).get(name="loss")) == [0.5]
    stored = Run.objects.get(run_id=kept["files"]).artifacts.get(path="all/sub/f.bin")
    assert artifacts.content(stored) == bytes(range(256)) * 4000
