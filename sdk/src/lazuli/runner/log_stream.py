"""Append new content of a local log file to an artifact of the run; nothing is lost while the server is unreachable.

Of a very long log the beginning is sent while it grows, and the end when it is complete.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import IO, Any, Optional

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.masking import MAX_SECRET_BYTES, Masker
from lazuli.runner.run_api import RETRY_SECONDS, RunApi, choose_patience, is_temporary

CHUNK_BYTES = 1024 * 1024
# What is stored of a log: a script that prints without end is not stopped, but does not fill the storage.
HEAD_BYTES, TAIL_BYTES = 100 * 1024 * 1024, 1024 * 1024
# People wait for the first lines; later ones may be sent less often.
EARLY_SECONDS, EARLY_PAUSE_SECONDS, PAUSE_SECONDS = 10.0, 0.1, 0.5


class LogStream:
    """A thread that appends the file `path` to the artifact `artifact` until it is closed."""

    def __init__(self, api: RunApi, path: str, artifact: str, masker: Optional[Masker] = None):
        self._api = api
        self._masker = masker or Masker()
        self._path = path
        self._artifact = artifact
        # The position in the artifact; up to the end of the head it is also the position in the file.
        self._offset = 0
        # What follows the head of a long log, and where.
        self._ending: Optional[bytes] = None
        self._ending_offset = 0
        self._ended = threading.Event()
        self._failure: Optional[str] = None
        self._started = time.monotonic()
        # How long to keep trying after the end of the file while the server accepts nothing.
        self._patience = RETRY_SECONDS
        self._limit: Optional[float] = None
        self._thread = threading.Thread(target=self._send_until_closed, name=f"stream {artifact}", daemon=True)
        self._thread.start()

    def close(self, hurry: Optional[threading.Event] = None, hurry_seconds: float = 0.0) -> bool:
        """Send the rest of the file, which is complete now; False if the server did not accept it.

        Once `hurry` is set, it has `hurry_seconds` left.
        """
        self._ended_at = time.monotonic()
        self._ended.set()
        while self._thread.is_alive() and not (hurry and hurry.is_set()):
            self._thread.join(0.2)
        self._limit = time.monotonic() + hurry_seconds
        self._thread.join(hurry_seconds)
        return self._failure is None and not self._thread.is_alive()

    def _send_until_closed(self) -> None:
        while self._failure is None:
            # Checked before the file is read, so that nothing written before the end is missed.
            last = self._ended.is_set()
            done = self._send_new(last)
            if last and done:
                return
            if last and self._is_too_late():
                self._failure = "the server could not be reached"
                return
            early = time.monotonic() - self._started < EARLY_SECONDS
            self._ended.wait(EARLY_PAUSE_SECONDS if early else PAUSE_SECONDS)
            if last:
                time.sleep(PAUSE_SECONDS)

    def _is_too_late(self) -> bool:
        now = time.monotonic()
        return now - self._ended_at > self._patience or (self._limit is not None and now > self._limit)

    def _send_new(self, last: bool) -> bool:
        """Send what was added; True if the server has all that is stored, or all but the beginning of a possible secret."""
        if not os.path.exists(self._path):
            return True
        with open(self._path, "rb") as file:
            while self._failure is None:
                chunk = self._read_chunk(file, last)
                if not chunk:
                    return True
                if not self._send(chunk):
                    return False
        return True

    def _read_chunk(self, file: IO[bytes], last: bool) -> bytes:
        """The next bytes to send, masked; none if all that can be sent now is sent."""
        if self._ending is not None and self._offset >= self._ending_offset:
            start = self._offset - self._ending_offset
            return self._ending[start : start + CHUNK_BYTES]
        is_long = os.fstat(file.fileno()).st_size > HEAD_BYTES + TAIL_BYTES
        is_whole = last and not is_long
        file.seek(self._offset)
        chunk = file.read(CHUNK_BYTES if is_whole else max(0, min(CHUNK_BYTES, HEAD_BYTES - self._offset)))
        if not is_whole or len(chunk) == CHUNK_BYTES:
            chunk = chunk[: self._masker.count_maskable(chunk)]
        if not chunk and last and is_long:
            self._ending, self._ending_offset = self._make_ending(file), self._offset
            return self._ending[:CHUNK_BYTES]
        return self._masker.mask_bytes(chunk)

    def _make_ending(self, file: IO[bytes]) -> bytes:
        """The tail of a long log, after a line with the number of bytes before it that are not stored."""
        start = os.fstat(file.fileno()).st_size - TAIL_BYTES
        # Masked with what is before it, because a secret may begin there.
        before = min(start, MAX_SECRET_BYTES)
        file.seek(start - before)
        tail = self._masker.mask_bytes(file.read(before + TAIL_BYTES))[before:]
        return b"\n%d bytes not kept\n" % (start - self._offset) + tail

    def _send(self, chunk: bytes) -> bool:
        try:
            self._api.append(self._artifact, self._offset, chunk)
        except errors.Conflict as error:
            if error.code == "wrong_offset":
                self._offset = size_on_server(error)
                return True
            # Another request appended at the same moment; any other conflict is final.
            return False if error.code == "Conflict" else self._give_up(error)
        except (errors.Unreachable, ServiceException) as error:
            self._patience = choose_patience(error)
            return False if is_temporary(error) else self._give_up(error)
        self._offset += len(chunk)
        return True

    def _give_up(self, error: Any) -> bool:
        self._failure = error.message
        print(f"{self._artifact} is no longer uploaded: {error.message}", file=sys.stderr)
        return False


def size_on_server(error: errors.Conflict) -> int:
    """The size (bytes) of the file on the server, from a 409 answer; 0 if it does not state one."""
    body = error.details if isinstance(error.details, dict) else {}
    for detail in (body.get("error") or {}).get("details") or []:
        if detail.get("code") == "size" and str(detail.get("message")).isdigit():
            return int(detail["message"])
    return 0
