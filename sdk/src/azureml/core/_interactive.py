"""Interactive runs: those of this process, by `start_logging()`, `child_run()` and `with` blocks."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from typing import TYPE_CHECKING, Any, Dict, List, Optional, TextIO, Tuple, cast

from lazuli import errors
from lazuli.client import quote_segment
from lazuli.runs.experiments import experiment_path
from lazuli.runs.files import RunFiles, list_folder_files
from lazuli.runs.run_client import RunClient
from lazuli.workspaces import WorkspaceClient

from azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from azureml.core.run import Run

OUTPUTS = "outputs"
USER_LOG = "logs/user_log.txt"
MAX_CHILDREN = 100
# The clocks of file systems are coarse.
CLOCK_TOLERANCE_SECONDS = 2.0

Json = Dict[str, Any]


def create_run(
    workspace: WorkspaceClient,
    experiment_name: str,
    run_id: Optional[str],
    snapshot_directory: Optional[str],
    display_name: Optional[str],
) -> Json:
    """Create a running run, with a snapshot of the directory unless that is None; return the run."""
    body: Json = {"status": "Running", "target": "local", "displayName": display_name}
    if snapshot_directory is not None:
        from lazuli.runs import git_metadata, snapshots  # start-up time

        snapshot_id = snapshots.upload_snapshot(workspace, snapshot_directory)
        git = git_metadata.read_git_properties(snapshot_directory)
        body.update(snapshotId=snapshot_id, properties=dict(git, ContentSnapshotId=snapshot_id))
    return _put_run(workspace, experiment_name, run_id, body)


def create_child_run(parent: RunClient, experiment_name: str, name: Optional[str], run_id: Optional[str]) -> Json:
    body = {"status": "Running", "displayName": name, "parentRunId": parent.id, "target": "local"}
    return _put_run(parent.workspace, experiment_name, run_id, body)


def start_children(run: Any, count: Optional[int], tag_key: Optional[str], tag_values: Any) -> List[Any]:
    """Start `count` children of the run, or one for each of the values of their tag."""
    children = []
    for number, value in enumerate(_list_values(count, tag_key, tag_values)):
        child = run.child_run()
        tags = {"azureml.batch_child_number": str(number)}
        child.set_tags(tags if tag_key is None else {**tags, tag_key: value})
        children.append(child)
    return children


def _list_values(count: Optional[int], tag_key: Optional[str], tag_values: Any) -> List[Any]:
    """The values of the children's tag, None for a child without one. Raises UserErrorException."""
    if (count is None) == (tag_values is None) or (tag_values is not None) != (tag_key is not None):
        raise UserErrorException("Give count, or tag_key with tag_values.")
    values = list(tag_values) if tag_values is not None else [None] * int(count or 0)
    if not 0 < len(values) <= MAX_CHILDREN:
        raise UserErrorException(f"{len(values)} children were requested; 1 to {MAX_CHILDREN} can be created at once.")
    return values


def _put_run(workspace: WorkspaceClient, experiment_name: str, run_id: Optional[str], body: Json) -> Json:
    path = f"{experiment_path(workspace, experiment_name)}/runs/{quote_segment(run_id or str(uuid.uuid4()))}"
    sent = {key: value for key, value in body.items() if value is not None}
    return cast(Json, workspace.client.request("PUT", path, json=sent).json())


def upload_outputs(files: RunFiles, outputs: List[str], started_at: float) -> None:
    """Upload the files and folders `outputs`, and what was written to `./outputs` since `started_at` (epoch seconds)."""
    pairs: List[Tuple[str, str]] = []
    for path in outputs:
        if os.path.isdir(path):
            pairs += list_folder_files(path, path)
        elif os.path.isfile(path):
            pairs.append((path, path))
    if os.path.isdir(OUTPUTS):
        new = [pair for pair in list_folder_files(OUTPUTS, OUTPUTS) if _is_newer(pair[1], started_at)]
        pairs += [pair for pair in new if pair not in pairs]
    uploaded = set(files.list_names()) if pairs else set()
    files.upload_files(pair for pair in pairs if pair[0] not in uploaded and not pair[0].endswith("azureml.log"))


def _is_newer(path: str, started_at: float) -> bool:
    return os.path.getmtime(path) >= started_at - CLOCK_TOLERANCE_SECONDS


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


class LoggedBlock:
    """A `with` block: what it prints also goes to the run's log, and an error in it makes the run fail."""

    def __init__(self, run: Run):
        self._run = run
        self._screens: Tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)
        self._log: Any = None
        self._log_path = ""

    def start(self) -> None:
        descriptor, path = tempfile.mkstemp(suffix=".txt")
        self._log = os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")
        self._log_path = path
        out, err = self._screens = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = Tee(out, self._log), Tee(err, self._log)

    def end(self, exit_type: Any, value: Any, traceback: Any) -> None:
        sys.stdout, sys.stderr = self._screens
        try:
            self._upload_log()
            if exit_type is None or (exit_type is SystemExit and value.code in (None, 0)):
                self._run.complete()
            else:
                self._run.fail(error_details=value)
        finally:
            self._log.close()
            os.remove(self._log_path)

    def _upload_log(self) -> None:
        self._log.flush()
        if not os.path.getsize(self._log_path):
            return
        try:
            self._run._files.upload(USER_LOG, self._log_path, overwrite=True)
        except errors.Unreachable as error:
            print(f"The log of run {self._run.id} could not be uploaded: {error.message}", file=sys.stderr)
