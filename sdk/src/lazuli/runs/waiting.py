"""Wait until a run has ended, and print its log while it grows."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import Any, Dict, List, Optional, Protocol

from lazuli import errors
from lazuli.console import print_text
from lazuli.errors import ActivityFailedException, ExperimentExecutionException
from lazuli.runs.files import RunFiles

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
FINAL_STATES = ("Completed", "Failed", "Canceled")
POLL_SECONDS = 1.0
UNREACHABLE_SECONDS = 900.0
STD_LOG = "user_logs/std_log.txt"
_STREAMABLE = re.compile(r"user_logs/std_log[\D0]*?(?:_ps)?\.txt|azureml-logs/\d\d.+\.txt")
_WORKER = re.compile(r"^(?P<stem>.*?)(?P<kind>[-_](?:rank|worker)[-_])(?P<number>\d+)\.txt$")


class WaitableRun(Protocol):
    """The part of a run that waiting needs."""

    @property
    def id(self) -> str: ...

    def get_details(self) -> Dict[str, Any]: ...

    def get_portal_url(self) -> str: ...


def select_streamable_logs(names: List[str]) -> List[str]:
    """The logs of the first process, in the order in which they are printed."""
    found = sorted(name for name in names if _STREAMABLE.fullmatch(name) and not _is_other_worker(name))
    if STD_LOG in found:
        # The logs of single processes repeat its lines.
        return [name for name in found if not name.startswith("user_logs/std_log_process")]
    return found


def _is_other_worker(name: str) -> bool:
    match = _WORKER.match(name)
    return match is not None and int(match.group("number")) != 0


class LogPrinter:
    """Prints what is new in the current log: the last one in alphabetical order."""

    def __init__(self, files: RunFiles):
        self._files = files
        self._name: Optional[str] = None
        self._offset = 0
        # The first bytes of a character that is not complete yet.
        self._incomplete = b""

    def print_new(self, names: List[str]) -> None:
        logs = select_streamable_logs(names)
        if not logs:
            return
        if self._name in logs:
            self._print_new_content()
        if self._name != logs[-1]:
            self._start_log(logs[-1])
            self._print_new_content()

    def _start_log(self, name: str) -> None:
        self._name, self._offset, self._incomplete = name, 0, b""
        print_text(f"\nStreaming {name}\n{'=' * (len(name) + 10)}\n")

    def _print_new_content(self) -> None:
        content = self._files.read_from(str(self._name), self._offset)
        self._offset += len(content)
        text, self._incomplete = split_utf8(self._incomplete + content)
        if text:
            print_text(text, end="")


def split_utf8(content: bytes) -> "tuple[str, bytes]":
    """The text of all complete characters, and the bytes of one that is cut off at the end."""
    for cut in range(1, min(4, len(content) + 1)):
        lead = content[-cut]
        if lead >= 0xC0:
            whole = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            if whole > cut:
                return content[:-cut].decode(errors="replace"), content[-cut:]
        if lead & 0xC0 != 0x80:
            break
    return content.decode(errors="replace"), b""


def wait_for_run(
    run: WaitableRun, files: RunFiles, show_output: bool, running_states: List[str], raise_on_error: bool
) -> Dict[str, Any]:
    """Wait until the run has left all `running_states`, and return its details; an unknown state counts as running.

    Raises ActivityFailedException if the run failed and `raise_on_error` is true, ExperimentExecutionException on Ctrl+C,
    Unreachable if the server does not answer for 15 minutes.
    """
    try:
        return _wait_and_print(run, LogPrinter(files) if show_output else None, running_states, raise_on_error)
    except KeyboardInterrupt as error:
        text = "The output streaming for the run interrupted.\nBut the run is still executing on the compute target."
        raise ExperimentExecutionException(f"{text}\nDetails for canceling the run: run.cancel()") from error


def _wait_and_print(
    run: WaitableRun, printer: Optional[LogPrinter], states: List[str], raise_on_error: bool
) -> Dict[str, Any]:
    if printer is not None:
        _print_heading(run)
    details = _poll_until_ended(run, printer, states)
    if printer is not None:
        _print_summary(run, details, raise_on_error)
    if details["status"] == "Failed" and raise_on_error:
        raise ActivityFailedException(error_details=json.dumps(details.get("error") or {}, indent=4))
    return details


def _poll_until_ended(run: WaitableRun, printer: Optional[LogPrinter], states: List[str]) -> Dict[str, Any]:
    details = _get_details(run)
    ended = details["status"] in FINAL_STATES
    while not ended:
        # The status is read before the log: if it is final, the log is complete.
        # SDK v1 ends a silent wait at Finalizing; here that takes moments, and the caller wants the outputs.
        more = ["Finalizing"] if printer is None else POST_PROCESSING_STATES
        ended = has_ended(details["status"], [*states, *more])
        if printer is not None:
            _print_log(printer, list(details.get("logFiles") or {}))
        if not ended:
            time.sleep(POLL_SECONDS)
            details = _get_details(run)
    return details


def _get_details(run: WaitableRun) -> Dict[str, Any]:
    """Keep polling while the server is unreachable for minutes, because the run may take hours."""
    deadline = time.monotonic() + UNREACHABLE_SECONDS
    while True:
        try:
            details: Dict[str, Any] = run.get_details()
            return details
        except errors.Unreachable as error:
            if time.monotonic() > deadline:
                raise
            print(f"Waiting for the server: {error.message}", file=sys.stderr)


def _print_log(printer: LogPrinter, names: List[str]) -> None:
    try:
        printer.print_new(names)
    except errors.Unreachable as error:
        # The next poll prints it.
        print(f"Waiting for the server: {error.message}", file=sys.stderr)


def has_ended(status: str, states: List[str]) -> bool:
    return status not in states and (status in FINAL_STATES or status in POST_PROCESSING_STATES)


def _print_heading(run: WaitableRun) -> None:
    print_text(f"RunId: {run.id}")
    print_text(f"Web View: {run.get_portal_url()}")


def _print_summary(run: WaitableRun, details: Dict[str, Any], raise_on_error: bool) -> None:
    print_text(f"\nExecution Summary\n{'=' * 17}")
    _print_heading(run)
    if details.get("warnings"):
        print_text("\nWarnings:")
        for warning in details["warnings"]:
            print_text(str(warning.get("message", warning) if isinstance(warning, dict) else warning))
    if details["status"] == "Failed" and not raise_on_error:
        print_text("\nError:\n" + json.dumps(details.get("error") or {}, indent=4))
    print_text()
