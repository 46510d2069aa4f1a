"""`lazuli host join-by-ssh`: each step is named, and nothing changes on the machine before all checks have passed."""

import os
import pathlib
import shutil
import socket
import sys

import pytest
from lazuli import ssh_joining
from lazuli.ssh_joining import Machine, StepFailed, join_by_ssh

from accounts.actors import Actor
from accounts.models import User
from compute import attaching
from compute.models import Host, JoinToken, SshAttachment
from tests import factories
from tests.compute.ssh_server import IS_MISSING, SshServer

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(sys.platform == "win32", reason="agents run on Linux and macOS"),
]
# Runs the command here, with another home; `mode` is what goes wrong.
FAKE_SSH = """#!{python}
import os, subprocess, sys
if "-G" in sys.argv:
    print("hostname 127.0.0.1\\nport {port}")
    sys.exit()
mode, words = open({mode!r}).read(), {{"unknown": "Host key verification failed.", "denied": "Permission denied (publickey).",
    "changed": "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!"}}
if mode in words:
    sys.exit(subprocess.call(["sh", "-c", "echo '" + words[mode] + "' >&2"]) or 255)
print("Welcome!" if mode == "noisy" else "", end="", flush=True)
environ = dict(os.environ, HOME={home!r})
environ.pop("DATA_DIR", None)
sys.exit(subprocess.call(["sh", "-c", sys.argv[-1]], env=environ))
"""


@pytest.fixture
def studio(transactional_db, live_server, settings) -> str:
    settings.PUBLIC_URL = live_server.url
    return live_server.url


@pytest.fixture
def token(studio) -> str:
    return JoinToken.create_with_secret(factories.make_user("root", is_superuser=True, is_staff=True))[1]


@pytest.fixture
def home(tmp_path, monkeypatch) -> pathlib.Path:
    """The home folder of the account on the machine. The agent is not downloaded and not started."""
    home = tmp_path / "home"
    home.mkdir()

    def install(machine, python, url):
        folder = home / ".local/share/lazuli-host/bin"
        folder.mkdir(parents=True)
        (folder / "lazuli").symlink_to(pathlib.Path(sys.executable).with_name("lazuli"))

    monkeypatch.setattr(ssh_joining, "_install", install)
    monkeypatch.setattr(ssh_joining, "START", "echo process")
    return home


