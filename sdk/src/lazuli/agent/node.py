"""The node worker: claims work of its compute target, starts a runner for each unit, and reports when a runner has ended.

It knows only the addresses of broker and server and its own key. A runner runs in its own session and reports to the
server itself. If this process ends in any way, the next worker with its name finds the runners and watches them. While the
server does not answer, `agent_loop.py` tries again every second, and the runners continue.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

from lazuli import containers, isolation, processes
from lazuli.agent.agent_loop import Agent, exit_with_parent, listen_for_notifications
from lazuli.agent.broker import NODE_TASK
from lazuli.agent.container_engine import read_found, remove_containers_of
from lazuli.agent.gpu_pool import GpuPool
from lazuli.agent.node_state import Claim, NodeFolder, hold_lock
from lazuli.agent.runner_parent import ForkedRunner, RunnerParent
from lazuli.agent.server_client import ServerClient
from lazuli.agent.warm_parents import WarmParents
from lazuli.processes import LIFELINE, Identity
from lazuli.runner import gpu_variables, records, warm_start

HEARTBEAT_SECONDS = 3.0
POLL_SECONDS = 0.1
# How long work waits for GPUs that a process of earlier work still has, before it fails.
GPU_WAIT_SECONDS = 60.0
# The server assigns only as much work as fits on the node; this limit only contains the effect of a bug.
MAX_RUNNERS = 128
# Only these variables of the host reach the runner and the user's script, so no address or secret of the studio does.
PASSED_VARIABLES = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CACHE_HOME",
    "PYENV_ROOT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "LAZULI_CONSTRAINTS", "LAZULI_KEEP_WORKDIR", "LAZULI_DATA_CACHE_GB", "NODE_DISK_GB",
}  # fmt: skip
PASSED_PREFIXES = ("LC_", "PIP_", "UV_", "SSL_CERT_", "CUDA_", "NVIDIA_", "OMP_", "LAZULI_ENV_CACHE_")


@dataclasses.dataclass
class Runner:
    """The runner of a claim: one that this process has started, or one of an earlier worker of this name."""

    claim: Claim
    started: subprocess.Popen[bytes] | ForkedRunner | None = None
    adopted: Identity | None = None

    def has_ended(self) -> bool:
        if self.started is not None:
            return self.started.poll() is not None
        return self.adopted is None or not processes.is_running(self.adopted)


class Node(Agent):
    def __init__(self, name: str, server: ServerClient, data_dir: pathlib.Path):
        super().__init__(name)
        self.server = server
        self.data_dir, self.environments = data_dir, data_dir / "nodes" / "environments"
        self.data_cache = data_dir / "nodes" / "data"
        self.folder = NodeFolder(data_dir, name)
        self.runners = self._adopt_runners()
        self.warm_parents = WarmParents(self.folder.path / "warm")
        self.runner_parent = RunnerParent()
        self.gpus = GpuPool(data_dir, name)
        self._release_gpus()
        # The time since which work waits for GPUs.
        self._gpu_waits: dict[str, float] = {}
        self._parent_pid = os.getppid()
        self._next_heartbeat = 0.0

    def _adopt_runners(self) -> list[Runner]:
        """The runners that have begun for claims of an earlier worker. Other claims are claimed again, as new attempts."""
        found = [
            Runner(claim, adopted=records.find_or_prevent(str(self.folder.record_path(claim))))
            for claim in self.folder.load_claims()
            if self.folder.record_path(claim).parent.exists()
        ]
        return [runner for runner in found if runner.adopted]

    @property
    def held(self) -> list[str]:
        return [runner.claim.work for runner in self.runners]

    def run_round(self, is_notified: bool) -> float:
        if os.getppid() != self._parent_pid:
            # For systems where the kernel does not send a signal: the next host agent starts a worker with this name.
            self.request_stop()
        may_find_work = is_notified
        for runner in [one for one in self.runners if one.has_ended()]:
            self._report_done(runner)
            may_find_work = True
        self.warm_parents.run_round()
        self.runner_parent.run_round(_select_variables(), os.environ.get(LIFELINE, ""))
        if time.monotonic() >= self._next_heartbeat:
            may_find_work |= self._send_heartbeat()
        while may_find_work and len(self.runners) < MAX_RUNNERS:
            # There may be room for more.
            may_find_work = self._claim_work()
        return POLL_SECONDS if self.runners else max(0.0, self._next_heartbeat - time.monotonic())

    def shut_down(self) -> None:
        """The runners continue; the next worker of this name watches them."""
        self.warm_parents.shut_down()
        self.runner_parent.shut_down()

    def _send_heartbeat(self) -> bool:
        body: dict[str, Any] = {"state": "running" if self.runners else "idle", "pid": os.getpid(), "work": self.held}
        if self.gpus.gpus:
            own = self.gpus.list_own()
            body["gpus"] = {work: ",".join(own.get(work) or own.get("", [])) for work in self.held}
        _, answer = self.server.post("/nodes/v1/heartbeat", body)
        self._next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
        return bool(answer.get("waiting")) and not answer.get("leaving")

    def _claim_work(self) -> bool:
        status, work = self.server.post("/nodes/v1/claim", {"held": self.held})
        if status != 200:
            return False
        claim = Claim(work["id"], work["attempt"])
        if claim.work in self.held:
            self.log_message(f"the server assigned {claim.work}, which is already running here; not started again")
            return False
        gpus = self._take_gpus(claim, work)
        if gpus is None:
            return False
        record = self.folder.record_path(claim)
        record.parent.mkdir(parents=True, exist_ok=True)
        spec = record.with_name("spec.json")
        spec.touch(mode=0o600)
        spec.write_text(json.dumps(work["spec"]))
        # Before the runner starts, so that no runner is without a claim.
        self.folder.add_claim(claim)
        self.runners.append(Runner(claim, self._start_runner(spec, record, work, gpus)))
        return True

    def _take_gpus(self, claim: Claim, work: dict[str, Any]) -> list[str] | None:
        """The GPUs of the work; None while earlier work still has them. The server then assigns it here again."""
        count = work.get("gpus", 0)
        gpus = self.gpus.take("" if work.get("sharesGpus") else claim.work, count)
        if gpus is not None:
            self._gpu_waits.pop(claim.work, None)
            if gpus:
                # Report at once which ones they are.
                self._next_heartbeat = 0.0
            return gpus
        shortage = self.gpus.describe_shortage(count)
        if claim.work not in self._gpu_waits:
            self.log_message(f"{claim.work} waits: {shortage}")
        if time.monotonic() - self._gpu_waits.setdefault(claim.work, time.monotonic()) > GPU_WAIT_SECONDS:
            body = {"attempt": claim.attempt, "message": f"Node {self.name} has too few free GPUs: {shortage}."}
            self.server.post(f"/nodes/v1/work/{claim.work}/done", body)
            del self._gpu_waits[claim.work]
        return None

    def _release_gpus(self) -> None:
        """Release the GPUs of work that has ended; those of a compute instance with its last process."""
        self.gpus.keep_only([*self.held, ""] if self.runners else [])

    def _start_runner(
        self, spec: pathlib.Path, record: pathlib.Path, work: dict[str, Any], gpus: list[str]
    ) -> subprocess.Popen[bytes] | ForkedRunner:
        lifeline = os.environ.get(LIFELINE, "")
        is_service = work.get("life") == "kept-up"
        needs_key = is_service or work["spec"].get("node_count", 1) > 1
        module = "lazuli.runner.service" if is_service else "lazuli.runner"
        own = {
            "AZUREML_RUN_TOKEN": work["token"],
            "LAZULI_ENV_CACHE": str(self.environments),
            "LAZULI_DATA_CACHE": str(self.data_cache),
            "LAZULI_WORK_DIR": str(spec.parent),
            records.VARIABLE: str(record),
            **isolation.variables_for_runner(os.environ),
            **({containers.VARIABLE: engine} if (engine := read_found(self.data_dir)) and not is_service else {}),
            **({gpu_variables.VARIABLE: ",".join(gpus)} if self.gpus.gpus else {}),
            **({warm_start.VARIABLE: str(self.warm_parents.folder)} if is_service else {}),
            **({"LAZULI_WORK_KEY": work["key"], "LAZULI_WORK_ID": work["id"]} if needs_key else {}),
        }
        variables = _select_variables() | own | ({LIFELINE: lifeline} if lifeline else {})
        if work["spec"].get("is_replica") and (forked := self.runner_parent.fork(module, spec, record, variables)):
            return forked
        with open(spec.with_name("runner.log"), "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, str(spec)],
                cwd=spec.parent,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[int(lifeline)] if lifeline else [],
            )

    def _report_done(self, runner: Runner) -> None:
        """Keep the claim until the server has answered; a refusal means that this node no longer holds the work."""
        # What a runner that was killed could not end itself.
        others = [one for one in self.runners if one is not runner]
        forked = [found.pid for one in others if (found := self.folder.find_forked(one.claim))]
        started = [one.started.pid for one in others if one.started]
        processes.kill_descendants([*started, *forked, *self.warm_parents.pids, *self.runner_parent.pids])
        claim = runner.claim
        body = {"attempt": claim.attempt, "message": self._describe_failure(runner)}
        if body["message"]:
            # A container is no descendant of its runner.
            remove_containers_of(self.data_dir, self.folder.record_path(claim).parent)
        self.server.post(f"/nodes/v1/work/{claim.work}/done", body)
        self.folder.forget_claim(claim)
        self.runners.remove(runner)
        self._release_gpus()

    def _describe_failure(self, runner: Runner) -> str:
        record = self.folder.record_path(runner.claim)
        if runner.adopted and runner.adopted.boot != processes.read_boot():
            return f"The machine of node {self.name} was restarted while its job ran."
        status = runner.started.returncode if runner.started else records.read_end(str(record))
        if status == 0:
            return ""
        if status is None:
            how = "was killed while no node worker was running"
        else:
            how = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
        log = record.with_name("runner.log")
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return f"The runner on node {self.name} {how}. {lines[-1] if lines else ''}".strip()[:500]


def _select_variables() -> dict[str, str]:
    """Variables of the host that a runner inherits."""
    extra = {word.strip() for word in os.environ.get("NODE_PASS_ENV", "").split(",")}
    return {
        key: value
        for key, value in os.environ.items()
        if key.upper() in PASSED_VARIABLES or key in extra or key.startswith(PASSED_PREFIXES)
    }


def main() -> None:
    exit_with_parent(int(os.environ.pop("LAZULI_PARENT", os.getppid())))
    key, broker_url = os.environ.pop("LAZULI_NODE_KEY"), os.environ.pop("REDIS_URL", "")
    name, queue = os.environ["LAZULI_NODE_NAME"], os.environ["LAZULI_NODE_QUEUE"]
    data_dir = pathlib.Path(os.environ["DATA_DIR"])
    with hold_lock(data_dir / "nodes" / name / "lock", name):
        processes.become_subreaper()
        node = Node(name, ServerClient(os.environ["SERVER_URL"], key), data_dir)
        node.start()
        listen_for_notifications(node, NODE_TASK, queue, broker_url)
        node.wait_until_stopped()


if __name__ == "__main__":
    main()
