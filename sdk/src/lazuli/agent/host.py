"""The host agent: runs the node workers that the server requests for this machine. `python -m lazuli.agent.host`

It reports which of them are alive, and the exit code of one that ended. Each node has a pipe, its lifeline: this process
holds the write end, runners hold the read end. When the node is removed or this process ends, the pipe closes and the
runner ends its script. So nothing outlives the host agent, and the restart of a node worker does not disturb its script.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import psutil

from lazuli import private_folder
from lazuli.agent.broker import HOST_TASK, get_host_queue
from lazuli.agent.listener import Agent, exit_with_parent, listen_for_notifications
from lazuli.agent.server_client import ServerClient

REPORT_SECONDS = 3.0
POLL_SECONDS = 0.2
# A node that ends normally is restarted after this time at the earliest.
RESTART_SECONDS = 1.0
# A node ends at once when it is terminated; one that hangs is killed after this, and so is a runner at the end.
GRACE_SECONDS = 4.0
NORMAL_EXITS = (0, -signal.SIGTERM)

# Variables of the studio that a node must not have.
STUDIO_ONLY = {"SECRET_KEY", "DATABASE_URL", "STORAGE_URL", "HOST_KEY"}


@dataclasses.dataclass
class NodeProcess:
    process: subprocess.Popen[bytes]
    # Read end and write end. Closing the write end ends the runner; the read end is for the next worker of this name.
    lifeline: tuple[int, int]
    started_at: float
    terminated_at: float | None = None

    @property
    def exit_code(self) -> int | None:
        return self.process.poll()

    def close_lifeline(self) -> None:
        for end in self.lifeline:
            os.close(end)

    def terminate_or_kill(self) -> None:
        if self.terminated_at is None:
            self.terminated_at = time.monotonic()
            self.process.terminate()
        elif time.monotonic() - self.terminated_at > GRACE_SECONDS:
            self.process.kill()


class Host(Agent):
    def __init__(self, name: str, server: ServerClient, data_dir: pathlib.Path, broker_url: str):
        super().__init__(name)
        self.server, self.broker_url = server, broker_url
        self.data_dir = data_dir
        self.nodes: dict[str, NodeProcess] = {}
        self._requests: dict[str, dict[str, Any]] = {}
        self._next_report = 0.0
        self._reported_ended: set[str] = set()
        self._is_key_refused = False

    def run_round(self, is_notified: bool) -> float:
        ended = {name for name, node in self.nodes.items() if node.exit_code is not None}
        if is_notified or ended - self._reported_ended or time.monotonic() >= self._next_report:
            self._report()
            self._reported_ended = ended
        self._apply_requests()
        return POLL_SECONDS if self.nodes else max(0.0, self._next_report - time.monotonic())

    def _report(self) -> None:
        status, answer = self.server.post("/nodes/v1/host", self._collect_state())
        self._next_report = time.monotonic() + REPORT_SECONDS
        if status == 401 and not self._is_key_refused:
            # The key is signed with the studio's secret key, and another studio has another one.
            self.log_message(
                "the server does not know this host's key: make one with `manage.py host`, and restart this agent with it"
            )
        self._is_key_refused = status == 401
        if status == 200:
            self._requests = {request["name"]: request for request in answer["nodes"]}

    def _collect_state(self) -> dict[str, Any]:
        nodes = [
            {"name": name, "pid": node.process.pid, "alive": node.exit_code is None, "exit": node.exit_code}
            for name, node in self.nodes.items()
        ]
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
        cpus = os.cpu_count() or 1
        return {"cpus": cpus, "memoryGB": round(memory, 1), "address": socket.gethostname()[:100], "nodes": nodes}

    def _apply_requests(self) -> None:
        """Start, restart and end nodes until those run that the server requests."""
        wanted = {name for name, request in self._requests.items() if request["state"] == "wanted"}
        for name in list(self.nodes):
            node = self.nodes[name]
            if node.exit_code is None:
                if name not in wanted:
                    node.terminate_or_kill()
            elif name not in self._requests:
                self._remove_node(name)
            elif name in wanted and node.exit_code in NORMAL_EXITS:
                self._restart_node(name)
        for name in wanted - self.nodes.keys():
            self._start_node(name, os.pipe())

    def _start_node(self, name: str, lifeline: tuple[int, int]) -> None:
        request, read_end = self._requests[name], lifeline[0]
        environment = {key: value for key, value in os.environ.items() if key not in STUDIO_ONLY} | {
            "LAZULI_NODE_NAME": name,
            "LAZULI_NODE_KEY": request["key"],
            "LAZULI_NODE_QUEUE": request["queue"],
            "LAZULI_LIFELINE_FD": str(read_end),
            "LAZULI_PARENT": str(os.getpid()),
            "SERVER_URL": self.server.url,
            "REDIS_URL": self.broker_url,
            "DATA_DIR": str(self.data_dir),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "lazuli.agent.node"],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[read_end],
        )
        self.nodes[name] = NodeProcess(process, lifeline, time.monotonic())

    def _restart_node(self, name: str) -> None:
        node = self.nodes[name]
        if time.monotonic() - node.started_at >= RESTART_SECONDS:
            self._reported_ended.discard(name)
            self._start_node(name, node.lifeline)

    def _remove_node(self, name: str) -> None:
        """Close its lifeline, which ends its runner if it has one; delete the node's folder if no runner uses it."""
        self.nodes.pop(name).close_lifeline()
        if _find_runner(self.data_dir, name) is None:
            shutil.rmtree(self.data_dir / "nodes" / name, ignore_errors=True)

    def shut_down(self) -> None:
        """End all nodes and runners; kill those that do not end within seconds."""
        runners = [runner for name in self.nodes if (runner := _find_runner(self.data_dir, name))]
        for node in self.nodes.values():
            node.terminate_or_kill()
            node.close_lifeline()
        _wait_or_kill([*runners, *(node.process for node in self.nodes.values())])


def _find_runner(data_dir: pathlib.Path, name: str) -> psutil.Process | None:
    """The runner that the node's state file names, if it is alive."""
    try:
        state = json.loads((data_dir / "nodes" / name / "state.json").read_text())
        runner = psutil.Process(state["pid"])
        return runner if runner.create_time() == state["started_at"] else None
    except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        # No file, an incomplete file, or a process that has ended: there is no runner.
        return None


def _wait_or_kill(processes: list[Any]) -> None:
    living = [psutil.Process(p.pid) for p in processes if psutil.pid_exists(p.pid)]
    _, hanging = psutil.wait_procs(living, timeout=GRACE_SECONDS)
    for process in hanging:
        try:
            for each in [*process.children(recursive=True), process]:
                each.kill()
        except psutil.NoSuchProcess:
            continue


def main() -> None:
    exit_with_parent(int(os.environ.pop("LAZULI_PARENT", os.getppid())))
    name, key = os.environ.get("HOST_NAME", "local"), os.environ.pop("HOST_KEY")
    server_url, broker_url = os.environ["SERVER_URL"], os.environ.pop("REDIS_URL", "")
    data_dir = pathlib.Path(os.environ.get("DATA_DIR", "data")).resolve()
    try:
        private_folder.close_folder(data_dir)
    except private_folder.NotPrivate as error:
        sys.exit(f"{name}: {error}")
    host = Host(name, ServerClient(server_url, key), data_dir, broker_url)
    host.start()
    listen_for_notifications(host, HOST_TASK, get_host_queue(name), broker_url)


if __name__ == "__main__":
    main()
