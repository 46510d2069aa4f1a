"""The host agent: runs the node workers that the server requests for this machine. `python -m lazuli.agent.host`

It reports which of them are alive and restarts those that end. It can stop or be killed at any time: runners are not child
processes that die with it, and the next agent with this name starts node workers that find their runners again. Under `make up`
all runners hold a file descriptor, the lifeline, whose other end belongs to the supervisor: runners stop when the supervisor does.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from lazuli import config, isolation, private_folder, processes
from lazuli.agent.agent_loop import Agent, listen_for_notifications
from lazuli.agent.broker import HOST_TASK, get_host_queue
from lazuli.agent.container_engine import EngineSearch, WrongEngine, read_setting
from lazuli.agent.folder_meter import FolderMeter
from lazuli.agent.gpu_pool import GpuList, GpuPool
from lazuli.agent.isolation_check import find_isolation_problem
from lazuli.agent.joining import JoinedHost
from lazuli.agent.machine import WrongOffer, read_machine
from lazuli.agent.meter import SAMPLE_SECONDS, Meter, is_due
from lazuli.agent.node_state import HostNodes, NodeFolder, hold_lock
from lazuli.agent.server_client import ServerClient, describe_refusal
from lazuli.agent.streams import Streams
from lazuli.environments.uv_program import wheel_cache_folder
from lazuli.processes import LIFELINE

REPORT_SECONDS = 3.0
POLL_SECONDS = 0.2
# A node that has ended is started again after a pause that grows if it does not stay, and after so many times it is given up.
FIRST_PAUSE, MAX_PAUSE = 1.0, 10.0
STEADY_SECONDS = 20.0
MAX_QUICK_ENDS = 4
# A node ends at once when it is terminated; one that hangs is killed after this.
GRACE_SECONDS = 4.0
# The runner of a removed node gets more time, to report the state of its script.
RUNNER_GRACE_SECONDS = 15.0
# A child that is neither node nor runner was left by a killed runner, unless it is a runner that is still starting.
ORPHAN_SECONDS = 10.0
NORMAL_EXITS = (0, -signal.SIGTERM)

# SQLite's files beside a database.
SQLITE_ENDINGS = ("-wal", "-shm", "-journal")
# Variables of the studio that a node must not have.
STUDIO_ONLY = {"SECRET_KEY", "DATABASE_URL", "STORAGE_URL", "HOST_KEY"}


@dataclasses.dataclass
class NodeProcess:
    process: subprocess.Popen[bytes]
    started_at: float
    quick_ends: int = 0
    terminated_at: float | None = None
    ended_at: float | None = None

    @property
    def exit_code(self) -> int | None:
        return self.process.poll()

    @property
    def is_given_up(self) -> bool:
        return self.quick_ends >= MAX_QUICK_ENDS

    def note_end(self) -> None:
        """Record the end of the process; failures soon after the start are counted."""
        if self.ended_at is None:
            self.ended_at = time.monotonic()
            is_quick = self.ended_at - self.started_at < STEADY_SECONDS
            self.quick_ends = self.quick_ends + 1 if is_quick and self.exit_code not in NORMAL_EXITS else 0

    def may_start_again(self) -> bool:
        pause = min(FIRST_PAUSE * 2 ** max(0, self.quick_ends - 1), MAX_PAUSE)
        return not self.is_given_up and time.monotonic() - max(self.started_at, self.ended_at or 0.0) >= pause

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
        self._machine, self._gpus = read_machine(os.environ), GpuList(data_dir)
        self.nodes: dict[str, NodeProcess] = {}
        self.on_disk = HostNodes(data_dir, name)
        # What the server requests; None until it has answered for the first time.
        self._requests: dict[str, dict[str, Any]] | None = None
        self._next_report = 0.0
        self._meter, self._next_sample = Meter(data_dir), time.monotonic() + SAMPLE_SECONDS
        self._wheel_cache = FolderMeter(wheel_cache_folder())
        self._environment_cache = FolderMeter(str(data_dir / "nodes" / "environments"))
        self._is_watched = False
        self._reported_ended: set[str] = set()
        self._refusal = ""
        self._boot = f"{processes.read_boot()} {socket.gethostname()}"[:100]
        self._isolation_problem = find_isolation_problem(os.environ, data_dir)
        self.engine_search = EngineSearch(data_dir)
        # Only a machine that has joined needs them: the gateway is on the studio's own machine.
        self.streams: Streams | None = None
        # The time when each was first seen or terminated.
        self._orphans: dict[int, float] = {}
        self._terminated: dict[processes.Identity, float] = {}

    def run_round(self, is_notified: bool) -> float:
        ended = {name for name, node in self.nodes.items() if node.exit_code is not None}
        for name in ended:
            self.nodes[name].note_end()
        if time.monotonic() >= self._next_sample:
            self._next_sample = time.monotonic() + SAMPLE_SECONDS
            self._meter.measure(self.on_disk.find_trees())
        if self._gpus.read_again_if_due():
            self._note_new_gpus()
        if is_notified or ended - self._reported_ended or time.monotonic() >= self._next_report:
            self._report()
            self._reported_ended = ended
            self._wheel_cache.advance()
            self._environment_cache.advance()
            self._end_orphans()
        if self._requests is not None:
            self._apply_requests(self._requests)
        if self.streams is not None:
            self.streams.run_round()
        next_act = min(self._next_report, self._next_sample)
        return POLL_SECONDS if self.nodes else max(0.0, next_act - time.monotonic())

    def _note_new_gpus(self) -> None:
        self.log_message(
            f"GPUs: {', '.join(self._gpus.usable) or 'none'}; lost: {', '.join(self._gpus.lost) or 'none'}"
        )
        self._meter.read_cards_again()
        self._next_report = 0.0

    def _report(self) -> None:
        samples = self._meter.waiting if is_due(self._meter.waiting, self._is_watched) else []
        status, answer = self.server.post("/nodes/v1/host", {**self._collect_state(), "samples": samples})
        self._next_report = time.monotonic() + REPORT_SECONDS
        refusal = "" if status == 200 else describe_refusal(status, answer)
        if status == 401:
            # It was detached while this agent did not run, or the studio has another secret key than it had.
            refusal = f"{self.server.url} no longer knows this machine: join again with `lazuli host join`"
        if refusal and refusal != self._refusal:
            self.log_message(refusal)
        self._refusal = refusal
        if status == 200:
            self._requests = {request["name"]: request for request in answer["nodes"]}
            self._meter.waiting = self._meter.waiting[len(samples) :]
            self._is_watched = bool(answer.get("watched"))
            if answer.get("detached"):
                self._forget_studio()

    def _forget_studio(self) -> None:
        """The studio has detached this machine, and no node of it is left."""
        JoinedHost.path(self.data_dir).unlink(missing_ok=True)
        self.log_message(f"{self.server.url} has detached this machine, so its agent ends")
        self.request_stop()

    def _collect_state(self) -> dict[str, Any]:
        return {
            "cpus": self._machine.cores,
            "memoryGB": self._machine.memory_gb,
            "gpus": len(self._gpus.usable),
            "lostGpus": self._gpus.lost,
            "address": socket.gethostname()[:100],
            "nodes": [_describe_node(name, node) for name, node in self.nodes.items()],
            "isolationProblem": self._isolation_problem,
            **self.engine_search.describe(),
            "boot": self._boot,
            "wheelCacheBytes": self._wheel_cache.size_bytes,
            "environmentCacheBytes": self._environment_cache.size_bytes,
        }

    def _apply_requests(self, requests: dict[str, dict[str, Any]]) -> None:
        """Start, restart and end nodes until those run that the server requests."""
        wanted = {name for name, request in requests.items() if request["state"] == "wanted"}
        for name, node in list(self.nodes.items()):
            if node.exit_code is None:
                if name not in wanted:
                    node.terminate_or_kill()
            elif name not in requests:
                del self.nodes[name]
            elif name in wanted and node.may_start_again():
                self._reported_ended.discard(name)
                self._start_node(requests[name], node.quick_ends)
        for name in wanted - self.nodes.keys():
            self._start_node(requests[name])
        for name in self.on_disk.names - requests.keys() - self.nodes.keys():
            self._clear_node(name)

    def _start_node(self, request: dict[str, Any], quick_ends: int = 0) -> None:
        name, lifeline = request["name"], os.environ.get(LIFELINE, "")
        self.on_disk.add(name)
        environment = {key: value for key, value in os.environ.items() if key not in STUDIO_ONLY} | {
            "LAZULI_NODE_NAME": name,
            "LAZULI_NODE_KEY": request["key"],
            "LAZULI_NODE_QUEUE": request["queue"],
            "LAZULI_PARENT": str(os.getpid()),
            "SERVER_URL": self.server.url,
            "REDIS_URL": self.broker_url,
            "DATA_DIR": str(self.data_dir),
            isolation.HIDDEN_VARIABLE: os.pathsep.join(find_hidden_paths(os.environ, self.data_dir)),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "lazuli.agent.node"],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[int(lifeline)] if lifeline else [],
        )
        self.nodes[name] = NodeProcess(process, time.monotonic(), quick_ends)

    def _clear_node(self, name: str) -> None:
        """The server no longer has this node: stop its runners if it has any, then delete its folder."""
        found = NodeFolder(self.data_dir, name).find_runners()
        if not found:
            GpuPool(self.data_dir, name).keep_only(())
            self.on_disk.discard(name)
        for _, runner in found:
            if runner not in self._terminated:
                self._terminated[runner] = time.monotonic()
                processes.send_signal(runner, signal.SIGTERM)
            elif time.monotonic() - self._terminated[runner] > RUNNER_GRACE_SECONDS:
                processes.send_signal(runner, signal.SIGKILL)

    def _end_orphans(self) -> None:
        """Collect the exit status of runners whose node worker was killed, and kill processes that a killed runner left.

        Both have become children of this process, which is their subreaper.
        """
        known = {
            *(node.process.pid for node in self.nodes.values()),
            *self._wheel_cache.pids,
            *self._environment_cache.pids,
            *self.engine_search.pids,
            *(self.streams.pids if self.streams else []),
        }
        strangers = set(processes.list_children(os.getpid())) - known
        runners = {pid for pids in self.on_disk.find_trees().values() for pid in pids} if strangers else set()
        now = time.monotonic()
        self._orphans = {pid: self._orphans.get(pid, now) for pid in strangers - runners}
        for pid, seen_at in self._orphans.items():
            if processes.identify(pid) is None:
                os.waitpid(pid, os.WNOHANG)
            elif now - seen_at > ORPHAN_SECONDS:
                os.kill(pid, signal.SIGKILL)

    def shut_down(self) -> None:
        """End all nodes; kill those that do not end within seconds. Their runners keep running."""
        if self.streams is not None:
            self.streams.shut_down()
        for node in self.nodes.values():
            node.terminate_or_kill()
        deadline = time.monotonic() + GRACE_SECONDS
        for node in self.nodes.values():
            try:
                node.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                node.process.kill()


def find_hidden_paths(environ: Mapping[str, str], data_dir: pathlib.Path) -> list[str]:
    """Paths that scripts on this machine must not open: data folder, database, files, homes, backups, and logins of this
    account."""
    found = [str(data_dir), str(config.config_folder())]
    found += [environ[name] for name in ("SHARES_DIR", "BACKUP_DIR") if environ.get(name)]
    for name, schemes in (("DATABASE_URL", {"sqlite", "sqlite3"}), ("STORAGE_URL", {"file"})):
        address = urlsplit(environ.get(name, ""))
        if address.scheme in schemes and address.path:
            path = unquote(address.path)
            found += [path, *(path + ending for ending in SQLITE_ENDINGS)]
    return found


def _describe_node(name: str, node: NodeProcess) -> dict[str, Any]:
    code = node.exit_code
    return {"name": name, "pid": node.process.pid, "alive": code is None, "exit": code, "failed": node.is_given_up}


def _read_identity(data_dir: pathlib.Path) -> JoinedHost:
    """The identity of this host and its studio: from HOST_KEY, or stored when it joined."""
    key = os.environ.pop("HOST_KEY", "")
    if key:
        return JoinedHost(os.environ["SERVER_URL"], os.environ.get("HOST_NAME", "local"), key)
    joined = JoinedHost.load(data_dir)
    if joined is None:
        sys.exit(
            f"This machine has not joined a studio ({JoinedHost.path(data_dir)} is missing): lazuli host join --help"
        )
    return joined


def main() -> None:
    broker_url = os.environ.pop("REDIS_URL", "")
    data_dir = pathlib.Path(os.environ.get("DATA_DIR", "data")).resolve()
    has_joined = not os.environ.get("HOST_KEY")
    identity = _read_identity(data_dir)
    name = identity.name
    private_folder.close_new_files()
    try:
        private_folder.close_folder(data_dir)
        isolation.read_mode(os.environ)
        read_machine(os.environ)
        read_setting(os.environ)
    except (private_folder.NotPrivate, isolation.NotIsolated, WrongOffer, WrongEngine) as error:
        sys.exit(f"{name}: {error}")
    with hold_lock(data_dir / "nodes" / "hosts" / f"{name}.lock", name):
        processes.become_subreaper()
        host = Host(name, ServerClient(identity.url, identity.key), data_dir, broker_url)
        host.engine_search.start()
        if has_joined:
            host.streams = Streams(identity.url, identity.key)
        if LIFELINE in os.environ:
            host.stop_with_lifeline(int(os.environ[LIFELINE]))
        host.start()
        listen_for_notifications(host, HOST_TASK, get_host_queue(name), broker_url)
        host.wait_until_stopped()


if __name__ == "__main__":
    main()
