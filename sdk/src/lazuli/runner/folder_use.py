"""The amount that a script has written to its folder: bytes on the disk, and files.

The folder is measured bit by bit, so that the runner never waits for a large one.
"""

from __future__ import annotations

import os
import time
from typing import Iterator, Optional

# A measurement takes at most this long of each call, and is repeated after this pause.
STEP_SECONDS = 0.02
PAUSE_SECONDS = 1.0


class FolderUse:
    """The bytes and files that a folder has more than at the start, when it had the snapshot and the inputs."""

    def __init__(self, path: str):
        self._path = path
        sizes = list(_walk_sizes(path))
        self._first_bytes, self._first_files = sum(sizes), len(sizes)
        self.written_bytes = self.new_files = 0
        self._walk: Optional[Iterator[int]] = None
        self._next_walk = 0.0
        self._bytes = self._files = 0

    def advance(self) -> None:
        """Go on measuring; at its end, the figures are new."""
        if self._walk is None:
            if time.monotonic() < self._next_walk:
                return
            self._walk, self._bytes, self._files = _walk_sizes(self._path), 0, 0
        stop = time.monotonic() + STEP_SECONDS
        for size in self._walk:
            self._bytes += size
            self._files += 1
            if time.monotonic() > stop:
                # What is already more than before does not have to wait for the end.
                self.written_bytes = max(self.written_bytes, self._bytes - self._first_bytes)
                self.new_files = max(self.new_files, self._files - self._first_files)
                return
        self.written_bytes, self.new_files = self._bytes - self._first_bytes, self._files - self._first_files
        self._walk, self._next_walk = None, time.monotonic() + PAUSE_SECONDS


def _walk_sizes(path: str) -> Iterator[int]:
    """The bytes on the disk of everything below a folder; a file of several names counts once in all."""
    waiting = [path]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError:
            # The script has just removed it, or forbidden it to itself.
            continue
        with entries:
            for entry in entries:
                try:
                    found = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                except OSError:
                    continue
                yield found.st_blocks * 512 // max(found.st_nlink, 1)
