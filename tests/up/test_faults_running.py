"""However the studio ends, the scripts that run on it end too."""

import json
import signal
import time

import psutil
import pytest
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

from tests.up.running import command_of, living

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
def submit(own_studio, tmp_path, monkeypatch):
    """Start the studio, submit a script and wait until the text stands in the command of a process of it."""
    own_studio.start()
    monkeypatch.setenv("LAZULI_URL", own_studio.url)
    monkeypatch.setenv("LAZULI_TOKEN", own_studio.manage("token", "faults"))
    folder = tmp_path / "code"
    folder.mkdir()
    environment = Environment("this-python")
    environment.python.user_managed_dependencies = True
    workspace = Workspace.from_config(str(own_studio.data / "config.json"))

    def start(script: str, words: str):
        (folder / "script.py").write_text(script)
        config = ScriptRunConfig(str(folder), "script.py", compute_target="cpu-cluster", environment=environment)
        run = Experiment(workspace, "faults").submit(config)
        deadline = time.monotonic() + 90
        while not own_studio.runs(words):
            assert time.monotonic() < deadline, json.dumps(run.get_details(), default=str)
            time.sleep(0.5)
        return run

    return start


@pytest.fixture
def family(own_studio, submit):
    """All processes of a studio on which a script runs that does not want to end."""
    submit(STUBBORN, "time.sleep(1234)")
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


def test_the_death_of_host_agent_and_supervisor_ends_scripts_too(own_studio, family):
    """Nobody is left then whose child the runner is."""
    for process in family:
        if "lazuli.agent" in command_of(process):
            process.kill()
    own_studio.process.kill()
    psutil.wait_procs(family, timeout=15)
    assert living(family) == []


SHORT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time; time.sleep(8.125)"])
print("ended by itself")
"""


waiting = pytest.mark.parametrize("own_studio", [{"STOP": "wait"}], indirect=True)


@waiting
def test_one_that_waits_lets_a_job_end_first(own_studio, submit):
    run = submit(SHORT, "time.sleep(8.125)")
    family = own_studio.family()
    own_studio.process.send_signal(signal.SIGINT)
    own_studio.wait_for(f"1 job is still running: {run.id}.")
    assert own_studio.process.wait(60) == 0
    assert living(family) == []
    code = f"from runs.models import Run; print(Run.objects.get(run_id={run.id!r}).status)"
    assert own_studio.manage("shell", "-v", "0", "-c", code) == "Completed"


@waiting
def test_one_that_waits_ends_at_the_second_ctrl_c(own_studio, family):
    own_studio.process.send_signal(signal.SIGINT)
    own_studio.wait_for("1 job is still running")
    assert living(own_studio.family())
    time.sleep(1)
    begun = time.monotonic()
    own_studio.process.send_signal(signal.SIGINT)
    assert own_studio.process.wait(15) == 0
    assert time.monotonic() - begun <= 10
    assert living(family) == []
