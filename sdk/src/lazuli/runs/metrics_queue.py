"""Send metrics to the server in the background: in order, in batches, and again after a failure."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
import uuid
import weakref
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from lazuli import errors
from lazuli.errors import AzureMLException, ServiceException
from lazuli.runs.metrics_spool import Spool

Send = Callable[[str, List[Dict[str, Any]]], None]

# The maximum number of metrics, and of their rows and elements, in one request.
MAX_BATCH_METRICS = 500
MAX_BATCH_VALUES = 5000
# How much can wait in memory (about 100 MB) while the server is unreachable; then logging waits and loses nothing.
MAX_WAITING_VALUES = 250_000
# Long enough to collect what a loop logs together, short enough for a live view.
GATHER_SECONDS = 0.05
MAX_PAUSE_SECONDS = 8.0
EXIT_PATIENCE = "LAZULI_EXIT_PATIENCE_SECONDS"
DEFAULT_EXIT_PATIENCE = 180.0
# A script waits at most this long at its end if its runner sends the rest.
SPOOLED_PATIENCE = 5.0
# The server refuses the request: sending it again changes nothing.
REFUSALS = range(400, 500)
TEMPORARY_REFUSALS = (408, 425, 429)


class MetricsQueue:
    """`send(batch id, metrics)` is called by one thread; a batch keeps its id however often it is sent.

    With `open_spool` the waiting metrics are also in a file for the runner.
    """

    def __init__(self, send: Send, label: str, open_spool: Optional[Callable[[], Optional[Spool]]] = None):
        self._send = send
        self._label = label
        self._open_spool = open_spool
        self._reset()
        _queues.add(self)

    def _reset(self) -> None:
        """Start empty, also in a forked child: the parent sends what it had queued."""
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._waiting: List[Dict[str, Any]] = []
        self._waiting_values = 0
        self._sending = 0
        self._batch_id = ""
        self._spool: Optional[Spool] = None
        self._thread: Optional[threading.Thread] = None
        self._refused = 0

    def put(self, metric: Dict[str, Any]) -> None:
        with self._changed:
            self._wait_for_space()
            self._write_spool(metric)
            self._waiting.append(metric)
            self._waiting_values += _count_values(metric)
            self._changed.notify_all()
            if self._thread is None:
                self._start_thread()

    def _wait_for_space(self) -> None:
        if self._waiting_values > MAX_WAITING_VALUES and self._thread and self._thread.is_alive():
            text = f"{len(self._waiting)} metrics are waiting for the server; the script waits too."
            _print_once_a_minute(f"{self._label}: {text}")
            self._changed.wait_for(lambda: self._waiting_values <= MAX_WAITING_VALUES)

    def _write_spool(self, metric: Dict[str, Any]) -> None:
        if self._spool is None and self._open_spool and not self._waiting:
            self._use_spool(self._set_spool)
        self._use_spool(lambda: self._spool.add(metric) if self._spool else None)

    def _set_spool(self) -> None:
        self._spool = self._open_spool() if self._open_spool else None

    def _use_spool(self, act: Callable[[], None]) -> None:
        """If the spool cannot be written, such as on a full disk, the metrics wait in memory only."""
        try:
            act()
        except OSError as error:
            _print_notice(f"{self._label}: metrics wait in memory only, because their file cannot be written: {error}")
            spool, self._spool, self._open_spool = self._spool, None, None
            if spool:
                spool.remove()

    def _start_thread(self) -> None:
        if self._pid != _main_pid:
            _flush_when_child_ends(self)
        self._thread = threading.Thread(target=self._send_in_background, name="lazuli-metrics", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        with self._changed:
            return len(self._waiting)

    def flush(self, timeout: float) -> bool:
        """Wait until the server has received everything; False if that took longer than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        if self._thread is None or not self._thread.is_alive():
            return self._send_all(deadline)
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout)

    def _send_all(self, deadline: float) -> bool:
        # While the interpreter exits, no thread can be started.
        while self._start_batch():
            if not self._deliver(deadline):
                return False
        return True

    def _send_in_background(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
            time.sleep(GATHER_SECONDS)
            self._start_batch()
            self._deliver(None)

    def _start_batch(self) -> int:
        with self._changed:
            if not self._sending and self._waiting:
                self._sending, self._batch_id = batch_length(self._waiting), str(uuid.uuid4())
                self._use_spool(
                    lambda: self._spool.mark_sending(self._batch_id, self._sending) if self._spool else None
                )
            return self._sending

    def _deliver(self, deadline: Optional[float]) -> bool:
        with self._changed:
            batch = self._waiting[: self._sending]
        if not self._send_until_accepted(self._batch_id, batch, deadline):
            return False
        with self._changed:
            del self._waiting[: self._sending]
            self._use_spool(lambda: self._spool.mark_sent(len(batch), self._waiting) if self._spool else None)
            self._waiting_values -= sum(map(_count_values, batch))
            self._sending = 0
            self._changed.notify_all()
        return True

    def _send_until_accepted(self, batch_id: str, batch: List[Dict[str, Any]], deadline: Optional[float]) -> bool:
        pause = 0.2
        while True:
            try:
                self._send(batch_id, batch)
                return True
            except ServiceException as error:
                if is_refusal(error):
                    self._handle_refusal(batch_id, batch, error, deadline)
                    return True
                pause = max(pause, error.retry_after or 0)
                _print_once_a_minute(f"{self._label}: {len(batch)} metric(s) are waiting. {error.message}")
            except errors.Unreachable as error:
                _print_once_a_minute(
                    f"{self._label}: the server does not answer; {len(batch)} metric(s) are waiting. ({error.message})"
                )
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    def _handle_refusal(
        self, batch_id: str, batch: List[Dict[str, Any]], error: ServiceException, deadline: Optional[float]
    ) -> None:
        if may_accept_parts(batch, error):
            for own_id, metric in split_batch(batch_id, batch):
                self._send_until_accepted(own_id, metric, deadline)
            return
        self._refused += len(batch)
        _print_notice(f"{self._label}: {describe_refusal(batch, error)}")

    def close(self, patience: float) -> None:
        """At the end of the process, send what is left, and print what could not be sent within `patience` seconds."""
        if self._pid != os.getpid() or not self.pending:
            return
        if self._spool:
            if not self.flush(min(patience, SPOOLED_PATIENCE)):
                _print_notice(
                    f"{self._label}: {self.pending} metric(s) are still waiting for the server; the runner sends them."
                )
        elif not self.flush(patience):
            _print_notice(
                f"{self._label}: {self.pending} metric(s) were NOT saved: the server could not be reached within "
                f"{patience:.0f} s. ({EXIT_PATIENCE} sets how long to wait.)"
            )


def batch_length(waiting: List[Dict[str, Any]]) -> int:
    """The number of metrics that fit into one request, at least one if there are any."""
    weight = 0
    for number, metric in enumerate(waiting[:MAX_BATCH_METRICS]):
        weight += _count_values(metric)
        if number and weight > MAX_BATCH_VALUES:
            return number
    return min(len(waiting), MAX_BATCH_METRICS)


def _count_values(metric: Dict[str, Any]) -> int:
    values = metric.get("rows") or metric.get("value")
    return len(values) if isinstance(values, list) else 1


def is_refusal(error: ServiceException) -> bool:
    return error.status_code in REFUSALS and error.status_code not in TEMPORARY_REFUSALS


def may_accept_parts(batch: List[Dict[str, Any]], error: ServiceException) -> bool:
    """The server accepts a batch completely or not at all: sent singly, only the bad metrics of it are lost."""
    return len(batch) > 1 and error.status_code in (400, 413, 422)


def split_batch(batch_id: str, batch: List[Dict[str, Any]]) -> Iterator[Tuple[str, List[Dict[str, Any]]]]:
    """Each metric as its own batch, with an id that is the same at each retry."""
    for number, metric in enumerate(batch):
        yield str(uuid.uuid5(uuid.UUID(batch_id), str(number))), [metric]


def describe_refusal(batch: List[Dict[str, Any]], error: ServiceException) -> str:
    names = ", ".join(sorted({metric["name"] for metric in batch})[:5])
    return f"the server refused {len(batch)} metric(s) ({names}): {error.message}"


def _print_notice(text: str) -> None:
    # The log of the script may be on the disk that is full: metrics must be sent nevertheless.
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


_printed_at = 0.0


def _print_once_a_minute(text: str) -> None:
    """Print the text at most once a minute, because a retry may follow every few seconds."""
    global _printed_at
    if time.monotonic() - _printed_at > 60:
        _printed_at = time.monotonic()
        _print_notice(text)


_queues: "weakref.WeakSet[MetricsQueue]" = weakref.WeakSet()
_main_pid = os.getpid()


def exit_patience() -> float:
    try:
        return float(os.environ.get(EXIT_PATIENCE, DEFAULT_EXIT_PATIENCE))
    except ValueError as error:
        raise AzureMLException(f"{EXIT_PATIENCE} must be a number of seconds.", inner_exception=error) from error


def _close_all() -> None:
    for queue in list(_queues):
        queue.close(exit_patience())


def _flush_when_child_ends(queue: MetricsQueue) -> None:
    # A multiprocessing process ends without the atexit handlers, but runs these.
    if "multiprocessing.util" in sys.modules:
        from multiprocessing.util import Finalize  # start-up time

        Finalize(None, queue.close, args=(exit_patience(),), exitpriority=100)


def _after_fork_in_child() -> None:
    for queue in list(_queues):
        queue._reset()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
