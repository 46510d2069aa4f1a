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
from lazuli.runner.run_api import RunApi, retry_while_unavailable

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

    def upload(pair: Tuple[str, str]) -> Optional[str]:
        name, path = pair
        try:
            retry_while_unavailable(lambda: _upload_file(api, name, path), stopped=stopped)
        except errors.Conflict as error:
            return None if error.code == "path_conflict" else f"{name}: {error.message}"
        except (ServiceException, errors.Unreachable) as error:
            return f"{name}: {error.message}"
        except OSError as error:
            return f"{name}: {error}"
        return None

    pairs = [pair for pair in list_files_below(root, OUTPUTS) if not pair[0].endswith("azureml.log")]
    if not pairs:
        return []
    with ThreadPoolExecutor(PARALLEL_UPLOADS, thread_name_prefix="outputs") as pool:
        problems = [problem for problem in pool.map(upload, pairs) if problem]
    for problem in problems:
        print(f"This file could not be uploaded: {problem}", file=sys.stderr)
    return problems


def _upload_file(api: RunApi, name: str, path: str) -> None:
    with open(path, "rb") as file:
        api.upload(name, file)
