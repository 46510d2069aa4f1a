"""What a fenced process may do, tried by real processes."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from lazuli import isolation
from lazuli.agent.host import find_hidden_paths
from lazuli.agent.isolation_check import find_isolation_problem
from lazuli.environments import uv_program
from lazuli.runner import script_limits

TRY = """
import json, os, sys
def attempt(act):
    try:
        act()
    except OSError:
        return "refused"
    return "done"
print(json.dumps({name: attempt(eval("lambda: " + code)) for name, code in json.loads(sys.argv[1]).items()}))
"""


@pytest.fixture
def studio(tmp_path, monkeypatch):
    """A data folder with a secret, an environment, and the folder of a run."""
    monkeypatch.setattr(isolation, "TEMPORARY_FOLDERS", ("/dev/shm",))  # the tests' own folder is in /tmp
    data = tmp_path / "data"
    for name in ("environment", "run/code", "run/outputs"):
        (data / name).mkdir(parents=True)
    (data / "secret.key").write_text("secret")
    (data / "environment" / "module.py").write_text("1")
    (tmp_path / "beside.csv").write_text("a,b")
    return data


def attempt(fence, **codes) -> dict:
    try:
        command = [sys.executable, "-I", "-S", "-c", TRY, json.dumps(codes)]
        done = subprocess.run(command, preexec_fn=fence.enter, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)
    finally:
        fence.close()


def test_a_script_opens_only_what_it_is_given_of_the_data_folder(studio):
    fence = isolation.make_fence([str(studio)], [str(studio / "environment")], [str(studio / "run")])
    found = attempt(
        fence,
        secret=f"open('{studio}/secret.key').read()",
        names=f"os.listdir('{studio}')",
        environment=f"open('{studio}/environment/module.py').read()",
        into_environment=f"open('{studio}/environment/module.py', 'a')",
        own=f"open('{studio}/run/code/a.txt', 'w')",
        moved=f"os.replace('{studio}/run/code/a.txt', '{studio}/run/outputs/a.txt')",
        link=f"os.link('{studio}/secret.key', '{studio}/run/code/key')",
        beside=f"open('{studio.parent}/beside.csv').read()",
        into_beside=f"open('{studio.parent}/beside.csv', 'a')",
        shared_memory="open(f'/dev/shm/lazuli-{os.getpid()}', 'w').close() or os.remove(f'/dev/shm/lazuli-{os.getpid()}')",
        null="open('/dev/null', 'w').write('x')",
    )
    refused = {name for name, answer in found.items() if answer == "refused"}
    assert refused == {"secret", "names", "into_environment", "link", "into_beside"}
    assert all(answer == "done" for name, answer in found.items() if name not in refused)


def test_a_script_cannot_look_into_other_processes_or_end_them(studio):
    found = attempt(
        isolation.make_fence([str(studio)], [], []),
        variables="open(f'/proc/{os.getppid()}/environ', 'rb').read()",
        memory="open(f'/proc/{os.getppid()}/mem', 'rb')",
        signal="os.kill(os.getppid(), 0)",
        own_variables="open('/proc/self/environ', 'rb').read()",
        disk="[open(f'/dev/{name}', 'rb') for name in ('mem', 'vda', 'sda') if os.path.exists(f'/dev/{name}')] or os.open('/dev', 0)",
    )
    assert found.pop("own_variables") == "done"
    assert set(found.values()) == {"refused"}


def test_a_script_of_a_studio_that_runs_as_root_has_no_capabilities(studio):
    fence = isolation.make_fence([str(studio)], [], [])
    status = subprocess.run(["cat", "/proc/self/status"], preexec_fn=fence.enter, capture_output=True, text=True).stdout
    fence.close()
    sets = [line.split()[1] for line in status.splitlines() if line.startswith(("CapPrm", "CapEff", "CapInh"))]
    assert [int(each, 16) for each in sets] == [0, 0, 0]
    assert "NoNewPrivs:\t1" in status


def test_a_folder_for_scripts_that_holds_the_data_folder_does_not_open_it(studio):
    fence = isolation.make_fence([str(studio)], [], [str(studio.parent)])
    found = attempt(
        fence, secret=f"open('{studio}/secret.key')", beside=f"open('{studio.parent}/beside.csv', 'a').close()"
    )
    assert found == {"secret": "refused", "beside": "done"}


def test_a_link_to_a_hidden_folder_does_not_open_it(studio):
    (studio.parent / "way").symlink_to(studio)
    fence = isolation.make_fence([str(studio.parent / "way")], [], [])
    assert attempt(fence, secret=f"open('{studio}/secret.key')") == {"secret": "refused"}


def test_code_that_builds_a_package_opens_no_file_of_the_studio(studio, monkeypatch):
    monkeypatch.setenv("LAZULI_HIDDEN_PATHS", str(studio))
    monkeypatch.setenv("AZUREML_RUN_TOKEN", "secret")
    monkeypatch.setenv("LAZULI_ENV_CACHE", str(studio / "environments"))
    said = []
    uv = uv_program.UvProgram(sys.executable, lambda text: said.append(text) or text, lambda: False)
    uv.run("-c", "import os; print(os.environ.get('AZUREML_RUN_TOKEN'))")
    with pytest.raises(uv_program.UvFailed):
        uv.run("-c", f"print(open({str(studio / 'secret.key')!r}).read())")
    assert said[0] == "None\n" and any("PermissionError" in line for line in said)


def test_nothing_is_fenced_on_a_persons_own_machine():
    assert isolation.make_node_fence({}, [], []) is None
    assert isolation.make_node_fence({"LAZULI_HIDDEN_PATHS": "/srv", "NODE_ISOLATION": "off"}, [], []) is None


def test_a_machine_without_landlock_runs_scripts_unless_isolation_is_required(monkeypatch, studio):
    def too_old():
        raise isolation.NotIsolated("this kernel is too old")

    monkeypatch.setattr(isolation, "find_abi", too_old)
    environ = {"LAZULI_HIDDEN_PATHS": str(studio)}
    assert isolation.make_node_fence(environ, [], []) is None
    with pytest.raises(isolation.NotIsolated, match="too old"):
        isolation.make_node_fence({**environ, "NODE_ISOLATION": "required"}, [], [])
    assert find_isolation_problem({}, studio).endswith("this kernel is too old.")


def test_the_agent_tries_at_its_start_what_scripts_can_do(studio, monkeypatch):
    assert find_isolation_problem({}, studio) == ""
    assert "NODE_ISOLATION is off" in find_isolation_problem({"NODE_ISOLATION": "off"}, studio)
    # A fence that does not hold is found out.
    monkeypatch.setattr(isolation.Fence, "enter", lambda self: None)
    problem = find_isolation_problem({}, studio)
    assert "read the studio's data folder" in problem and "end the studio's processes" in problem
    assert not list((studio / "nodes").iterdir())


def test_an_unknown_mode_of_isolation_is_refused(studio):
    with pytest.raises(isolation.NotIsolated, match="auto, required or off"):
        isolation.make_node_fence({"LAZULI_HIDDEN_PATHS": str(studio), "NODE_ISOLATION": "on"}, [], [])
    assert "auto, required or off" in find_isolation_problem({"NODE_ISOLATION": "on"}, studio)


def test_database_files_and_logins_of_the_account_are_hidden_too(monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/mo/.config")
    environ = {"DATABASE_URL": "sqlite:////srv/studio.sqlite3", "STORAGE_URL": "file:///mnt/files"}
    environ |= {"SHARES_DIR": "/mnt/homes", "BACKUP_DIR": "/mnt/backups"}
    found = {os.path.normpath(path) for path in find_hidden_paths(environ, pathlib.Path("/srv/data"))}
    expected = {"/srv/data", "/home/mo/.config/lazuli", "/srv/studio.sqlite3", "/srv/studio.sqlite3-wal", "/mnt/files"}
    expected |= {"/mnt/homes", "/mnt/backups"}
    assert expected <= {os.path.realpath(path) for path in found}
    assert len(find_hidden_paths({"DATABASE_URL": "postgres://db/studio"}, pathlib.Path("/srv/data"))) == 2


def test_a_process_that_hides_its_memory_counts_too(monkeypatch):
    held, pid = bytearray(b"x") * 50_000_000, os.getpid()
    visible = script_limits.sum_memory([pid])

    def refuse(path, **kwargs):
        """What the kernel does for a process that is not dumpable."""
        if path.endswith("smaps_rollup"):
            raise PermissionError(path)
        return open(path, **kwargs)

    monkeypatch.setattr(script_limits, "open", refuse, raising=False)
    assert len(held) < visible <= script_limits.sum_memory([pid]) * 1.02


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("held = bytearray(b'x') * 60_000_000", "OutOfMemory"),
        ("import os\nfor n in range(4):\n    os.fork() or time.sleep(60)", "TooManyProcesses"),
    ],
)
def test_the_limits_of_a_fenced_script_are_kept(studio, monkeypatch, script, code):
    monkeypatch.setattr(script_limits, "MAX_PROCESSES", 3)
    fence = isolation.make_fence([str(studio)], [], [str(studio / "run")])
    command = [sys.executable, "-I", "-S", "-c", f"import time\n{script}\nprint(flush=True)\ntime.sleep(60)"]
    process = subprocess.Popen(command, preexec_fn=fence.enter, stdout=subprocess.PIPE, start_new_session=True)
    try:
        process.stdout.readline()
        excess = script_limits.ScriptLimits(0.03, process.pid).find_excess()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        fence.close()
    assert excess["code"] == code
