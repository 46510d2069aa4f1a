"""A file of metrics that a script has logged and the server does not have yet; after the script's end the runner sends them.

The lines are JSON: first {"address": the address of the run}, then metrics in their order, and between them marks:
{"sending": batch id, "count": n} before the first n waiting metrics are sent, {"sent": n} once the server has them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import uuid
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

# The folder of these files: the runner names it to its script.
VARIABLE = "LAZULI_METRICS_FOLDER"
# From this size on, a file with mostly outdated lines is rewritten.
MAX_OUTDATED_BYTES = 16 * 1024 * 1024

Metric = Dict[str, Any]


class Spool:
    """Written by one process; a line is in the file before `add` returns, so it survives any end of the process."""

    def __init__(self, folder: str, address: str):
        self.path = os.path.join(folder, f"{os.getpid()}-{uuid.uuid4().hex}.jsonl")
        self._head = _encode({"address": address})
        self._file = self._create(self._head)

    def _create(self, content: bytes) -> int:
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._size = self._useful = 0
        self._write(content, file)
        self._useful = self._size
        return file

    def _write(self, content: bytes, file: int) -> None:
        while content:
            written = os.write(file, content)
            self._size += written
            content = content[written:]

    def add(self, metric: Metric) -> None:
        self._write(_encode(metric), self._file)

    def mark_sending(self, batch_id: str, count: int) -> None:
        self._write(_encode({"sending": batch_id, "count": count}), self._file)

    def mark_sent(self, count: int, waiting: List[Metric]) -> None:
        """The first `count` have arrived; `waiting` are the others."""
        if not waiting:
            os.ftruncate(self._file, len(self._head))
            self._size = self._useful = len(self._head)
        elif self._size > max(MAX_OUTDATED_BYTES, 2 * self._useful):
            self._replace(waiting)
        else:
            self._write(_encode({"sent": count}), self._file)

    def _replace(self, waiting: List[Metric]) -> None:
        """Rewrite it atomically with the metrics that are still waiting."""
        before, path = self._file, self.path
        self.path = path + ".new"
        self._file = self._create(self._head + b"".join(map(_encode, waiting)))
        os.replace(self.path, path)
        self.path = path
        os.close(before)

    def remove(self) -> None:
        os.close(self._file)
        # The script may have removed it itself.
        with contextlib.suppress(OSError):
            os.remove(self.path)


def _encode(line: Metric) -> bytes:
    return json.dumps(line).encode() + b"\n"


class BadSpool(Exception):
    """The file is not what a Spool has written."""


@dataclasses.dataclass
class Unsent:
    """The content of a file: the metrics in order, and the batch under which the first `count` may have arrived."""

    address: str
    metrics: List[Metric]
    batch_id: Optional[str] = None
    count: int = 0

    def batches(self, batch_length: Callable[[List[Metric]], int]) -> Iterator[Tuple[str, List[Metric]]]:
        """The batches in order, each with its id. A batch is removed from `metrics` when the next one is requested."""
        while self.metrics:
            count = self.count or batch_length(self.metrics)
            yield self.batch_id or str(uuid.uuid4()), self.metrics[:count]
            del self.metrics[:count]
            self.batch_id, self.count = None, 0


def read_spool(path: str) -> Optional[Unsent]:
    """Read the spool; None if it is empty. An incomplete last line is ignored. Raises BadSpool."""
    try:
        with open(path, "rb") as file:
            lines = [json.loads(line) for line in file if line.endswith(b"\n")]
        return _replay(lines) if lines else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        # The script may write into the folder too.
        raise BadSpool(f"The metrics in {path} cannot be read: {error!r}") from error


def _replay(lines: List[Metric]) -> Optional[Unsent]:
    found = Unsent(str(lines[0]["address"]), [])
    for line in lines[1:]:
        if "sending" in line:
            found.batch_id, found.count = str(uuid.UUID(line["sending"])), int(line["count"])
        elif "sent" in line:
            del found.metrics[: line["sent"]]
            found.batch_id, found.count = None, 0
        else:
            found.metrics.append(line)
    return found if found.metrics else None


def list_spools(folder: str) -> List[str]:
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = [os.path.join(folder, name) for name in names if name.endswith(".jsonl")]
    return [path for path in paths if os.path.isfile(path)]


def open_spool(address: str) -> Optional[Spool]:
    """The file of this process for a run, if the runner has named a folder."""
    folder = os.environ.get(VARIABLE)
    return Spool(folder, address) if folder else None
