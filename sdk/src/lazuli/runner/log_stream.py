"""A growing local file, followed to an artifact of the run. The file is the spool: a server that is away loses nothing."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any, Optional

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.runner.server import RunServer, is_passing

CHUNK = 1024 * 1024
# The first lines are waited for; later ones may come a little more seldom.
EARLY_SECONDS, EARLY_PAUSE, PAUSE = 10.0, 0.1, 0.5
END_PATIENCE = 300.0


class LogStream:
    def __init__(self, server: RunServer, path: str, artifact: str):
        self._server = server
        self._path = path
        self._artifact = artifact
        self._offset = 0
        self._ended = threading.Event()
        self._dropped: Optional[str] = None
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._work, name=f"stream {artifact}", daemon=True)
        self._thread.start()

    def close(self, patience: float = END_PATIENCE) -> bool:
        """The file is whole: send the rest. False if that was not possible in time."""
        self._deadline = time.monotonic() + patience
        self._ended.set()
        self._thread.join(patience + 60)
        return self._dropped is None and not self._thread.is_alive()

    def _work(self) -> None:
        while self._dropped is None:
            # Asked before the file is read, so that nothing written before the end is missed.
            last = self._ended.is_set()
            done = self._send_new()
            if last and done:
                return
            if last and time.monotonic() > self._deadline:
                self._dropped = "the server could not be reached"
                return
            early = time.monotonic() - self._began < EARLY_SECONDS
            self._ended.wait(EARLY_PAUSE if early else PAUSE)
            if last:
                time.sleep(PAUSE)

    def _send_new(self) -> bool:
        """True when all that stands in the file has been taken."""
        if not os.path.exists(self._path):
            return True
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            while self._dropped is None:
                chunk = file.read(CHUNK)
                if not chunk:
                    return True
                if not self._send(chunk):
                    return False
                file.seek(self._offset)
        return True

    def _send(self, chunk: bytes) -> bool:
        try:
            self._server.append(self._artifact, self._offset, chunk)
        except errors.Conflict as error:
            if error.code == "wrong_offset":
                self._offset = present_size(error)
                return True
            # Someone else appended at the same moment; any other conflict stays one.
            return False if error.code == "Conflict" else self._drop(error)
        except (errors.Unreachable, ServiceException) as error:
            return False if is_passing(error) else self._drop(error)
        self._offset += len(chunk)
        return True

    def _drop(self, error: Any) -> bool:
        self._dropped = error.message
        print(f"{self._artifact} is not followed any more: {error.message}", file=sys.stderr)
        return False


def present_size(error: errors.Conflict) -> int:
    """What a 409 says of how long the file on the server is; the start of the file if it does not say."""
    body = error.details if isinstance(error.details, dict) else {}
    for detail in (body.get("error") or {}).get("details") or []:
        if detail.get("code") == "size" and str(detail.get("message")).isdigit():
            return int(detail["message"])
    return 0
