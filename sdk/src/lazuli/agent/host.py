"""The host agent: keeps the node workers running on this machine that the server wants here. `python -m lazuli.agent.host`

It tells the server which of them live, and how one ended. Each node has a pipe, its lifeline: this process holds the
write end, runners hold the read end. When a node is lost or leaves, or this process is gone, the pipe closes and the
runner ends its script. So nothing outlives the host agent, and a restarted node worker leaves its script alone.
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
from lazuli.agent.broker import HOST_TASK, host_queue
from lazuli.agent.listener import Agent, die_with, listen_for_notifications
from lazuli.agent.server_client import Server

REPORT_SECONDS = 3.0
POLL_SECONDS = 0.2
# A node that ends in peace again and again is started again no faster than this.
RESTART_SECONDS = 1.0
# A node ends at once when told; one that hangs is killed after this, and so is a runner at the end.
GRACE_SECONDS = 4.0
EXITS_IN_PEACE = (0, -signal.SIGTERM)


# What the studio knows and a node must not.
STUDIO_ONLY = {"SECRET_KEY", "DATABASE_URL", "STORAGE_URL", "HOST_KEY"}


@dataclasses.dataclass
class Child:
    process: subprocess.Popen[bytes]
    # Read end and write end. Only the write end decides; the read end is kept for the next worker of this name.
    lifeline: tuple[int, int]
    started: float
    told_to_leave: float | None = None

    @property
    def exit(self) -> int | None:
        return self.process.poll()

    def cut_lifeline(self) -> None:
        for end in self.lifeline:
            os.close(end)

    def leave(self) -> None:
        if self.told_to_leave is None:
            self.told_to_leave = time.monotonic()
            self.process.terminate()
        elif time.monotonic() - self.told_to_leave > GRACE_SECONDS:
            self.process.kill()


class Host(Agent):
    def __init__(self, name: str, server: Server, data_dir: pathlib.Path, broker_url: str):
        super().__init__(name)
        self.server, self.broker_url = server, broker_url
        self.data_dir = data_dir
        self.children: dict[str, Child] = {}
        self._orders: dict[str, dict[str, Any]] = {}
        self._next_report = 0.0
        self._reported_exits: set[str] = set()
        self._is_unknown = False

    def turn(self, rung: bool) -> float:
        exits = {name for name, child in self.children.items() if child.exit is not None}
        if rung or exits - self._reported_exits or time.monotonic() >= self._next_report:
            self._report()
            self._reported_exits = exits
        self._follow()
        return POLL_SECONDS if self.children else max(0.0, self._next_report - time.monotonic())

    def _report(self) -> None:
        status, answer = self.server.post("/nodes/v1/host", self._state())
        self._next_report = time.monotonic() + REPORT_SECONDS
        if status == 401 and not self._is_unknown:
            # The key is signed with the studio's secret: a restored or renewed studio has another one.
            self.say(
                "the server does not know this host's key: make one with `manage.py host`, and start again with it"
            )
        self._is_unknown = status == 401
        if status == 200:
            self._orders = {order["name"]: order for order in answer["nodes"]}

    def _state(self) -> dict[str, Any]:
        nodes = [
            {"name": name, "pid": child.process.pid, "alive": child.exit is None, "exit": child.exit}
            for name, child in self.children.items()
        ]
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
        cpus = os.cpu_count() or 1
        return {"cpus": cpus, "memoryGB": round(memory, 1), "address": socket.gethostname()[:100], "nodes": nodes}

    def _follow(self) -> None:
        """Make what runs here what the server wants."""
        wanted = {name for name, order in self._orders.items() if order["state"] == "wanted"}
        for name in list(self.children):
            child = self.children[name]
            if child.exit is None:
                if name not in wanted:
                    child.leave()
            elif name not in self._orders:
                self._forget(name)
            elif name in wanted and child.exit in EXITS_IN_PEACE:
                self._start_again(name)
        for name in wanted - self.children.keys():
            self._start(name, os.pipe())

    def _start(self, name: str, lifeline: tuple[int, int]) -> None:
        order, read_end = self._orders[name], lifeline[0]
        environment = {key: value for key, value in os.environ.items() if key not in STUDIO_ONLY} | {
            "LAZULI_NODE_NAME": name,
            "LAZULI_NODE_KEY": order["key"],
            "LAZULI_NODE_QUEUE": order["queue"],
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
        self.children[name] = Child(process, lifeline, time.monotonic())

    def _start_again(self, name: str) -> None:
        child = self.children[name]
        if time.monotonic() - child.started >= RESTART_SECONDS:
            self._reported_exits.discard(name)
            self._start(name, child.lifeline)

    def _forget(self, name: str) -> None:
        """Its runner, if there is one, learns by the lifeline; the node's folder goes once no runner uses it."""
        self.children.pop(name).cut_lifeline()
        if _runner_of(self.data_dir, name) is None:
            shutil.rmtree(self.data_dir / "nodes" / name, ignore_errors=True)

    def close(self) -> None:
        """End nodes and runners, within seconds; what hangs is killed."""
        runners = [runner for name in self.children if (runner := _runner_of(self.data_dir, name))]
        for child in self.children.values():
            child.leave()
            child.cut_lifeline()
        _wait_or_kill([*runners, *(child.process for child in self.children.values())])


def _runner_of(data_dir: pathlib.Path, name: str) -> psutil.Process | None:
    """The living process that a node's state file names."""
    try:
        state = json.loads((data_dir / "nodes" / name / "state.json").read_text())
        runner = psutil.Process(state["pid"])
        return runner if runner.create_time() == state["born"] else None
    except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        # No file, a file cut short, or a process that is gone: there is no runner.
        return None


def _wait_or_kill(processes: list[Any]) -> None:
    living = [psutil.Process(p.pid) for p in processes if psutil.pid_exists(p.pid)]
    _, hanging = psutil.wait_procs(living, timeout=GRACE_SECONDS)
    for process in hanging:
        try:
            for one in [*process.children(recursive=True), process]:
                one.kill()
        except psutil.NoSuchProcess:
            continue


def main() -> None:
    die_with(int(os.environ.pop("LAZULI_PARENT", os.getppid())))
    name, key = os.environ.get("HOST_NAME", "local"), os.environ.pop("HOST_KEY")
    server_url, broker_url = os.environ["SERVER_URL"], os.environ.pop("REDIS_URL", "")
    data_dir = pathlib.Path(os.environ.get("DATA_DIR", "data")).resolve()
    try:
        private_folder.close_folder(data_dir)
    except private_folder.NotPrivate as error:
        sys.exit(f"{name}: {error}")
    host = Host(name, Server(server_url, key), data_dir, broker_url)
    host.start()
    listen_for_notifications(host, HOST_TASK, host_queue(name), broker_url)


if __name__ == "__main__":
    main()
