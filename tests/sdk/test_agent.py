"""Host agent and node worker: after one is killed, the next of its name continues with the same runners."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from lazuli import processes
from lazuli.agent import folder_meter, node_state
from lazuli.agent import host as host_module
from lazuli.agent.host import Host
from lazuli.agent.node import Node
from lazuli.runner import records

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="agents run on Linux and macOS")


class Server:
    """Hands out one work, again as often as it is claimed until it is done, and remembers what it hears."""

    url = "http://127.0.0.1:9"

    def __init__(self, script="import time; time.sleep(60)"):
        self.script, self.attempt, self.done, self.orders, self.reports = script, 0, [], [], []

    def post(self, path, body=None):
        if path == "/nodes/v1/claim" and (self.done or body["held"]):
            return 204, {}
        if path == "/nodes/v1/claim":
            self.attempt += 1
            return 200, {"id": "work-1", "attempt": self.attempt, "token": "t", "spec": self.spec()}
        if path.endswith("/done"):
            self.done.append(body)
        if path == "/nodes/v1/host":
            self.reports.append(body["nodes"])
            return 200, {"nodes": self.orders}
        return 200, {"waiting": False, "leaving": False}

    def spec(self):
        return {
            "run_id": "run_1",
            "experiment": "exp",
            "experiment_id": "e-id",
            "workspace": {"subscription_id": "s", "resource_group": "g", "workspace_name": "w", "workspace_id": "w-id"},
            "server_url": self.url,
            "argv": [sys.executable, "-c", self.script],
            "environment": {"python": {"userManagedDependencies": True, "interpreterPath": sys.executable}},
        }


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def node(server, tmp_path):
    """A node worker with a runner that has begun; at the end the runner is killed."""
    node = Node("node-a", server, tmp_path)
    node.run_round(True)
    runner = node.runners[0].started
    until(lambda: node.folder.find_runners())
    yield node
    runner.kill()
    runner.wait()


def until(look, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def test_the_next_worker_of_the_name_adopts_the_runner(node, server, tmp_path):
    again = Node("node-a", server, tmp_path)
    assert again.runners[0].claim == node.runners[0].claim
    assert again.runners[0].adopted.pid == node.runners[0].started.pid
    again.run_round(True)
    assert (server.attempt, server.done) == (1, [])
    node.runners[0].started.kill()
    until(lambda: again.run_round(False) and server.done)
    assert server.done[0]["attempt"] == 1
    assert "The runner on node node-a was killed while no node worker was running." in server.done[0]["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"started": 1.0}, "The runner on node node-a was killed while no node worker was running."),
        ({"boot": "earlier"}, "The machine of node node-a was restarted while its job ran."),
    ],
)
def test_another_process_with_the_runners_pid_is_not_adopted(node, server, tmp_path, change, message):
    path = node.folder.record_path(node.runners[0].claim)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    again = Node("node-a", server, tmp_path)
    again.run_round(True)
    assert server.done[0] == {"attempt": 1, "message": message}
    assert processes.identify(node.runners[0].started.pid)


def test_a_worker_that_was_killed_before_its_runner_began_claims_again(server, tmp_path):
    claim, folder = node_state.Claim("work-1", 1), node_state.NodeFolder(tmp_path, "node-a")
    folder.record_path(claim).parent.mkdir(parents=True)
    folder.add_claim(claim)
    node = Node("node-a", server, tmp_path)
    assert node.runners == []
    # The runner that comes late runs nothing.
    late = subprocess.run(
        [sys.executable, "-m", "lazuli.runner", "no-such-spec"],
        env=os.environ | {records.VARIABLE: str(folder.record_path(claim))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert late.stderr == "This attempt was canceled before it started.\n"


def test_an_unreadable_state_is_no_claim(server, tmp_path):
    (tmp_path / "nodes" / "node-a").mkdir(parents=True)
    (tmp_path / "nodes" / "node-a" / "state.json").write_text('{"work": "x", "pid"')
    assert Node("node-a", server, tmp_path).runners == []


def test_the_end_of_an_adopted_runner_needs_no_excuse_if_it_ended_well(node, server, tmp_path):
    again = Node("node-a", server, tmp_path)
    records.write_end(str(node.folder.record_path(node.runners[0].claim)), 0)
    node.runners[0].started.kill()
    until(lambda: again.run_round(False) and server.done)
    assert server.done == [{"attempt": 1, "message": ""}]


@pytest.fixture
def host(server, tmp_path, monkeypatch):
    monkeypatch.setattr(host_module, "FIRST_PAUSE", 0.0)
    server.orders = [{"name": "node-a", "key": "k", "queue": "q", "state": "wanted"}]
    host = Host("box", server, tmp_path, "")
    yield host
    host.shut_down()


def kill_node(host):
    node = host.nodes["node-a"]
    node.process.kill()
    node.process.wait()
    return node.process.pid


def test_a_killed_node_worker_is_started_again(host, server):
    host.run_round(True)
    pid = kill_node(host)
    host.run_round(False)
    assert [(one["alive"], one["exit"], one["failed"]) for one in server.reports[-1]] == [(False, -9, False)]
    assert host.nodes["node-a"].process.pid != pid and host.nodes["node-a"].exit_code is None


def test_a_node_worker_that_never_stays_is_given_up(host, server):
    host.run_round(True)
    for _ in range(host_module.MAX_QUICK_ENDS):
        pid = kill_node(host)
        host.run_round(True)
    assert server.reports[-1] == [{"name": "node-a", "pid": pid, "alive": False, "exit": -9, "failed": True}]
    host.run_round(True)
    assert host.nodes["node-a"].process.pid == pid


def test_the_next_agent_ends_the_runner_of_a_node_that_is_not_wanted_any_more(node, server, tmp_path):
    node_state.HostNodes(tmp_path, "box").add("node-a")
    host = Host("box", server, tmp_path, "")
    until(lambda: host.run_round(True) is not None and node.runners[0].started.poll() is not None)
    host.run_round(True)
    assert not node.folder.path.exists() and host.on_disk.names == set()


def test_an_agent_of_another_name_leaves_the_runner_alone(node, server, tmp_path):
    node_state.HostNodes(tmp_path, "box").add("node-a")
    other = Host("other", server, tmp_path, "")
    other.run_round(True)
    assert node.runners[0].started.poll() is None and node.folder.path.exists()


def test_the_runners_of_a_host_are_found_by_their_jobs(node, tmp_path):
    nodes = node_state.HostNodes(tmp_path, "box")
    nodes.add("node-a")
    ((folder, claim, runner),) = nodes.runners()
    assert (folder.read_name(claim), runner.pid) == ("run_1", node.runners[0].started.pid)


def test_a_host_ends_what_a_killed_runner_left(host, monkeypatch):
    orphan = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(processes, "list_children", lambda pid: [orphan.pid])
    host._end_orphans()
    assert orphan.poll() is None
    monkeypatch.setattr(host_module, "ORPHAN_SECONDS", 0.0)
    host._end_orphans()
    assert orphan.wait(5) == -signal.SIGKILL


def test_of_one_name_there_is_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr(node_state, "LOCK_SECONDS", 0.0)
    path = tmp_path / "nodes" / "hosts" / "box.lock"
    with node_state.hold_lock(path, "box"), pytest.raises(SystemExit, match="box: another process with this name uses"):
        node_state.hold_lock(path, "box")
    node_state.hold_lock(path, "box").close()


def test_a_host_measures_the_cache_of_packages_and_reports_it(host, tmp_path, monkeypatch):
    (tmp_path / "wheel").write_bytes(b"x" * 100_000)
    monkeypatch.setattr(folder_meter, "FIRST_SECONDS", 0.0)
    host._wheel_cache = folder_meter.FolderMeter(str(tmp_path))
    assert host._collect_state()["wheelCacheBytes"] is None
    host._wheel_cache.advance()
    until(lambda: host._wheel_cache.advance() or host._wheel_cache.size_bytes)
    assert 100_000 <= host._collect_state()["wheelCacheBytes"] < 10_000_000
    assert host._wheel_cache.pids == []
