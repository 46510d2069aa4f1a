"""A runner of services that waits for its work with everything imported, so that a replica starts without this delay."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Mapping

# The start of a runner is not slowed down by that of the next one.
PAUSE_SECONDS = 2.0


class StandbyRunner:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        # When to start one; None while the node has had no service.
        self._due: float | None = None

    @property
    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

    def run_round(self, variables: Mapping[str, str], lifeline: str) -> None:
        """Start one some time after the last was used."""
        if self._process is None and self._due is not None and time.monotonic() >= self._due:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lazuli.runner.service", "--wait"],
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[int(lifeline)] if lifeline else [],
            )

    def take(self, spec: pathlib.Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
        """Give it the work; None if there is none, and a runner must be started."""
        self._due = time.monotonic() + PAUSE_SECONDS
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return None
        order = {"spec": str(spec), "log": str(spec.with_name("runner.log")), "variables": dict(variables)}
        try:
            with process.stdin as file:
                file.write(json.dumps(order).encode() + b"\n")
        except BrokenPipeError:
            process.wait()
            return None
        return process

    def shut_down(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
