"""The runner's side of the wire. What must arrive is sent again until it has, through a restart of the server."""

from __future__ import annotations

import threading
import time
from typing import Any, BinaryIO, Callable, Dict, Optional, TypeVar

from lazuli import errors
from lazuli.client import Client
from lazuli.errors import ServiceException
from lazuli.runner.spec import Spec

Result = TypeVar("Result")

PATIENCE = 600.0
LONGEST_PAUSE = 5.0
UPLOAD_TIMEOUT = 600.0


class RunServer:
    def __init__(self, spec: Spec, transport: Any = None):
        self._spec = spec
        # One attempt each: the loops here know what is worth waiting for.
        self._client = Client(spec.server_url, spec.token, transport=transport, attempts=1)

    def run(self) -> Dict[str, Any]:
        return self._json("GET", "")

    def event(self, status: str, **body: Any) -> Dict[str, Any]:
        return self._json("POST", "/events", dict(body, status=status))

    def heartbeat(self) -> Dict[str, Any]:
        return self._json("POST", "/heartbeat", {}, timeout=10.0)

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
        self._client.request(
            "PUT",
            self._spec.run_address + "/artifacts/content",
            params={"path": path, "overwrite": "true" if overwrite else None},
            content=file,
            headers={"Content-Type": "application/octet-stream"},
            timeout=UPLOAD_TIMEOUT,
        )

    def download_snapshot(self, target: BinaryIO) -> None:
        target.seek(0)
        target.truncate()
        answer = self._client.request("GET", self._spec.snapshot_address, stream=True, timeout=UPLOAD_TIMEOUT)
        try:
            for block in answer.iter_bytes():
                target.write(block)
        finally:
            answer.close()

    def _json(self, method: str, tail: str, body: Any = None, timeout: Optional[float] = 30.0) -> Dict[str, Any]:
        answer = self._client.request(method, self._spec.run_address + tail, json=body, timeout=timeout)
        found: Dict[str, Any] = answer.json()
        return found


def insist(act: Callable[[], Result], patience: float = PATIENCE, given_up: Optional[threading.Event] = None) -> Result:
    """`act()`, again and again while the server is away or busy; a refusal is raised at once."""
    deadline, pause = time.monotonic() + patience, 0.2
    while True:
        try:
            return act()
        except (errors.Unreachable, ServiceException) as error:
            if not is_passing(error) or time.monotonic() > deadline or (given_up and given_up.is_set()):
                raise
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def is_passing(error: Exception) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, errors.Unreachable):
        return True
    status = error.status_code if isinstance(error, ServiceException) else None
    return status is not None and (status >= 500 or status in (408, 425, 429)) and status != 507
