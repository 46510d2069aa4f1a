"""Records of the requests that a service answers: sent to the process that watches it, without ever waiting for it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
import time
from typing import Any, Dict, List, Optional, TextIO

Json = Dict[str, Any]
# So many requests in a second have a record; the next record counts the others.
RECORDS_PER_SECOND = 20
# A write to a pipe is whole up to this size; what is left of a longer one is written before the next record.
MAX_RECORD = 4096
# The longest body or answer that is recorded, in bytes.
MAX_DATA = 16_384
MAX_OUTPUT = 3000
# The calls in a second that collect rows, and the bytes of one; the others are left out.
COLLECTED_PER_SECOND, MAX_COLLECTED = 100, 60_000


# The telemetry of the server of this process.
RUNNING: List[Telemetry] = []


class OutputCapture(io.TextIOBase):
    """Standard output that also remembers what each thread prints during its request."""

    def __init__(self, stream: TextIO):
        self._stream, self._local = stream, threading.local()

    def begin(self, request_id: str = "") -> None:
        self._local.parts, self._local.size, self._local.request_id = [], 0, request_id

    @property
    def request_id(self) -> str:
        """The request of this thread."""
        return str(getattr(self._local, "request_id", ""))

    def end(self) -> str:
        """The text that this thread has printed since `begin`."""
        parts: List[str] = getattr(self._local, "parts", None) or []
        self._local.parts = None
        return "".join(parts)[:MAX_OUTPUT]

    def write(self, text: str) -> int:
        parts = getattr(self._local, "parts", None)
        if parts is not None and self._local.size < MAX_OUTPUT:
            parts.append(text)
            self._local.size += len(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding


class Telemetry:
    """Writes the records as lines of JSON to a pipe; without one, nothing is recorded."""

    def __init__(self, pipe: Optional[int] = None, switch: str = ""):
        """Bodies and answers are recorded while there is a file `switch`."""
        self._pipe, self._lock, self._switch = pipe, threading.Lock(), switch
        self._rest = b""
        self._second, self._count, self._left_out = 0, 0, 0
        self._capture: Optional[OutputCapture] = None
        self._collected_second, self._collected = 0, 0
        if pipe is not None:
            RUNNING.append(self)
            os.set_blocking(pipe, False)
            self._capture = sys.stdout = OutputCapture(sys.stdout)

    def begin(self, request_id: str = "") -> None:
        """Begin to remember what this thread prints."""
        if self._capture:
            self._capture.begin(request_id)

    def record(self, request: Any, request_id: str, status: int, milliseconds: float, answer: bytes = b"") -> None:
        if self._pipe is None or self._capture is None:
            return
        output = self._capture.end()
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._count = second, 0
            self._count += 1
            if self._count > RECORDS_PER_SECOND:
                self._left_out += 1
                return
            line = _encode(self._describe(request, request_id, status, milliseconds), output)
            if self.collects and request.path != "/":
                line = _add_data(line, request.data, answer)
            if self._write(line):
                self._left_out = 0
            else:
                self._left_out += 1

    @property
    def request_id(self) -> str:
        return self._capture.request_id if self._capture else ""

    @property
    def collects(self) -> bool:
        return bool(self._switch) and os.path.exists(self._switch)

    def record_rows(self, rows: Json) -> None:
        """Record rows that the script collects; those of too many calls, or too large, are left out with a message."""
        line = json.dumps({"collected": {**rows, "time": time.time(), "requestId": self.request_id}}).encode() + b"\n"
        with self._lock:
            second = int(time.monotonic())
            if second != self._collected_second:
                self._collected_second, self._collected = second, 0
            self._collected += 1
            is_left_out = self._collected > COLLECTED_PER_SECOND or len(line) > MAX_COLLECTED or not self._write(line)
            is_first = self._collected in (1, COLLECTED_PER_SECOND + 1)
        if is_left_out and is_first:
            limits = f"{COLLECTED_PER_SECOND} calls a second, of {MAX_COLLECTED // 1000} KB each"
            print(f"ModelDataCollector: rows are left out, because the limits are {limits}.", flush=True)

    def _write(self, line: bytes) -> bool:
        """Whether the line is written, or begun. If its reader is behind or has ended, nothing waits for it."""
        assert self._pipe is not None
        try:
            self._rest = self._rest[os.write(self._pipe, self._rest) :] if self._rest else b""
            if not self._rest:
                self._rest = line[os.write(self._pipe, line) :]
                return True
        except OSError:
            return False
        return False

    def _describe(self, request: Any, request_id: str, status: int, milliseconds: float) -> Json:
        return {
            "time": time.time(),
            "requestId": request_id,
            "clientRequestId": request.headers.get("x-ms-client-request-id", "")[:100],
            "method": request.method,
            "path": request.path[:100],
            "status": status,
            "milliseconds": round(milliseconds, 3),
            "itemCount": 1 + self._left_out,
        }


def collects_rows() -> bool:
    """Whether the service of this process stores collected rows now."""
    return bool(RUNNING) and RUNNING[-1].collects


def find_request_id() -> str:
    """The request that this thread answers; empty elsewhere."""
    return RUNNING[-1].request_id if RUNNING else ""


def collect_rows(rows: Json) -> None:
    if RUNNING:
        RUNNING[-1].record_rows(rows)


def _add_data(line: bytes, body: bytes, answer: bytes) -> bytes:
    """The line with the body and the answer, each if it is a text and short enough."""
    data: Json = {}
    for name, value in (("body", body), ("answer", answer)):
        with contextlib.suppress(UnicodeDecodeError):
            data[name] = bytes(value).decode() if len(value) <= MAX_DATA else ""
    return json.dumps({**json.loads(line), **data}).encode() + b"\n"


def _encode(record: Json, output: str) -> bytes:
    """The line of a record, with as much of the output as fits."""
    while True:
        line = json.dumps({**record, "output": output}).encode() + b"\n"
        if len(line) <= MAX_RECORD or not output:
            return line
        output = output[: len(output) // 2]
