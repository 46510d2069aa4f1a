"""The node worker: claims work of its cluster, starts a runner for it, and reports when the runner has ended.

It knows the addresses of broker and server and its own key, nothing else. The runner is a session of its own: after a
restart the next worker of the same name finds it in the state file and watches it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import psutil

from lazuli.agent.broker import NODE_TASK
from lazuli.agent.listener import Agent, exit_with_parent, listen_for_notifications
from lazuli.agent.server_client import ServerClient

HEARTBEAT_SECONDS = 3.0
POLL_SECONDS = 0.1
# Only these variables of the host reach the runner and the user's script, so no address or secret of the studio does.
PASSED_VARIABLES = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CACHE_HOME",
    "PYENV_ROOT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "LAZULI_CONSTRAINTS", "LAZULI_KEEP_WORKDIR",
}  # fmt: skip
PASSED_PREFIXES = ("LC_", "PIP_", "UV_", "SSL_CERT_", "CUDA_", "NVIDIA_", "OMP_", "LAZULI_ENV_CACHE_")


@dataclasses.dataclass
class Claim:
    """The work that this node has claimed, as the state file holds it."""

    work: str
    attempt: int
    # The runner's; 0 until it is started.
    pid: int = 0
    # When the process started: a later process may have the same pid.
    started_at: float | None = None


class Node(Agent):
    def __init__(self, name: str, server: ServerClient, data_dir: pathlib.Path):
        super().__init__(name)
        self.server = server
        self.environments = data_dir / "nodes" / "environments"
        self.folder = data_dir / "nodes" / name
        self.state_file = self.folder / "state.json"
        self.claim = _load_claim(self.state_file)
        self._runner: subprocess.Popen[bytes] | None = None
        self._next_heartbeat = 0.0

    def run_round(self, is_notified: bool) -> float:
        may_find_work = is_notified
        if self.claim and self._has_runner_ended(self.claim):
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
        self._save_claim(Claim(work["id"], work["attempt"]))
        folder = self.folder / work["id"]
        folder.mkdir(parents=True, exist_ok=True)
        spec = folder / "spec.json"
        spec.touch(mode=0o600)
        spec.write_text(json.dumps(work["spec"]))
        self._runner = self._start_runner(folder, work["token"])
        self._save_claim(Claim(work["id"], work["attempt"], self._runner.pid, _find_start_time(self._runner.pid)))

    def _start_runner(self, folder: pathlib.Path, token: str) -> subprocess.Popen[bytes]:
        lifeline = os.environ.get("LAZULI_LIFELINE_FD", "")
        with open(folder / "runner.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", os.environ.get("LAZULI_RUNNER", "lazuli.runner"), str(folder / "spec.json")],
                cwd=folder,
                env=self._build_environment(folder, token),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[int(lifeline)] if lifeline else [],
            )

    def _build_environment(self, folder: pathlib.Path, token: str) -> dict[str, str]:
        extra = {word.strip() for word in os.environ.get("NODE_PASS_ENV", "").split(",")}
        passed = {
            key: value
            for key, value in os.environ.items()
            if key.upper() in PASSED_VARIABLES or key in extra or key.startswith(PASSED_PREFIXES)
        }
        own = {
            "AZUREML_RUN_TOKEN": token,
            "LAZULI_ENV_CACHE": str(self.environments),
            "LAZULI_WORK_DIR": str(folder),
        }
        if "LAZULI_LIFELINE_FD" in os.environ:
            own["LAZULI_LIFELINE_FD"] = os.environ["LAZULI_LIFELINE_FD"]
        return passed | own

    def _has_runner_ended(self, claim: Claim) -> bool:
        if self._runner is not None:
            return self._runner.poll() is not None
        return _find_start_time(claim.pid) != claim.started_at

    def _report_done(self, claim: Claim) -> None:
        """Keep the claim until the server has answered; a refusal means that the work was no longer this node's."""
        body = {"attempt": claim.attempt, "message": self._describe_failure(claim)}
        self.server.post(f"/nodes/v1/work/{claim.work}/done", body)
        if not os.environ.get("LAZULI_KEEP_WORKDIR"):
            shutil.rmtree(self.folder / claim.work, ignore_errors=True)
        self.state_file.unlink(missing_ok=True)
        self.claim = self._runner = None

    def _describe_failure(self, claim: Claim) -> str:
        status = self._runner.returncode if self._runner else 0
        if not status:
            return ""
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
        log = self.folder / claim.work / "runner.log"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return f"The runner on node {self.name} {how}. {lines[-1] if lines else ''}".strip()[:500]

    def _save_claim(self, claim: Claim) -> None:
        self.claim = claim
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.state_file.with_suffix(".new")
        temporary.write_text(json.dumps(dataclasses.asdict(claim)))
        temporary.replace(self.state_file)


def _load_claim(path: pathlib.Path) -> Claim | None:
    """The claim of an earlier worker of this name. Work without a process is claimed again, which invalidates the old claim."""
    try:
        claim = Claim(**json.loads(path.read_text()))
        return claim if claim.pid else None
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        # Incomplete, as after a full disk: the work is claimed again, and the server then refuses a runner that is alive.
        path.unlink()
        return None


def _find_start_time(pid: int) -> float | None:
    """When the process started; None if there is none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def main() -> None:
    exit_with_parent(int(os.environ.pop("LAZULI_PARENT", os.getppid())))
    key, broker_url = os.environ.pop("LAZULI_NODE_KEY"), os.environ.pop("REDIS_URL", "")
    name, queue = os.environ["LAZULI_NODE_NAME"], os.environ["LAZULI_NODE_QUEUE"]
    node = Node(name, ServerClient(os.environ["SERVER_URL"], key), pathlib.Path(os.environ["DATA_DIR"]))
    node.start()
    listen_for_notifications(node, NODE_TASK, queue, broker_url)


if __name__ == "__main__":
    main()