@pytest.fixture
def fake(home, tmp_path, monkeypatch):
    """A function that sets what goes wrong."""
    programs, mode, server = tmp_path / "bin", tmp_path / "mode", socket.create_server(("127.0.0.1", 0))
    programs.mkdir()
    values = {"python": sys.executable, "port": server.getsockname()[1], "mode": str(mode), "home": str(home)}
    (programs / "ssh").write_text(FAKE_SSH.format(**values))
    (programs / "ssh").chmod(0o755)
    for name, text in (("ssh-keyscan", "10.0.0.7 ssh-ed25519 AAAA"), ("ssh-keygen", "256 SHA256:abc somewhere")):
        (programs / name).write_text(f"#!/bin/sh\necho '{text}'\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    yield mode.write_text
    server.close()


def test_a_machine_is_checked_step_by_step_and_joins(fake, home, studio, token):
    fake("")
    said = []
    join_by_ssh(Machine("azureuser@box"), studio, token, "gpu-box", said.append)
    assert [line.partition(":")[0] for line in said[:7]] == [
        "1. address", "2. host key", "3. key", "4. shell", "5. disk", "6. Python", "7. studio",
    ]  # fmt: skip
    assert said[-1].startswith("10. started") and Host.objects.get().name == "gpu-box"
    assert (home / "lazuli-host/host.json").exists()
    with pytest.raises(StepFailed, match="has joined a studio already"):
        join_by_ssh(Machine("azureuser@box"), studio, token, "", said.append)


def test_each_failure_names_its_step_and_changes_nothing(fake, home, studio, token, monkeypatch):
    for mode, words in (
        ("unknown", "host key: the key of 127.0.0.1 is not known. It shows SHA256:abc."),
        ("changed", "host key: 127.0.0.1 has another key than before"),
        ("denied", r"key: azureuser@box refuses the sign-in \(Permission denied"),
        ("noisy", "shell: it prints 'Welcome!' at each sign-in"),
    ):
        fake(mode)
        with pytest.raises(StepFailed, match=words):
            join_by_ssh(Machine("azureuser@box"), studio, token, "", print)
    fake("")
    for url, name, value, words in (
        (studio, "MIN_FREE_GB", 1e9, "disk: .* GB are free"),
        (studio, "FIND_PYTHON", "exit 1", "Python: there is no Python 3.10"),
        ("http://127.0.0.1:1", "SILENT", ssh_joining.SILENT, "studio: the machine cannot reach http://127.0.0.1:1"),
    ):
        with monkeypatch.context() as patch, pytest.raises(StepFailed, match=words):
            patch.setattr(ssh_joining, name, value)
            join_by_ssh(Machine("azureuser@box"), url, token, "", print)
    with pytest.raises(StepFailed, match=r"host key: 127\.0\.0\.1 has no key SHA256:other; it has SHA256:abc"):
        join_by_ssh(Machine("azureuser@box", host_key="SHA256:other"), studio, token, "", print)
    assert not list(home.iterdir()) and not Host.objects.exists()


@pytest.fixture
def server(tmp_path, home):
    server = SshServer(tmp_path, home)
    yield server
    server.stop()


@pytest.mark.skipif(IS_MISSING, reason="needs root and Debian's openssh-server")
def test_a_real_ssh_server_is_asked_with_a_pinned_key(server, tmp_path, home, studio, token):
    def attach(key: str, host_key: str) -> None:
        machine = Machine("root@127.0.0.1", server.port, str(tmp_path / key), host_key)
        join_by_ssh(machine, studio, token, "far", print)

    fingerprint = server.read_fingerprint()
    with pytest.raises(StepFailed, match=f"is not known. It shows {fingerprint.replace('+', '.')}"):
        attach("person", "")
    with pytest.raises(StepFailed, match="has no key SHA256:other"):
        attach("person", "SHA256:other")
    with pytest.raises(StepFailed, match="refuses the sign-in"):
        attach("stranger", fingerprint)
    attach("person", fingerprint)
    assert Host.objects.get().name == "far" and (home / "lazuli-host/host.json").exists()


@pytest.mark.skipif(IS_MISSING, reason="needs root and Debian's openssh-server")
def test_the_studio_attaches_a_machine_with_a_key_or_says_why_not(server, tmp_path, home, studio, token):
    admin = Actor(User.objects.get(username="root"))

    def attach(credential: str) -> SshAttachment:
        fields = {
            "username": "root",
            "address": "127.0.0.1",
            "port": server.port,
            "name": "far",
            "credential": credential,
        }
        row = SshAttachment.create(admin, factories.make_workspace(), **fields)
        attaching.attach_waiting()
        row.refresh_from_db()
        row.confirm(admin, row.shown_key)
        attaching.attach_waiting()
        row.refresh_from_db()
        return row

    assert "key: root@127.0.0.1 refuses the sign-in" in attach((tmp_path / "stranger").read_text()).problem
    assert "password: root@127.0.0.1 refuses the sign-in" in attach("a password").problem
    assert "key: it cannot be used" in attach("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA").problem
    for credential, name in (((tmp_path / "person").read_text(), "far"), (server.PASSWORD, "far-2")):
        joined = attach(credential)
        assert (joined.state, joined.host.name, joined.problem) == ("Joined", name, "") and len(joined.steps) == 10
        for folder in ("lazuli-host", ".local"):
            shutil.rmtree(home / folder)


@pytest.mark.skipif(IS_MISSING, reason="needs root and Debian's openssh-server")
def test_what_is_wrong_with_a_real_machine_is_named_as_its_step(tmp_path, home, studio, token, monkeypatch):
    programs = tmp_path / "bare"
    programs.mkdir()
    for name in ("sh", "df", "tail", "id", "test", "sleep"):
        (programs / name).symlink_to(shutil.which(name))
    server = SshServer(tmp_path, home, str(programs))
    key, fingerprint = str(tmp_path / "person"), server.read_fingerprint()

    def attach(user="root", port=server.port, host_key=fingerprint) -> str:
        with pytest.raises(StepFailed) as raised:
            join_by_ssh(Machine(f"{user}@127.0.0.1", port, key, host_key), studio, token, "far", print)
        return raised.value.message

    try:
        assert attach().startswith("Python: there is no Python 3.10 or newer")
        assert attach(user="nobody").startswith("key: nobody@127.0.0.1 refuses the sign-in (")
        monkeypatch.setattr(ssh_joining, "CHECK_SECONDS", 1)
        monkeypatch.setattr(ssh_joining, "FIND_PYTHON", "sleep 20")
        assert attach().startswith("Python: the machine did not finish within 1 seconds.")
    finally:
        server.stop()
    assert attach().startswith(f"address: 127.0.0.1 port {server.port} does not answer")
    (tmp_path / "closed").mkdir()
    closed = SshServer(tmp_path / "closed", home, ForceCommand="echo This account is not available.; exit 1")
    monkeypatch.setattr(ssh_joining, "CHECK_SECONDS", 20)
    try:
        key = str(tmp_path / "closed" / "person")
        said = attach(port=closed.port, host_key=closed.read_fingerprint())
        assert said == "shell: root@127.0.0.1 can sign in, but not run commands (This account is not available.)."
    finally:
        closed.stop()
    monkeypatch.setattr(ssh_joining, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(ssh_joining, "CHECK_SECONDS", 20)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = silent.getsockname()[1]
        assert attach(port=slow, host_key="").startswith(
            f"host key: 127.0.0.1 port {slow} does not finish SSH's handshake"
        )
        assert "it has no key" in attach(port=slow)
    assert not Host.objects.exists()
