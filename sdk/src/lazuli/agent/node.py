"""The node worker: claims work of its cluster, starts a runner for it, and says when the runner has ended.

It knows the broker's address, the server's address and its own key, nothing else. The runner is a session of its own:
when this worker is restarted, the next one under the same name finds it in the state file and adopts it.
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
from lazuli.agent.listener import Agent, die_with, listen_for_notifications
from lazuli.agent.server_client import Server

BEAT_SECONDS = 3.0
POLL_SECONDS = 0.1
# Only these variables of the host reach the runner and the user's script: no address or secret of the studio does.
PASSED = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CACHE_HOME",
    "PYENV_ROOT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "LAZULI_CONSTRAINTS", "LAZULI_KEEP_WORKDIR",
}  # fmt: skip
PASSED_BEGINNINGS = ("LC_", "PIP_", "UV_", "SSL_CERT_", "CUDA_", "NVIDIA_", "OMP_", "LAZULI_ENV_CACHE_")


@dataclasses.dataclass
class Held:
    """The work in hand, as the state file remembers it."""

    work: str
    attempt: int
    # 0 until the runner is started.
    pid: int = 0
    # When the process began: the same pid later is another process.
    born: float | None = None


class Node(Agent):
    def __init__(self, name: str, server: Server, data_dir: pathlib.Path):
        super().__init__(name)
        self.server = server
        self.environments = data_dir / "nodes" / "environments"
        self.folder = data_dir / "nodes" / name
        self.state_file = self.folder / "state.json"
        self.held = _read(self.state_file)
        self._runner: subprocess.Popen[bytes] | None = None
        self._next_beat = 0.0

    def turn(self, rung: bool) -> float:
        look = rung
        if self.held and self._runner_has_ended(self.held):
            self._report_done(self.held)
            look = True
        if time.monotonic() >= self._next_beat:
            look |= self._beat()
        if look and not self.held:
            self._claim()
        return POLL_SECONDS if self.held else max(0.0, self._next_beat - time.monotonic())

    def close(self) -> None:
        """The runner goes on; whoever comes next under this name adopts it."""

    def _beat(self) -> bool:
        held = [self.held.work] if self.held else []
        body = {"state": "running" if held else "idle", "pid": os.getpid(), "work": held}
        _, answer = self.server.post("/nodes/v1/heartbeat", body)
        self._next_beat = time.monotonic() + BEAT_SECONDS
        return bool(answer.get("waiting")) and not answer.get("leaving")

    def _claim(self) -> None:
        status, work = self.server.post("/nodes/v1/claim")
        if status != 200:
            return
        self._remember(Held(work["id"], work["attempt"]))
        folder = self.folder / work["id"]
        folder.mkdir(parents=True, exist_ok=True)
        spec = folder / "spec.json"
        spec.touch(mode=0o600)
        spec.write_text(json.dumps(work["spec"]))
        self._runner = self._start_runner(folder, work["token"])
        self._remember(Held(work["id"], work["attempt"], self._runner.pid, _started_at(self._runner.pid)))

    def _start_runner(self, folder: pathlib.Path, token: str) -> subprocess.Popen[bytes]:
        lifeline = os.environ.get("LAZULI_LIFELINE_FD", "")
        with open(folder / "runner.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", os.environ.get("LAZULI_RUNNER", "lazuli.runner"), str(folder / "spec.json")],
                cwd=folder,
                env=self._environment(folder, token),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[int(lifeline)] if lifeline else [],
            )

    def _environment(self, folder: pathlib.Path, token: str) -> dict[str, str]:
        extra = {word.strip() for word in os.environ.get("NODE_PASS_ENV", "").split(",")}
        passed = {
            key: value
            for key, value in os.environ.items()
            if key.upper() in PASSED or key in extra or key.startswith(PASSED_BEGINNINGS)
        }
        ours = {
            "AZUREML_RUN_TOKEN": token,
            "LAZULI_ENV_CACHE": str(self.environments),
            "LAZULI_WORK_DIR": str(folder),
        }
        if "LAZULI_LIFELINE_FD" in os.environ:
            ours["LAZULI_LIFELINE_FD"] = os.environ["LAZULI_LIFELINE_FD"]
        return passed | ours

    def _runner_has_ended(self, held: Held) -> bool:
        if self._runner is not None:
            return self._runner.poll() is not None
        return _started_at(held.pid) != held.born

    def _report_done(self, held: Held) -> None:
        """Until the server has heard it the work stays in hand; a refusal tells that the work was lost already."""
        body = {"attempt": held.attempt, "message": self._describe_failure(held)}
        self.server.post(f"/nodes/v1/work/{held.work}/done", body)
        if not os.environ.get("LAZULI_KEEP_WORKDIR"):
            shutil.rmtree(self.folder / held.work, ignore_errors=True)
        self.state_file.unlink(missing_ok=True)
        self.held = self._runner = None

    def _describe_failure(self, held: Held) -> str:
        status = self._runner.returncode if self._runner else 0
        if not status:
            return ""
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
        log = self.folder / held.work / "runner.log"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return f"The runner on node {self.name} {how}. {lines[-1] if lines else ''}".strip()[:500]

    def _remember(self, held: Held) -> None:
        self.held = held
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.state_file.with_suffix(".new")
        fresh.write_text(json.dumps(dataclasses.asdict(held)))
        fresh.replace(self.state_file)


def _read(path: pathlib.Path) -> Held | None:
    """What a worker of this name left in hand. Work without a process is claimed again, which fences off the old claim."""
    try:
        held = Held(**json.loads(path.read_text()))
        return held if held.pid else None
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        # Cut short by a full disk: the work is claimed again, and a runner that lives is fenced off by that.
        path.unlink()
        return None


def _started_at(pid: int) -> float | None:
    """When the process began; None if there is none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def main() -> None:
    die_with(int(os.environ.pop("LAZULI_PARENT", os.getppid())))
    key, broker_url = os.environ.pop("LAZULI_NODE_KEY"), os.environ.pop("REDIS_URL", "")
    name, queue = os.environ["LAZULI_NODE_NAME"], os.environ["LAZULI_NODE_QUEUE"]
    node = Node(name, Server(os.environ["SERVER_URL"], key), pathlib.Path(os.environ["DATA_DIR"]))
    node.start()
    listen_for_notifications(node, NODE_TASK, queue, broker_url)


if __name__ == "__main__":
    main()
