"""What can end a script before its time: a cancel, a lost claim, a machine that shuts down, the time limit."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from typing import Any, Optional

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.runner.server import RunServer, is_passing

BEAT_SECONDS = 5.0
LIFELINE = "LAZULI_LIFELINE_FD"

CANCELED = "canceled"
LOST = "lost"
SHUT_DOWN = "shut down"


class Watch:
    """`reason` stays empty while all is well; the first reason stands."""

    def __init__(self, server: RunServer):
        self._server = server
        self.reason: Optional[str] = None
        self._stopped = threading.Event()
        self._closed = threading.Event()

    def start(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda number, frame: self.stop(SHUT_DOWN))
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        lifeline = os.environ.get(LIFELINE)
        if lifeline:
            threading.Thread(target=self._hold, args=(int(lifeline),), name="lifeline", daemon=True).start()

    def stop(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            self._stopped.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    @property
    def event(self) -> threading.Event:
        return self._stopped

    def close(self) -> None:
        self._closed.set()

    def _beat(self) -> None:
        while not self._closed.wait(BEAT_SECONDS):
            self._beat_once()

    def _beat_once(self) -> None:
        try:
            answer = self._server.heartbeat()
        except (errors.Unreachable, ServiceException) as error:
            if not is_passing(error):
                # Another attempt has the run, or it was deleted.
                print(f"The heartbeat was refused: {error.message}", file=sys.stderr)
                self.stop(LOST)
            return
        self._heed(answer)

    def _heed(self, answer: Any) -> None:
        if answer.get("cancelRequested"):
            self.stop(CANCELED)
        elif answer.get("status") in ("Completed", "Failed", "Canceled"):
            self.stop(LOST)

    def _hold(self, descriptor: int) -> None:
        """The host agent holds the other end; nobody ever writes, so that readable means gone."""
        select.select([descriptor], [], [])
        self.stop(SHUT_DOWN)
