"""The process of a node that has everything imported and forks the runners of replicas, so that they start without this delay.

A node without services has none. Without it, and on other systems than Linux, a runner is started plainly.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

from lazuli import processes
from lazuli.processes import Identity
from lazuli.runner import records
from lazuli.runner.forking import READY

# The start of a runner is not slowed down by that of the parent of the next ones.
PAUSE_SECONDS = 2.0
ANSWER_SECONDS = 10.0
# After this, a runner that has ended without a status was killed together with its parent.
STATUS_SECONDS = 1.0


@dataclasses.dataclass
class ForkedRunner:
    """As `subprocess.Popen` for a runner that the parent has forked."""

    record: str
    identity: Identity | None
    returncode: int | None = None
    _ended_at: float | None = None

    @property
    def pid(self) -> int:
        return self.identity.pid if self.identity else 0

    def poll(self) -> int | None:
        if self.returncode is None and not (self.identity and processes.is_running(self.identity)):
            self._ended_at = self._ended_at or time.monotonic()
            self.returncode = records.read_end(self.record)
            if self.returncode is None and time.monotonic() - self._ended_at > STATUS_SECONDS:
                self.returncode = -signal.SIGKILL
        return self.returncode


class RunnerParent:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        # When to start it; None while the node has had no work.
        self._due: float | None = None

    @property
    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

    def run_round(self, variables: Mapping[str, str], lifeline: str) -> None:
        """Start it some time after the first replica; a service that sleeps is woken quickly at any time."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        if self._process is not None:
            return
        if self._due is not None and now >= self._due:
            self._is_ready = False
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lazuli.runner.forking"],
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[int(lifeline)] if lifeline else [],
            )

    def fork(
        self, module: str, spec: pathlib.Path, record: pathlib.Path, variables: Mapping[str, str]
    ) -> ForkedRunner | None:
        """The runner of the work; None if it must be started plainly."""
        if not processes.IS_LINUX:
            return None
        if self._process is None:
            self._due = self._due or time.monotonic() + PAUSE_SECONDS
            return None
        if not self._is_ready and self._read_line(0) != READY:
            return None
        self._is_ready = True
        order = {"module": module, "spec": str(spec), "log": str(spec.with_name("runner.log")), "record": str(record)}
        try:
            self._send(json.dumps({**order, "variables": dict(variables)}).encode() + b"\n")
        except BrokenPipeError:
            self._forget()
            return None
        answer = self._read_line(ANSWER_SECONDS)
        if answer:
            return ForkedRunner(str(record), processes.identify(int(answer)))
        self._forget()
        # It was killed: either it has forked the runner, or nobody will start it for this attempt.
        return ForkedRunner(str(record), records.find_or_prevent(str(record)))

    def shut_down(self) -> None:
        """Its runners continue."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _send(self, line: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _read_line(self, seconds: float) -> bytes:
        """A line of its output; empty if there is none in this time, or at the end."""
        assert self._process is not None and self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            return b""
        # Each line is written at once and read before the next one.
        return os.read(self._process.stdout.fileno(), 100)

    def _forget(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None
