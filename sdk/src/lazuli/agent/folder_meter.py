"""The sizes of uv's cache, from which environments are built without downloads, and of the built environments. `du` measures
them in the background."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import Optional

# Not while the studio starts; a large cache takes minutes.
FIRST_SECONDS, INTERVAL_SECONDS = 300.0, 6 * 3600.0


class FolderMeter:
    def __init__(self, folder: str):
        self._folder = folder
        self._next_at = time.monotonic() + FIRST_SECONDS
        self._running: Optional[subprocess.Popen[str]] = None
        # None until it has been measured.
        self.size_bytes: Optional[int] = None

    def advance(self) -> None:
        """Begin a measurement if one is due, or read the result of one that has ended. Returns at once."""
        if self._running is not None:
            if self._running.poll() is not None:
                self._read_result(self._running.communicate()[0])
                self._running = None
        elif time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + INTERVAL_SECONDS
            if shutil.which("du") and shutil.which("nice"):
                self._running = subprocess.Popen(
                    ["nice", "-n", "19", "du", "-sk", self._folder],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )

    @property
    def pids(self) -> list[int]:
        """The process of a measurement, which is a child of the agent."""
        return [self._running.pid] if self._running is not None else []

    def _read_result(self, output: str) -> None:
        # du exits with 1 if a file was removed meanwhile, and still writes the sum.
        number = output.partition("\t")[0]
        if number.isdigit():
            self.size_bytes = int(number) * 1024
