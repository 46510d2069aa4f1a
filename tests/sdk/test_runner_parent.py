"""The process of a node that forks its runners."""

import os
import signal
import time

import pytest
from lazuli import processes
from lazuli.agent import runner_parent
from lazuli.agent.runner_parent import RunnerParent
from lazuli.runner import records

pytestmark = pytest.mark.skipif(not processes.IS_LINUX, reason="elsewhere runners are started plainly")
SERVICE = "lazuli.runner.service"
SLEEPER = """
import sys, time
def main(arguments):
    print("began", arguments, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def parent(tmp_path, monkeypatch):
    monkeypatch.setattr(runner_parent, "PAUSE_SECONDS", 0)
    (tmp_path / "spec.json").write_text("{}")
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    parent = RunnerParent()
    assert fork(parent, tmp_path) is None and parent.pids == []
    turn(parent, tmp_path)
    until(lambda: parent._read_line(0) == runner_parent.READY)
    parent._is_ready = True
    yield parent
    parent.shut_down()


def turn(parent, tmp_path):
    parent.run_round({**os.environ, "PYTHONPATH": str(tmp_path)}, "")


def fork(parent, tmp_path, module=SERVICE, **variables):
    record = tmp_path / "record.json"
    return parent.fork(module, tmp_path / "spec.json", record, {"PATH": os.environ["PATH"], **variables})


def until(look):
    deadline = time.monotonic() + 20
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def has_begun(tmp_path):
    log = tmp_path / "runner.log"
    return log.exists() and "began" in log.read_text()


def ended(runner):
    return until(lambda: runner.poll() is not None) and runner.returncode


def test_a_forked_runner_is_like_a_started_one(parent, tmp_path):
    runner = fork(parent, tmp_path, TOKEN="secret")
    # It has read the spec, which is incomplete, and said so in its log.
    assert ended(runner) == 2 and "The spec lacks name" in (tmp_path / "runner.log").read_text()
    (pid,) = parent.pids
    with open(f"/proc/{pid}/environ") as file:
        assert "secret" not in file.read()
    # The record of an attempt is made once: here by hand, as a node does that gives the attempt up.
    os.remove(tmp_path / "record.json.end")
    records.find_or_prevent(str(tmp_path / "record.json"))
    again = fork(parent, tmp_path, **{records.VARIABLE: str(tmp_path / "record.json")})
    assert ended(again) == 0 and "canceled before it started" in (tmp_path / "runner.log").read_text()


def test_a_killed_runner_tells_its_signal(parent, tmp_path):
    runner = fork(parent, tmp_path, "sleeper")
    until(lambda: has_begun(tmp_path))
    assert os.getsid(runner.pid) == runner.pid and os.readlink(f"/proc/{runner.pid}/cwd") == str(tmp_path)
    assert runner.poll() is None
    os.kill(runner.pid, signal.SIGTERM)
    assert ended(runner) == -signal.SIGTERM


def test_runners_outlive_their_parent(parent, tmp_path, monkeypatch):
    monkeypatch.setattr(runner_parent, "STATUS_SECONDS", 0)
    runner, (pid,) = fork(parent, tmp_path, "sleeper"), parent.pids
    until(lambda: has_begun(tmp_path))
    os.kill(pid, signal.SIGKILL)
    until(lambda: turn(parent, tmp_path) or parent.pids != [pid])
    assert runner.poll() is None
    os.kill(runner.pid, signal.SIGKILL)
    assert ended(runner) == -signal.SIGKILL


def test_a_parent_that_is_killed_at_an_order_starts_nothing_twice(parent, tmp_path):
    os.kill(parent.pids[0], signal.SIGKILL)
    found = fork(parent, tmp_path)
    # Either the order could not be sent, and a runner is started plainly, or nobody starts it.
    assert found is None or (found.identity is None and records.read_record(str(tmp_path / "record.json")) is None)
    assert parent.pids == []
