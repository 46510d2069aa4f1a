"""The record of a runner, with which a restarted agent finds and identifies it.

There is one record for each attempt. The runner creates it before anything else; a node worker that finds none creates
an empty one. So a runner is either found or never starts, and no attempt runs twice.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Dict, Optional

from lazuli.processes import Identity, identify

VARIABLE = "LAZULI_RUNNER_RECORD"
# Beside the record: the process that a warm parent has forked for the runner, which is no descendant of it.
FORKED = "forked.json"


def make_record(path: str) -> bool:
    """Record that this process is the runner; False if it must not start, because the attempt was abandoned."""
    own = identify(os.getpid())
    return _write_new(path, own._asdict() if own else {})


def find_or_prevent(path: str) -> Optional[Identity]:
    """The runner, running or ended; None if none has started, and none can start from now on."""
    _write_new(path, {})
    return read_record(path)


def read_record(path: str) -> Optional[Identity]:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        return None
    return Identity(int(content["pid"]), float(content["started"]), str(content["boot"])) if content else None


def note_forked(folder: str, pid: int) -> None:
    """Record the forked process, so that node worker and host agent do not take it for one that belongs to nobody."""
    found = identify(pid)
    if found is not None:
        path = os.path.join(folder, FORKED)
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(found._asdict(), file)
        os.replace(f"{path}.new", path)


def write_end(path: str, status: int) -> None:
    """Record the runner's exit status, for processes that cannot wait for it as a parent."""
    with open(path + ".end", "w", encoding="utf-8") as file:
        file.write(str(status))


def read_end(path: str) -> Optional[int]:
    """The exit status that the runner wrote; None if it was killed before."""
    try:
        with open(path + ".end", encoding="utf-8") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return None


def _write_new(path: str, content: Dict[str, Any]) -> bool:
    """Make the file with its content in one step; False if it is there already, which changes nothing."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".record-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        os.remove(temporary)
    return True
