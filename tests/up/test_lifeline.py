"""The pair of sockets by which the end of the supervisor reaches all runners, and theirs the supervisor."""

import subprocess
import sys

from lazuli import processes
from lazuli.agent import node_state
from lazuli.runner import records

from studio.up.lifeline import Lifeline, kill_runners, list_jobs

# Waits for the other end to close, as a runner does, and says so.
HOLDER = "import select, sys; select.select([int(sys.argv[1])], [], []); print('cut', flush=True); sys.stdin.readline()"


def hold(lifeline: Lifeline) -> subprocess.Popen:
    descriptor = lifeline.descriptor
    command = [sys.executable, "-c", HOLDER, str(descriptor)]
    return subprocess.Popen(
        command, pass_fds=[descriptor], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


def test_it_is_held_until_the_last_holder_has_ended():
    lifeline = Lifeline()
    holders = [hold(lifeline) for _ in range(2)]
    lifeline.hand_out_no_more()
    for holder in holders:
        assert lifeline.is_held()
        holder.kill()
        holder.communicate()
    assert not lifeline.is_held()


def test_a_holder_notices_that_it_is_cut_and_is_still_seen():
    lifeline = Lifeline()
    with hold(lifeline) as holder:
        lifeline.cut()
        assert holder.stdout.readline() == "cut\n"
        assert lifeline.is_held()
        holder.stdin.close()
        holder.wait(10)
    assert not lifeline.is_held()


def test_the_jobs_of_this_host_are_listed_and_killed(tmp_path):
    runner = subprocess.Popen(["sleep", "60"])
    for host, node, run in (("local", "node-a", "run_1"), ("other", "node-b", "run_2")):
        node_state.HostNodes(tmp_path, host).add(node)
        folder, claim = node_state.NodeFolder(tmp_path, node), node_state.Claim("work", 1)
        record = folder.record_path(claim)
        record.parent.mkdir(parents=True)
        record.with_name("spec.json").write_text(f'{{"run_id": "{run}"}}')
        records._write_new(str(record), processes.identify(runner.pid)._asdict())
        folder.add_claim(claim)
    assert list_jobs(tmp_path, "local") == ["run_1"]
    kill_runners(tmp_path, "nobody")
    assert runner.poll() is None
    kill_runners(tmp_path, "local")
    assert runner.wait(10) == -9
    assert list_jobs(tmp_path, "local") == []
