"""`run.wait_for_completion()`: wait, and show the log while it grows."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import Any, Dict, List, Optional

from azureml.core._artifacts import RunFiles
from azureml.exceptions import ActivityFailedException, ExperimentExecutionException
from lazuli import errors

RUNNING_STATES = [
    "NotStarted",
    "Queued",
    "Preparing",
    "Provisioning",
    "Starting",
    "Running",
    "Unapproved",
    "NotResponding",
    "Pausing",
    "Paused",
]
POST_PROCESSING_STATES = ["CancelRequested", "Finalizing"]
TERMINAL = ("Completed", "Failed", "Canceled")
POLL_SECONDS = 1.0
PATIENCE = 900.0
_STREAMABLE = re.compile(r"user_logs/std_log[\D0]*?(?:_ps)?\.txt|azureml-logs/\d\d.+\.txt")
_WORKER = re.compile(r"^(?P<stem>.*?)(?P<kind>[-_](?:rank|worker)[-_])(?P<number>\d+)\.txt$")


def streamable(names: List[str]) -> List[str]:
    """The logs of the first process, in the order in which they come to be shown."""
    return sorted(name for name in names if _STREAMABLE.fullmatch(name) and not _is_other_worker(name))


def _is_other_worker(name: str) -> bool:
    match = _WORKER.match(name)
    return match is not None and int(match.group("number")) != 0


class LogPrinter:
    """Prints what is new in the log that matters now: the alphabetically last one."""

    def __init__(self, files: RunFiles):
        self._files = files
        self._name: Optional[str] = None
        self._offset = 0
        # The bytes of a character that has not come whole.
        self._rest = b""

    def show_new(self, names: List[str]) -> None:
        logs = streamable(names)
        if not logs:
            return
        if self._name in logs:
            self._print_rest()
        if self._name != logs[-1]:
            self._begin(logs[-1])
            self._print_rest()

    def _begin(self, name: str) -> None:
        self._name, self._offset, self._rest = name, 0, b""
        print(f"\nStreaming {name}\n{'=' * (len(name) + 10)}\n")

    def _print_rest(self) -> None:
        content = self._files.content_from(str(self._name), self._offset)
        self._offset += len(content)
        text, self._rest = split_utf8(self._rest + content)
        if text:
            print(text, end="", flush=True)


def split_utf8(content: bytes) -> "tuple[str, bytes]":
    """The text of all whole characters, and the bytes of one that is cut at the end."""
    for cut in range(1, min(4, len(content) + 1)):
        lead = content[-cut]
        if lead >= 0xC0:
            whole = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            if whole > cut:
                return content[:-cut].decode(errors="replace"), content[-cut:]
        if lead & 0xC0 != 0x80:
            break
    return content.decode(errors="replace"), b""


def wait(run: Any, show_output: bool, states: List[str], raise_on_error: bool) -> Dict[str, Any]:
    """Until the run is in none of `states`; its details. Any word that is not known counts as running."""
    try:
        return _wait(run, show_output, states, raise_on_error)
    except KeyboardInterrupt as error:
        text = "The output streaming for the run interrupted.\nBut the run is still executing on the compute target."
        raise ExperimentExecutionException(f"{text}\nDetails for canceling the run: run.cancel()") from error


def _wait(run: Any, show_output: bool, states: List[str], raise_on_error: bool) -> Dict[str, Any]:
    if show_output:
        _print_heading(run)
    details = _poll(run, LogPrinter(run._files) if show_output else None, states)
    if show_output:
        _print_summary(run, details, raise_on_error)
    if details["status"] == "Failed" and raise_on_error:
        raise ActivityFailedException(error_details=json.dumps(details.get("error") or {}, indent=4))
    return details


def _poll(run: Any, printer: Optional[LogPrinter], states: List[str]) -> Dict[str, Any]:
    details = _details(run)
    ended_before = details["status"] in TERMINAL
    while not ended_before:
        # Read before the log: a final status means that the log is whole.
        # SDK v1 ends a silent wait at Finalizing; here that takes moments, and whoever waits wants the outputs.
        also = ["Finalizing"] if printer is None else POST_PROCESSING_STATES
        ended_before = is_over(details["status"], [*states, *also])
        if printer is not None:
            _show(printer, list(details.get("logFiles") or {}))
        if not ended_before:
            time.sleep(POLL_SECONDS)
            details = _details(run)
    return details


def _details(run: Any) -> Dict[str, Any]:
    """A run of hours is not given up because its server is away for minutes."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            details: Dict[str, Any] = run.get_details()
            return details
        except errors.Unreachable as error:
            if time.monotonic() > deadline:
                raise
            print(f"Waiting for the server: {error.message}", file=sys.stderr)


def _show(printer: LogPrinter, names: List[str]) -> None:
    try:
        printer.show_new(names)
    except errors.Unreachable as error:
        # The next poll shows it.
        print(f"Waiting for the server: {error.message}", file=sys.stderr)


def is_over(status: str, states: List[str]) -> bool:
    return status not in states and (status in TERMINAL or status in POST_PROCESSING_STATES)


def _print_heading(run: Any) -> None:
    print(f"RunId: {run.id}")
    print(f"Web View: {run.get_portal_url()}")


def _print_summary(run: Any, details: Dict[str, Any], raise_on_error: bool) -> None:
    print(f"\nExecution Summary\n{'=' * 17}")
    _print_heading(run)
    if details.get("warnings"):
        print("\nWarnings:")
        for warning in details["warnings"]:
            print(warning.get("message", warning) if isinstance(warning, dict) else warning)
    if details["status"] == "Failed" and not raise_on_error:
        print("\nError:\n" + json.dumps(details.get("error") or {}, indent=4))
    print()
