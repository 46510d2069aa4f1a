"""Runs that live in this process: `experiment.start_logging()`, `run.child_run()` and their `with` blocks."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import uuid
from typing import Any, Dict, List, Optional, TextIO, Tuple

from azureml.core import _git, _snapshot
from azureml.core._artifacts import folder_files
from azureml.core.run import Run
from lazuli import errors
from lazuli.client import quote_segment

OUTPUTS = "outputs"
USER_LOG = "logs/user_log.txt"
# Clocks of file systems are coarse.
CLOCK_SLACK = 2.0


def start(
    experiment: Any,
    outputs: Any = None,
    snapshot_directory: Optional[str] = ".",
    display_name: Optional[str] = None,
    run_id: Optional[str] = None,
) -> Run:
    body: Dict[str, Any] = {"status": "Running", "target": "local", "displayName": display_name}
    if snapshot_directory is not None:
        snapshot_id = _snapshot.take(experiment.workspace, snapshot_directory)
        git = _git.properties_of(snapshot_directory)
        body.update(snapshotId=snapshot_id, properties=dict(git, ContentSnapshotId=snapshot_id))
    return _create(experiment, run_id or str(uuid.uuid4()), outputs, body)


def start_child(parent: Run, name: Optional[str], run_id: Optional[str], outputs: Any) -> Run:
    body = {"status": "Running", "displayName": name, "parentRunId": parent.id, "target": "local"}
    return _create(parent.experiment, run_id or str(uuid.uuid4()), outputs, body)


def _create(experiment: Any, run_id: str, outputs: Any, body: Dict[str, Any]) -> Run:
    workspace = experiment.workspace
    address = f"{workspace._history}/experiments/{quote_segment(experiment.name)}/runs/{quote_segment(run_id)}"
    sent = {key: value for key, value in body.items() if value is not None}
    dto = workspace._client.request("PUT", address, json=sent).json()
    run = Run(experiment, run_id, outputs, _run_dto=dto)
    run._started_at = time.time()
    return run


def collect_outputs(run: Run) -> None:
    """Upload what `outputs=` names, and what was written to `./outputs` since the run began."""
    started_at = run._started_at
    if started_at is None:
        # Not begun by this process: its files are not here.
        return
    pairs: List[Tuple[str, str]] = []
    for path in run._outputs:
        pairs += folder_files(path, path) if os.path.isdir(path) else [(path, path)] if os.path.isfile(path) else []
    if os.path.isdir(OUTPUTS):
        fresh = [pair for pair in folder_files(OUTPUTS, OUTPUTS) if _is_fresh(pair[1], started_at)]
        pairs += [pair for pair in fresh if pair not in pairs]
    there = set(run._files.names()) if pairs else set()
    run._files.upload_many(pair for pair in pairs if pair[0] not in there and not pair[0].endswith("azureml.log"))


def _is_fresh(path: str, started_at: float) -> bool:
    return os.path.getmtime(path) >= started_at - CLOCK_SLACK


class Tee:
    """Writes to the screen and to a file."""

    def __init__(self, screen: TextIO, file: TextIO):
        self._screen = screen
        self._file = file

    def write(self, text: str) -> int:
        self._file.write(text)
        return self._screen.write(text)

    def flush(self) -> None:
        self._file.flush()
        self._screen.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._screen, name)


class Session:
    """A `with` block: what is printed also becomes the run's log, and how the block ends is how the run ends."""

    def __init__(self, run: Run):
        self._run = run
        self._screens: Tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)
        self._log: Any = None
        self._log_path = ""

    def begin(self) -> None:
        descriptor, path = tempfile.mkstemp(suffix=".txt")
        self._log = os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")
        self._log_path = path
        out, err = self._screens = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = Tee(out, self._log), Tee(err, self._log)

    def end(self, exit_type: Any, value: Any, traceback: Any) -> None:
        sys.stdout, sys.stderr = self._screens
        try:
            self._keep_log()
            if exit_type is None or (exit_type is SystemExit and value.code in (None, 0)):
                self._run.complete()
            else:
                self._run.fail(error_details=value)
        finally:
            self._log.close()
            os.remove(self._log_path)

    def _keep_log(self) -> None:
        self._log.flush()
        if not os.path.getsize(self._log_path):
            return
        try:
            self._run._files.upload(USER_LOG, self._log_path, overwrite=True)
        except errors.Unreachable as error:
            print(f"The log of run {self._run.id} could not be kept: {error.message}", file=sys.stderr)
