"""Report the status of the run to the server, in order and in the background, so that the script is not delayed."""

from __future__ import annotations

import queue
import sys
import threading
from typing import Any, Dict, Optional, Tuple

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.masking import Masker
from lazuli.runner.run_api import RunApi, retry_while_unavailable

Event = Tuple[str, Dict[str, Any]]


class StatusReporter:
    def __init__(self, api: RunApi, masker: Optional[Masker] = None, is_lead: bool = True):
        """Only the first node of a job reports the progress of the run; the others report failures."""
        self._api = api
        self._is_lead = is_lead
        self._masker = masker or Masker()
        self._events: "queue.Queue[Optional[Event]]" = queue.Queue()
        self._thread = threading.Thread(target=self._deliver_all, name="reporter", daemon=True)
        self._thread.start()
        # Why the server refused a report: the run belongs to another attempt, or has ended.
        self.refusal: Optional[str] = None

    def report(self, status: str, **body: Any) -> None:
        if not self._is_lead and status not in ("Failed", "Canceled"):
            return
        given = {key: value for key, value in body.items() if value is not None}
        self._events.put((status, self._masker.mask_json(given)))

    def close(self, hurry: threading.Event, hurry_seconds: float) -> bool:
        """Wait until all reports are delivered; False if some are not `hurry_seconds` after `hurry` was set."""
        self._events.put(None)
        while self._thread.is_alive() and not hurry.is_set():
            self._thread.join(0.2)
        self._thread.join(hurry_seconds)
        return not self._thread.is_alive()

    def _deliver_all(self) -> None:
        while True:
            event = self._events.get()
            if event is None:
                return
            self._deliver(*event)

    def _deliver(self, status: str, body: Dict[str, Any]) -> None:
        try:
            retry_while_unavailable(lambda: self._api.report_event(status, **body))
        except errors.Conflict as error:
            # A duplicate, or the run is in a later status, for example because someone canceled it.
            print(f"The server did not accept the status {status}: {error.message}", file=sys.stderr)
        except (ServiceException, errors.Unreachable) as error:
            self.refusal = error.message
            print(f"The status {status} could not be reported: {error.message}", file=sys.stderr)
