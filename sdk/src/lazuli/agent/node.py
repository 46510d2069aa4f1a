"""The node worker: claims work of its cluster, starts a runner for it, and reports when the runner has ended.

It knows only the addresses of broker and server and its own key. The runner runs in its own session and reports
the state of the run to the server itself. However this process ends, the next worker with its name finds the runner and watches it.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time

from lazuli import isolation, processes
from lazuli.agent.broker import NODE_TASK
from lazuli.agent.listener import LIFELINE, Agent, exit_with_parent, listen_for_notifications
from lazuli.agent.node_state import Claim, NodeFolder, hold_lock
from lazuli.agent.server_client import ServerClient
from lazuli.processes import Identity
from lazuli.runner import records

HEARTBEAT_SECONDS = 3.0
POLL_SECONDS = 0.1
# Only these variables of the host reach the runner and the user's script, so no address or secret of the studio does.
PASSED_VARIABLES = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CACHE_HOME",
    "PYENV_ROOT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "LAZULI_CONSTRAINTS", "LAZULI_KEEP_WORKDIR",
}  # fmt: skip
PASSED_PREFIXES = ("LC_", "PIP_", "UV_", "SSL_CERT_", "CUDA_", "NVIDIA_", "OMP_", "LAZULI_ENV_CACHE_")


class Node(Agent):
    def __init__(self, name: str, server: ServerClient, data_dir: pathlib.Path):
        super().__init__(name)
        self.server = server
        self.environments = data_dir / "nodes" / "environments"
        self.folder = NodeFolder(data_dir, name)
        # The runner of the claim: one that this process has started, or one of an earlier worker of this name.
        self._runner: subprocess.Popen[bytes] | None = None
        self._adopted: Identity | None = None
        self.claim = self._adopt_claim()
        self._parent_pid = os.getppid()
        self._next_heartbeat = 0.0

    def _adopt_claim(self) -> Claim | None:
        """The claim of an earlier worker, if its runner has begun. Else the work is claimed again, as a new attempt."""
        claim = self.folder.load_claim()
        if claim:
            self._adopted = records.find_or_prevent(str(self.folder.record_path(claim)))
        return claim if self._adopted else None

    def run_round(self, is_notified: bool) -> float:
        if os.getppid() != self._parent_pid:
            # For systems where the kernel does not send a signal: the next host agent starts a worker with this name.
            self.request_stop()
        may_find_work = is_notified
        if self.claim and self._has_runner_ended():
            self._report_done(self.claim)
            may_find_work = True
        if time.monotonic() >= self._next_heartbeat:
            may_find_work |= self._send_heartbeat()
        if may_find_work and not self.claim:
            self._claim_work()
        return POLL_SECONDS if self.claim else max(0.0, self._next_heartbeat - time.monotonic())

    def shut_down(self) -> None:
        """The runner continues; the next worker of this name watches it."""

    def _send_heartbeat(self) -> bool:
        work = [self.claim.work] if self.claim else []
        body = {"state": "running" if work else "idle", "pid": os.getpid(), "work": work}
        _, answer = self.server.post("/nodes/v1/heartbeat", body)
        self._next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
        return bool(answer.get("waiting")) and not answer.get("leaving")

    def _claim_work(self) -> None:
        status, work = self.server.post("/nodes/v1/claim")
        if status != 200:
            return
        claim = Claim(work["id"], work["attempt"])
        record = self.folder.record_path(claim)
        record.parent.mkdir(parents=True, exist_ok=True)
        spec = record.with_name("spec.json")
        spec.touch(mode=0o600)
        spec.write_text(json.dumps(work["spec"]))
        # Before the runner starts, so that no runner is without a claim.
        self.folder.save_claim(claim)
        self._runner = self._start_runner(spec, record, work["token"])
        self.claim = claim

    def _start_runner(self, spec: pathlib.Path, record: pathlib.Path, token: str) -> subprocess.Popen[bytes]:
        lifeline = os.environ.get(LIFELINE, "")
        own = {
            "AZUREML_RUN_TOKEN": token,
            "LAZULI_ENV_CACHE": str(self.environments),
            "LAZULI_WORK_DIR": str(spec.parent),
            records.VARIABLE: str(record),
            **isolation.variables_for_runner(os.environ),
        }
        with open(spec.with_name("runner.log"), "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", os.environ.get("LAZULI_RUNNER", "lazuli.runner"), str(spec)],
                cwd=spec.parent,
                env=_select_variables() | own | ({LIFELINE: lifeline} if lifeline else {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[int(lifeline)] if lifeline else [],
            )

    def _has_runner_ended(self) -> bool:
        if self._runner is not None:
            return self._runner.poll() is not None
        return self._adopted is None or not processes.is_running(self._adopted)

    def _report_done(self, claim: Claim) -> None:
        """Keep the claim until the server has answered; a refusal means that this node no longer holds the work."""
        # What a runner that was killed could not end itself.
        processes.kill_descendants()
        body = {"attempt": claim.attempt, "message": self._describe_failure(claim)}
        self.server.post(f"/nodes/v1/work/{claim.work}/done", body)
        self.folder.forget_claim(claim)
        self.claim = self._runner = self._adopted = None

    def _describe_failure(self, claim: Claim) -> str:
        record = self.folder.record_path(claim)
        if self._adopted and self._adopted.boot != processes.read_boot():
            return f"The machine of node {self.name} was restarted while its job ran."
        status = self._runner.returncode if self._runner else records.read_end(str(record))
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
    """Those of the host that a runner inherits."""
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
