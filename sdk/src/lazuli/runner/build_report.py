"""The log of an environment's build, as the reports of a service carry it to the server."""

from __future__ import annotations

import threading
from typing import Any, Dict, Optional

from lazuli.environments.cache import IS_CACHED

# Characters in one report, and those that wait while the server does not answer.
MAX_TEXT, MAX_WAITING = 60_000, 4_000_000


class BuildReport:
    """Collects the log; `next_part` has what the server does not have yet. If nothing is built, there is none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = ""
        self._offset = 0
        self._is_done = self._is_reported = False

    def append(self, text: str) -> bool:
        """Whether this is a line of a build."""
        with self._lock:
            if text.startswith(IS_CACHED) and not (self._text or self._offset):
                return False
            self._text = (self._text + text)[:MAX_WAITING]
            return True

    def end(self) -> None:
        """The environment is ready."""
        self._is_done = True

    def next_part(self) -> Optional[Dict[str, Any]]:
        with self._lock:
            has_begun = bool(self._text or self._offset)
            if not has_begun or (not self._text and not (self._is_done and not self._is_reported)):
                return None
            part = self._text[:MAX_TEXT]
            return {"offset": self._offset, "text": part, "isDone": self._is_done and len(part) == len(self._text)}

    def accept(self, part: Dict[str, Any]) -> None:
        """The server has this part."""
        with self._lock:
            self._offset += len(part["text"])
            self._text = self._text[len(part["text"]) :]
            self._is_reported = self._is_reported or bool(part["isDone"])
