"""Append new content of a local log file to an artifact of the run; nothing is lost while the server is unreachable."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any, Optional

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.masking import Masker
from lazuli.runner.run_api import RETRY_SECONDS, RunApi, choose_patience, is_temporary

CHUNK_BYTES = 1024 * 1024
# People wait for the first lines; later ones may be sent less often.
EARLY_SECONDS, EARLY_PAUSE_SECONDS, PAUSE_SECONDS = 10.0, 0.1, 0.5


class LogStream:
    """A thread that appends the file `path` to the artifact `artifact` until it is closed."""

    def __init__(self, api: RunApi, path: str, artifact: str, masker: Optional[Masker] = None):
        self._api = api
        self._masker = masker or Masker()
        self._path = path
        self._artifact = artifact
        self._offset = 0
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
        """Send what was added; True if the server has the whole file, or all but the beginning of a possible secret."""
        if not os.path.exists(self._path):
            return True
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            while self._failure is None:
                chunk = file.read(CHUNK_BYTES)
                if not last or len(chunk) == CHUNK_BYTES:
                    chunk = chunk[: self._masker.count_maskable(chunk)]
                if not chunk:
                    return True
                if not self._send(self._masker.mask_bytes(chunk)):
                    return False
                file.seek(self._offset)
        return True

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
