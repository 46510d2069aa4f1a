"""The files a script leaves: `logs/` while it runs, `outputs/` when it has ended."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.runner.server import RunServer, insist

SCAN_SECONDS = 10.0
PARALLEL = 4
CHUNK = 1024 * 1024
OUTPUTS = "outputs"


class Sent(NamedTuple):
    size: int
    mtime_ns: int


def files_below(root: str, folder: str) -> Iterator[Tuple[str, str]]:
    """Name in the run and path here. A link counts only if it leads to a file within `root`."""
    inside = os.path.realpath(root) + os.sep
    for base, _, names in os.walk(os.path.join(root, folder)):
        for name in sorted(names):
            path = os.path.join(base, name)
            if os.path.isfile(path) and os.path.realpath(path).startswith(inside):
                yield os.path.relpath(path, root).replace(os.sep, "/"), path


class LogFolders:
    """Every ten seconds what has grown is appended, so that logs can be read while the script runs."""

    def __init__(self, server: RunServer, root: str, folders: List[str]):
        self._server = server
        self._root = root
        self._folders = folders
        self._sent: Dict[str, Sent] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="log folders", daemon=True)
        self._thread.start()

    def close(self) -> Optional[str]:
        """The last pass; what could not be uploaded, in words."""
        self._ended.set()
        self._thread.join()
        return self._pass(patience=60.0)

    def _work(self) -> None:
        while not self._ended.wait(SCAN_SECONDS):
            self._pass(patience=0.0)

    def _pass(self, patience: float) -> Optional[str]:
        problem = None
        for folder in self._folders:
            for name, path in files_below(self._root, folder):
                if os.path.basename(name).startswith(".") or name.endswith("azureml.log"):
                    continue
                problem = self._update(name, path, patience) or problem
        return problem

    def _update(self, name: str, path: str, patience: float) -> Optional[str]:
        try:
            state = os.stat(path)
            now = Sent(state.st_size, state.st_mtime_ns)
            before = self._sent.get(name)
            if now != before:
                insist(lambda: self._send(name, path, before, now), patience, self._ended)
                self._sent[name] = now
        except (ServiceException, errors.Unreachable) as error:
            return f"{name}: {error.message}"
        except FileNotFoundError:
            # A log that the script has just rotated away.
            return None
        return None

    def _send(self, name: str, path: str, before: Optional[Sent], now: Sent) -> None:
        with open(path, "rb") as file:
            if before is None or now.size <= before.size:
                self._server.upload(name, file, overwrite=True)
                return
            offset = before.size
            file.seek(offset)
            while offset < now.size:
                chunk = file.read(min(CHUNK, now.size - offset))
                if not chunk:
                    return
                self._server.append(name, offset, chunk)
                offset += len(chunk)


def upload_outputs(server: RunServer, root: str, given_up: threading.Event) -> List[str]:
    """What could not be uploaded, in words. A name that the script has uploaded itself stays as it is."""

    def upload(pair: Tuple[str, str]) -> Optional[str]:
        name, path = pair
        try:
            insist(lambda: _upload_file(server, name, path), given_up=given_up)
        except errors.Conflict:
            return None
        except (ServiceException, errors.Unreachable) as error:
            return f"{name}: {error.message}"
        except OSError as error:
            return f"{name}: {error}"
        return None

    pairs = [pair for pair in files_below(root, OUTPUTS) if not pair[0].endswith("azureml.log")]
    if not pairs:
        return []
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="outputs") as pool:
        problems = [problem for problem in pool.map(upload, pairs) if problem]
    for problem in problems:
        print(f"Not uploaded: {problem}", file=sys.stderr)
    return problems


def _upload_file(server: RunServer, name: str, path: str) -> None:
    with open(path, "rb") as file:
        server.upload(name, file)
