"""However the studio ends, the scripts that run on it end too."""

import json
import signal
import time

import psutil
import pytest
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

from tests.up.running import living

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
# It does not go when asked, and it has a child of its own.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1234)"])
print("running", flush=True)
time.sleep(1234)
"""


@pytest.fixture
def family(own_studio, tmp_path, monkeypatch):
    """All processes of a studio on which a script runs."""
    own_studio.start()
    monkeypatch.setenv("LAZULI_URL", own_studio.url)
    monkeypatch.setenv("LAZULI_TOKEN", own_studio.manage("token", "faults"))
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "stubborn.py").write_text(STUBBORN)
    environment = Environment("this-python")
    environment.python.user_managed_dependencies = True
    config = ScriptRunConfig(str(folder), "stubborn.py", compute_target="cpu-cluster", environment=environment)
    workspace = Workspace.from_config(str(own_studio.data / "config.json"))
    run = Experiment(workspace, "faults").submit(config)
    deadline = time.monotonic() + 90
    while not own_studio.runs("time.sleep(1234)"):
        assert time.monotonic() < deadline, json.dumps(run.get_details(), default=str)
        time.sleep(0.5)
    return own_studio.family()


def test_kill_9_of_the_supervisor_ends_scripts_too(own_studio, family):
    own_studio.process.kill()
    psutil.wait_procs(family, timeout=15)
    assert living(family) == []


def test_sigterm_ends_scripts_too_within_ten_seconds(own_studio, family):
    begun = time.monotonic()
    own_studio.process.send_signal(signal.SIGTERM)
    assert own_studio.process.wait(15) == 0
    assert time.monotonic() - begun <= 10
    assert living(family) == []
