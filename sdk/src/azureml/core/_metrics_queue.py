"""Metrics on their way to the server: in the background, in order, in batches, again after a failure."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import uuid
import weakref
from typing import Any, Callable, Dict, List, Optional

from azureml.exceptions import AzureMLException, ServiceException
from lazuli import errors

Send = Callable[[str, List[Dict[str, Any]]], None]

# At most so many metrics, or rows and elements, in one request.
BATCH = 500
BATCH_WEIGHT = 5000
# Long enough to gather what a loop logs at once, short enough to be seen live.
GATHER_SECONDS = 0.05
LONGEST_PAUSE = 8.0
EXIT_PATIENCE = "LAZULI_EXIT_PATIENCE_SECONDS"
DEFAULT_EXIT_PATIENCE = 180.0
# The server understood and said no: sending the same again changes nothing.
REFUSALS = range(400, 500)
WORTH_ANOTHER_TRY = (408, 425, 429)


class MetricsQueue:
    """`send(batch id, metrics)` is called by one thread; a batch keeps its id however often it is sent."""

    def __init__(self, send: Send, label: str):
        self._send = send
        self._label = label
        self._reset()
        _queues.add(self)

    def _reset(self) -> None:
        """Also what a forked child starts with: what its parent had queued is the parent's to send."""
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._waiting: List[Dict[str, Any]] = []
        self._sending = 0
        self._thread: Optional[threading.Thread] = None
        self._refused = 0

    def put(self, metric: Dict[str, Any]) -> None:
        with self._changed:
            self._waiting.append(metric)
            self._changed.notify_all()
            if self._thread is None:
                self._start()

    def _start(self) -> None:
        if self._pid != _main_pid:
            _flush_at_the_end_of_a_child(self)
        self._thread = threading.Thread(target=self._work, name="lazuli-metrics", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        with self._changed:
            return len(self._waiting)

    def flush(self, timeout: float) -> bool:
        """Wait until all is with the server; False if that took longer than `timeout`."""
        deadline = time.monotonic() + timeout
        if self._thread is None or not self._thread.is_alive():
            return self._drain(deadline)
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout)

    def _drain(self, deadline: float) -> bool:
        # At the interpreter's end no thread can be started any more.
        while self._take():
            if not self._deliver(deadline):
                return False
        return True

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
            time.sleep(GATHER_SECONDS)
            self._take()
            self._deliver(None)

    def _take(self) -> int:
        with self._changed:
            if not self._sending:
                self._sending = batch_length(self._waiting)
            return self._sending

    def _deliver(self, deadline: Optional[float]) -> bool:
        with self._changed:
            batch = self._waiting[: self._sending]
        if not self._send_again_and_again(batch, deadline):
            return False
        with self._changed:
            del self._waiting[: self._sending]
            self._sending = 0
            self._changed.notify_all()
        return True

    def _send_again_and_again(self, batch: List[Dict[str, Any]], deadline: Optional[float]) -> bool:
        batch_id, pause = str(uuid.uuid4()), 0.2
        while True:
            try:
                self._send(batch_id, batch)
                return True
            except ServiceException as error:
                if _is_refusal(error):
                    self._after_a_refusal(batch, error, deadline)
                    return True
            except errors.Unreachable as error:
                _note(f"{self._label}: the server does not answer; {len(batch)} metrics wait. ({error.message})")
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _after_a_refusal(self, batch: List[Dict[str, Any]], error: ServiceException, deadline: Optional[float]) -> None:
        """A batch is taken whole or not at all: send its metrics one by one, so that only the bad ones are lost."""
        if len(batch) > 1 and error.status_code in (400, 413, 422):
            for metric in batch:
                self._send_again_and_again([metric], deadline)
            return
        self._refused += len(batch)
        names = ", ".join(sorted({metric["name"] for metric in batch})[:5])
        _say(f"{self._label}: the server refused {len(batch)} metric(s) ({names}): {error.message}")

    def close(self, patience: float) -> None:
        """The end of the process: send what is left, and say what could not be sent."""
        if self._pid != os.getpid() or not self.pending:
            return
        if not self.flush(patience):
            _say(
                f"{self._label}: {self.pending} metric(s) were NOT saved: the server could not be reached within "
                f"{patience:.0f} s. ({EXIT_PATIENCE} sets how long to wait.)"
            )


def batch_length(waiting: List[Dict[str, Any]]) -> int:
    """How many of the first metrics go into one request: at least one, if there is one."""
    weight = 0
    for number, metric in enumerate(waiting[:BATCH]):
        weight += _weight(metric)
        if number and weight > BATCH_WEIGHT:
            return number
    return min(len(waiting), BATCH)


def _weight(metric: Dict[str, Any]) -> int:
    values = metric.get("rows") or metric.get("value")
    return len(values) if isinstance(values, list) else 1


def _is_refusal(error: ServiceException) -> bool:
    return error.status_code in REFUSALS and error.status_code not in WORTH_ANOTHER_TRY


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


_noted_at = 0.0


def _note(text: str) -> None:
    """Said once a minute at most, since a retry may follow every few seconds."""
    global _noted_at
    if time.monotonic() - _noted_at > 60:
        _noted_at = time.monotonic()
        _say(text)


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


def _flush_at_the_end_of_a_child(queue: MetricsQueue) -> None:
    # A process of multiprocessing ends without the handlers of atexit, but it runs these.
    if "multiprocessing.util" in sys.modules:
        from multiprocessing.util import Finalize

        Finalize(None, queue.close, args=(exit_patience(),), exitpriority=100)


def _after_fork_in_child() -> None:
    for queue in list(_queues):
        queue._reset()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
