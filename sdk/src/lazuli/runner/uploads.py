"""Upload the files that a script writes: `logs/` while it runs, `outputs/` when it has ended."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from lazuli import errors
from lazuli.artifact_names import rename_refused
from lazuli.errors import ServiceException
from lazuli.file_batches import Upload, group_small
from lazuli.runner.run_api import RunApi, is_temporary, retry_while_unavailable

SCAN_SECONDS = 10.0
PARALLEL_UPLOADS = 4
CHUNK_BYTES = 1024 * 1024
OUTPUTS = "outputs"


class UploadedState(NamedTuple):
    """Size (bytes) and modification time of a file when it was uploaded last."""

    size: int
    mtime_ns: int


def list_files_below(root: str, folder: str) -> Iterator[Tuple[str, str]]:
    """The files of a folder: name in the run, and path here. A link counts only if it leads to a file within `root`."""
    return rename_refused(_walk_files(root, folder))


def _walk_files(root: str, folder: str) -> Iterator[Tuple[str, str]]:
    inside = os.path.realpath(root) + os.sep
    for base, _, names in os.walk(os.path.join(root, folder)):
        for name in sorted(names):
            path = os.path.join(base, name)
            if os.path.isfile(path) and os.path.realpath(path).startswith(inside):
                yield os.path.relpath(path, root).replace(os.sep, "/"), path


def describe_renamed(root: str, folders: List[str]) -> Iterator[str]:
    """A line for each file that is saved under another name than its own."""
    for folder in folders:
        for name, path in list_files_below(root, folder):
            own = os.path.relpath(path, root).replace(os.sep, "/")
            if name != own:
                yield f"The file {os.fsencode(own)!r} is saved as {name}, because names of files in a run must be UTF-8."


def describe_missing(root: str, folders: List[str]) -> Iterator[str]:
    """A line for each of these folders that the script has removed or locked."""
    for folder in folders:
        path = os.path.join(root, folder)
        if not os.path.isdir(path):
            yield f"{folder}/ is gone: the script has removed it, so nothing in it is saved."
        elif not os.access(path, os.R_OK | os.X_OK):
            yield f"{folder}/ cannot be read: the script has changed its permissions, so nothing in it is saved."


class LogFolderUploader:
    """Uploads every ten seconds what was added to the log files, so that they can be read while the script runs."""

    def __init__(self, api: RunApi, root: str, folders: List[str]):
        self._api = api
        self._root = root
        self._folders = folders
        self._uploaded: Dict[str, UploadedState] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._upload_periodically, name="log folders", daemon=True)
        self._thread.start()

    def close(self, hurry: threading.Event) -> Optional[str]:
        """Upload the rest; return the last problem, or None. Once `hurry` is set nothing is retried."""
        self._ended.set()
        self._thread.join()
        return self._upload_changes(None, hurry)

    def _upload_periodically(self) -> None:
        while not self._ended.wait(SCAN_SECONDS):
            self._upload_changes(0.0, self._ended)

    def _upload_changes(self, timeout: Optional[float], stopped: threading.Event) -> Optional[str]:
        problem = None
        for folder in self._folders:
            for name, path in list_files_below(self._root, folder):
                if os.path.basename(name).startswith(".") or name.endswith("azureml.log"):
                    continue
                problem = self._upload_if_changed(name, path, timeout, stopped) or problem
        return problem

    def _upload_if_changed(
        self, name: str, path: str, timeout: Optional[float], stopped: threading.Event
    ) -> Optional[str]:
        try:
            state = os.stat(path)
            now = UploadedState(state.st_size, state.st_mtime_ns)
            before = self._uploaded.get(name)
            if now != before:
                retry_while_unavailable(lambda: self._send(name, path, before, now), timeout, stopped)
                self._uploaded[name] = now
        except (ServiceException, errors.Unreachable) as error:
            return f"{name}: {error.message}"
        except FileNotFoundError:
            # The script has just rotated the log away.
            return None
        return None

    def _send(self, name: str, path: str, before: Optional[UploadedState], now: UploadedState) -> None:
        with open(path, "rb") as file:
            if before is None or now.size <= before.size:
                self._api.upload(name, file, overwrite=True)
                return
            offset = before.size
            file.seek(offset)
            while offset < now.size:
                chunk = file.read(min(CHUNK_BYTES, now.size - offset))
                if not chunk:
                    return
                self._api.append(name, offset, chunk)
                offset += len(chunk)


def upload_outputs(api: RunApi, root: str, stopped: threading.Event) -> List[str]:
    """Upload `outputs/` and return the problems. A file that the script has uploaded itself is not replaced."""
    pairs = [pair for pair in list_files_below(root, OUTPUTS) if not pair[0].endswith("azureml.log")]
    if not pairs:
        return []
    groups = group_small([Upload(path, name, _find_size(path)) for name, path in pairs], lambda file: file.size)
    with ThreadPoolExecutor(PARALLEL_UPLOADS, thread_name_prefix="outputs") as pool:
        found = pool.map(lambda group: _upload_group(api, group, stopped), groups)
        problems = [problem for problems in found for problem in problems]
    for problem in problems:
        print(f"This file could not be uploaded: {problem}", file=sys.stderr)
    return problems


def _find_size(path: str) -> int:
    """The size, or -1 if the file cannot be read, so that it has a request of its own."""
    try:
        return os.path.getsize(path)
    except OSError:
        return -1


def _upload_group(api: RunApi, group: List[Upload], stopped: threading.Event) -> List[str]:
    """Upload the files, small ones with one request; if that is refused, one by one, because one file may be the reason."""
    if len(group) > 1:
        try:
            retry_while_unavailable(lambda: api.upload_batch(group), stopped=stopped)
            return []
        except (ServiceException, OSError) as error:
            if is_temporary(error):
                return [f"{file.path}: {getattr(error, 'message', error)}" for file in group]
    return [problem for file in group for problem in _upload_single(api, file, stopped)]


def _upload_single(api: RunApi, file: Upload, stopped: threading.Event) -> List[str]:
    try:
        retry_while_unavailable(lambda: _send_file(api, file), stopped=stopped)
    except errors.Conflict as error:
        return [] if error.code == "path_conflict" else [f"{file.path}: {error.message}"]
    except (ServiceException, errors.Unreachable) as error:
        return [f"{file.path}: {error.message}"]
    except OSError as error:
        return [f"{file.path}: {error}"]
    return []


def _send_file(api: RunApi, file: Upload) -> None:
    with open(file.source, "rb") as source:
        api.upload(file.path, source)
