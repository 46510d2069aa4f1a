"""What a pid means, and that nothing outlives a run."""

import signal
import subprocess
import sys
import time

import pytest
from lazuli import processes

# It leaves its session, its parent and its environment behind.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"], {})
    os._exit(0)
os.wait()
"""
RUNNER = """
import os, sys
from lazuli import processes
from lazuli.runner.script_process import ScriptProcess
processes.become_subreaper()
script = ScriptProcess([sys.executable, "-c", sys.argv[1]], ".", {"PATH": "/usr/bin:/bin"}, "log.txt")
assert script.wait(20) == 0
print(*processes.list_children(os.getpid()), flush=True)
sys.stdin.readline()
script.kill_remaining()
print(*processes.list_children(os.getpid()), flush=True)
"""
linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the kernel of Linux finds lost descendants"
)


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_a_process_is_known_until_it_ends(sleeper):
    identity = processes.identify(sleeper.pid)
    assert identity and identity.pid == sleeper.pid and processes.is_running(identity)
    assert processes.send_signal(identity, signal.SIGKILL)
    # Nobody has taken its exit status yet.
    until(lambda: not processes.is_running(identity))
    assert not processes.send_signal(identity, signal.SIGTERM)
    sleeper.wait()
    assert processes.identify(sleeper.pid) is None


@pytest.mark.parametrize("change", [{"started": 1.0}, {"boot": "another"}])
def test_a_pid_that_was_given_out_again_is_another_process(sleeper, change):
    earlier = processes.identify(sleeper.pid)._replace(**change)
    assert not processes.is_running(earlier)
    assert not processes.send_signal(earlier, signal.SIGKILL)
    assert sleeper.poll() is None


@linux_only
def test_a_process_that_clears_its_environment_and_leaves_its_session_ends_with_the_run(tmp_path):
    command = [sys.executable, "-c", RUNNER, DAEMON]
    runner = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    left = [int(word) for word in runner.stdout.readline().split()]
    # The guardian, and the daemon, which has lost its parent.
    assert len(left) == 2
    print("go on", file=runner.stdin, flush=True)
    assert runner.stdout.readline() == "\n"
    assert runner.wait(10) == 0
    assert [pid for pid in left if processes.identify(pid)] == []


@linux_only
def test_what_a_killed_runner_left_ends_with_its_node_worker():
    code = f"import subprocess, sys, os, signal; subprocess.run([sys.executable, '-c', {DAEMON!r}]); os.kill(os.getpid(), 9)"
    node = (
        "import subprocess, sys, os; from lazuli import processes; processes.become_subreaper()\n"
        f"subprocess.run([sys.executable, '-c', {code!r}])\n"
        "print(*processes.list_children(os.getpid()), flush=True)\n"
        "assert processes.kill_descendants()"
    )
    ended = subprocess.run([sys.executable, "-c", node], capture_output=True, text=True, timeout=30, check=True)
    (pid,) = map(int, ended.stdout.split())
    assert processes.identify(pid) is None


def until(look, seconds=10):
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)
