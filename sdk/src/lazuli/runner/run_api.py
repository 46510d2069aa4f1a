"""The requests of the runner, and their retries while the server restarts or is busy."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, BinaryIO, Callable, Dict, List, Optional, Sequence, TypeVar

from lazuli import errors
from lazuli.bodies import iterate_blocks
from lazuli.client import Client
from lazuli.errors import ServiceException
from lazuli.file_batches import Upload, upload_batch
from lazuli.large_files import TRANSFER_TIMEOUT, put_file
from lazuli.runner.spec import Spec

Result = TypeVar("Result")

# How long to repeat a request. A server that does not answer is waited for much longer than one that answers with errors:
# only the runner keeps what the script left, and the run continues while the server is unreachable.
RETRY_SECONDS = 600.0
AWAY_SECONDS = 24 * 3600.0
AWAY_STATUSES = (502, 503, 504)
MAX_PAUSE_SECONDS = 5.0
INSUFFICIENT_STORAGE = 507


class RunApi:
    """The requests for one run, each sent once; `retry_while_unavailable()` repeats them."""

    def __init__(self, spec: Spec, transport: Any = None):
        self._spec = spec
        self.transport = transport
        # One attempt each: the callers decide what to repeat.
        self._client = Client(spec.server_url, spec.token, transport=transport, attempts=1)

    def get_run(self) -> Dict[str, Any]:
        return self._request_json("GET", "")

    def report_event(self, status: str, **body: Any) -> Dict[str, Any]:
        return self._request_json("POST", "/events", dict(body, status=status))

    def send_heartbeat(self) -> Dict[str, Any]:
        body = {"rank": self._spec.rank} if self._spec.node_count > 1 else {}
        return self._request_json("POST", "/heartbeat", body, timeout=10.0)

    def send_metrics(self, address: str, batch_id: str, metrics: List[Dict[str, Any]]) -> None:
        """Send metrics to a run that this one may write to: itself, its parent, or a descendant."""
        body = {"batchId": batch_id, "metrics": metrics}
        self._client.request("POST", f"{address}/metrics", json=body, timeout=60.0)

    def append(self, path: str, offset: int, content: bytes) -> None:
        self._client.request(
            "POST",
            self._spec.run_address + "/artifacts/append",
            params={"path": path, "offset": offset},
            content=content,
            headers={"Content-Type": "application/octet-stream"},
            timeout=60.0,
        )

    def upload(self, path: str, file: BinaryIO, overwrite: bool = False) -> None:
        address, params = self._spec.run_address + "/artifacts/content", {"path": path}
        if overwrite:
            params["overwrite"] = "true"
        put_file(self._client, address, self._spec.uploads_address, file, params)

    def upload_batch(self, files: Sequence[Upload]) -> None:
        """Upload small files; all of them or none."""
        upload_batch(self._client, self._spec.run_address + "/artifacts", files)

    def download_snapshot(self, target: BinaryIO) -> None:
        target.seek(0)
        target.truncate()
        answer = self._client.request("GET", self._spec.snapshot_address, stream=True, timeout=TRANSFER_TIMEOUT)
        try:
            for block in iterate_blocks(answer):
                target.write(block)
        finally:
            answer.close()

    def _request_json(
        self, method: str, tail: str, body: Any = None, timeout: Optional[float] = 30.0
    ) -> Dict[str, Any]:
        answer = self._client.request(method, self._spec.run_address + tail, json=body, timeout=timeout)
        found: Dict[str, Any] = answer.json()
        return found


def retry_while_unavailable(
    action: Callable[[], Result], timeout: Optional[float] = None, stopped: Optional[threading.Event] = None
) -> Result:
    """Call `action` until it succeeds, for at most `timeout` seconds, while the server does not answer or is busy.

    Any other error is raised immediately, as is the last one after the timeout or when `stopped` is set.
    """
    started, pause, is_full = time.monotonic(), 0.2, False
    while True:
        try:
            return action()
        except (errors.Unreachable, ServiceException) as error:
            limit = choose_patience(error) if timeout is None else timeout
            if not is_temporary(error) or time.monotonic() - started > limit or (stopped and stopped.is_set()):
                raise
            if getattr(error, "status_code", None) == INSUFFICIENT_STORAGE and not is_full:
                print(f"{error.message} Trying again for up to {limit:.0f} seconds.", file=sys.stderr, flush=True)
                is_full = True
            pause = max(pause, getattr(error, "retry_after", None) or 0)
        time.sleep(pause)
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


def choose_patience(error: Exception) -> float:
    """The number of seconds for which a request with this failure is retried."""
    is_away = isinstance(error, errors.Unreachable) or getattr(error, "status_code", None) in AWAY_STATUSES
    return AWAY_SECONDS if is_away else RETRY_SECONDS


def is_temporary(error: Exception) -> bool:
    """Whether the same request can succeed a little later."""
    if isinstance(error, errors.Unreachable):
        return True
    status = error.status_code if isinstance(error, ServiceException) else None
    return status is not None and (status >= 500 or status in (408, 425, 429))
