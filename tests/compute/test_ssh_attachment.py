"""A machine behind a real SSH server: the studio installs its agent there, it runs a job, and is detached meanwhile."""

import pathlib

import psutil
import pytest
from azureml.core import Environment
from azureml.core.compute import ComputeTarget, DsvmCompute, RemoteCompute

from tests.compute.cluster_stack import open_stack, until
from tests.compute.ssh_server import IS_MISSING, SshServer
from tests.up.running import Studio, command_of

pytestmark = [
    pytest.mark.extended,
    pytest.mark.stack,
    pytest.mark.timeout(280),
    pytest.mark.skipif(IS_MISSING, reason="needs root and Debian's openssh-server"),
]
# Ends when a file appears.
SCRIPT = """
import os, pathlib, sys, time
from azureml.core import Run
run = Run.get_context()
run.log("pid", os.getpid())
run.flush()
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.1)
"""
JOIN = """
from accounts.actors import Actor
from accounts.models import User
from compute.models import SshAttachment
from workspaces.models import Workspace
fields = dict(username="root", address="127.0.0.1", port={port}, name="far", credential="{password}")
SshAttachment.create(Actor(User.objects.get(username="olga")), Workspace.objects.get(), **fields)
"""
CONFIRM = """
from accounts.actors import Actor
from compute.models import SshAttachment
row = SshAttachment.objects.get()
print(row.state, row.shown_key, row.problem)
row.confirm(Actor(row.created_by), row.shown_key) if row.state == "Confirm" else None
"""


@pytest.fixture
def stack(tmp_path):
    studio = Studio(tmp_path).with_tables()
    studio.env["PUBLIC_URL"] = studio.url
    with open_stack(studio, tmp_path) as stack:
        yield stack


@pytest.fixture
def home(tmp_path):
    """The home folder there, in which the agent is installed; what still runs of it at the end is stopped."""
    home = tmp_path / "home"
    home.mkdir()
    yield home
    for process in find_agents(home):
        process.kill()


def find_agents(home: pathlib.Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if str(home / ".local") in command_of(process)]


@pytest.fixture
def server(tmp_path, home):
    # The agent is no service of this machine's systemd.
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "loginctl").write_text("#!/bin/sh\nexit 1\n")
    (programs / "loginctl").chmod(0o755)
    server = SshServer(tmp_path, home, f"{programs}:/usr/local/bin:/usr/bin:/bin")
    yield server
    server.stop()


def attach_by_key(stack, server, tmp_path) -> None:
    key = str(tmp_path / "person")
    config = RemoteCompute.attach_configuration("root", address="127.0.0.1", ssh_port=server.port, private_key_file=key)
    ComputeTarget.attach(stack.workspace, "my-box", config)
    confirm(stack, server)


def join_by_password(stack, server, tmp_path) -> None:
    """The machine joins, and then a target takes it."""
    say(stack, JOIN.format(port=server.port, password=server.PASSWORD))
    confirm(stack, server)
    until(
        lambda: (
            say(stack, "from compute.models import SshAttachment; print(SshAttachment.objects.get().state)") == "Joined"
        ),
        180,
    )
    ComputeTarget.create(stack.workspace, "my-box", DsvmCompute.provisioning_configuration())


def confirm(stack, server) -> None:
    shown = until(lambda: (said := say(stack, CONFIRM)) and "SHA256" in said and said, 60)
    assert shown.split()[:2] == ["Confirm", server.read_fingerprint()]


def say(stack, code: str) -> str:
    return stack.studio.manage("shell", "-v", "0", "-c", code)


@pytest.mark.parametrize("attach", [attach_by_key, join_by_password])
def test_a_machine_is_attached_by_ssh_runs_a_job_and_is_detached_when_the_job_has_ended(
    stack, server, home, tmp_path, attach
):
    attach(stack, server, tmp_path)

    def read_state() -> str:
        box = ComputeTarget(stack.workspace, "my-box")
        assert box.provisioning_state != "Failed", box.provisioning_errors
        return box.provisioning_state

    until(lambda: read_state() == "Succeeded", 180)
    environment = Environment("this-python")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = str(home / ".local/share/lazuli-host/bin/python")
    (stack.folder / "wait.py").write_text(SCRIPT)
    box, done = ComputeTarget(stack.workspace, "my-box"), tmp_path / "done"
    run = stack.submit(box, str(done), script="wait.py", environment=environment)
    script = stack.script_process(run)
    above = [command_of(process) for process in script.parents()]
    assert any(str(home / ".local") in command for command in above), above
    box.detach()
    # It still has work.
    assert script.is_running() and (home / "lazuli-host/host.json").exists()
    done.touch()
    until(lambda: run.get_status() in ("Completed", "Failed"), 60)
    assert run.get_status() == "Completed", str(run.get_details().get("error"))
    until(lambda: not find_agents(home), 60)
    assert not (home / "lazuli-host/host.json").exists()
