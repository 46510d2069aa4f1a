"""Notice why a script must be stopped: a cancel, a lost claim, a shutdown of the machine. The supervisor
adds the time limit (`runner/supervisor.py`)."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from typing import Any, Callable, Optional

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.processes import LIFELINE
from lazuli.runner.run_api import RunApi, is_temporary

HEARTBEAT_SECONDS = 5.0

CANCELED = "canceled"
LOST = "lost"
SHUT_DOWN = "shut down"


class StopMonitor:
    """Sends heartbeats and watches for signals. `reason` is None until the script must be stopped; the first one counts."""

    def __init__(self, api: RunApi):
        self._api = api
        self.reason: Optional[str] = None
        # The server no longer accepts the run's token: its submitter may no longer submit, or the run was deleted.
        self.is_token_refused = False
        # The machine shuts down: set whatever the first reason was.
        self.shut_down = threading.Event()
        self._stopped = threading.Event()
        self._closed = threading.Event()

    def start(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda number, frame: self.stop(SHUT_DOWN))
        threading.Thread(target=self._send_heartbeats, name="heartbeat", daemon=True).start()
        lifeline = os.environ.get(LIFELINE)
        if lifeline:
            watch_lifeline(int(lifeline), lambda: self.stop(SHUT_DOWN))

    def stop(self, reason: str) -> None:
        if reason == SHUT_DOWN:
            self.shut_down.set()
        if self.reason is None:
            self.reason = reason
            self._stopped.set()

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    @property
    def stop_event(self) -> threading.Event:
        return self._stopped

    def close(self) -> None:
        self._closed.set()

    def _send_heartbeats(self) -> None:
        while not self._closed.wait(HEARTBEAT_SECONDS):
            self._send_heartbeat()

    def _send_heartbeat(self) -> None:
        try:
            answer = self._api.send_heartbeat()
        except (errors.Unreachable, ServiceException) as error:
            if not is_temporary(error):
                # The run belongs to another attempt, or was deleted.
                print(f"The heartbeat was refused: {error.message}", file=sys.stderr)
                self.is_token_refused = isinstance(error, errors.Unauthorized)
                self.stop(LOST)
            return
        self._check_answer(answer)

    def _check_answer(self, answer: Any) -> None:
        if answer.get("cancelRequested"):
            self.stop(CANCELED)
        elif answer.get("status") in ("Completed", "Failed", "Canceled"):
            self.stop(LOST)


def watch_lifeline(descriptor: int, stop: Callable[[], None]) -> None:
    """Call `stop` when the supervisor's end closes: nothing is written to it, so readable means that the studio has ended."""

    def watch() -> None:
        select.select([descriptor], [], [])
        stop()

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
