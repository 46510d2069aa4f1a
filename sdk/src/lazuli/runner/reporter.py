"""Tells the server what state the run is in: in the background, so that no report delays the script, and in order."""

from __future__ import annotations

import queue
import sys
import threading
from typing import Any, Dict, Optional, Tuple

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.runner.server import RunServer, insist

Event = Tuple[str, Dict[str, Any]]


class Reporter:
    def __init__(self, server: RunServer):
        self._server = server
        self._events: "queue.Queue[Optional[Event]]" = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="reporter", daemon=True)
        self._thread.start()
        # The last answer to a report that was not taken: the run is not ours any more, or has ended.
        self.refused: Optional[str] = None

    def send(self, status: str, **body: Any) -> None:
        self._events.put((status, {key: value for key, value in body.items() if value is not None}))

    def close(self, timeout: Optional[float] = None) -> bool:
        """Wait until all reports have been taken."""
        self._events.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            event = self._events.get()
            if event is None:
                return
            self._deliver(*event)

    def _deliver(self, status: str, body: Dict[str, Any]) -> None:
        try:
            insist(lambda: self._server.event(status, **body))
        except errors.Conflict as error:
            # Said twice, or the run has moved on, for instance because someone canceled it.
            print(f"{status} was not taken: {error.message}", file=sys.stderr)
        except (ServiceException, errors.Unreachable) as error:
            self.refused = error.message
            print(f"{status} could not be reported: {error.message}", file=sys.stderr)
