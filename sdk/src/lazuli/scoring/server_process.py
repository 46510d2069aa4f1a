"""The process of the scoring server, which its replica starts."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, Dict, List


class ServerProcess:
    """A scoring server whose output is `stdout` and whose records of requests are `records`, once `start` was called."""

    stdout: IO[bytes]
    records: IO[bytes]
    how = ""

    def start(self, arguments: List[str], folder: str, variables: Dict[str, str]) -> None:
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "lazuli.scoring", *arguments, "--telemetry", str(writing)]
        self._process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[writing]
        )
        os.close(writing)
        assert self._process.stdout is not None
        self.stdout, self.records = self._process.stdout, os.fdopen(reading, "rb")

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        return self._process.wait()
