"""The record of a runner: by it an agent that was restarted finds the runner again, and is sure that it is this one.

Of one attempt there is one record, for all time. The runner makes it before it does anything else; a node worker that
finds none makes it in its place. So either the runner is found, or it never begins: never do two run the same attempt.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Dict, Optional

from lazuli.processes import Identity, identify

VARIABLE = "LAZULI_RUNNER_RECORD"


def make_record(path: str) -> bool:
    """Say that this process is the runner; False if it must not begin, since it was given up meanwhile."""
    own = identify(os.getpid())
    return _write_new(path, own._asdict() if own else {})


def find_or_prevent(path: str) -> Optional[Identity]:
    """Who the runner is, whether it still runs or not; None if none has begun, and none will from now on."""
    _write_new(path, {})
    return read_record(path)


def read_record(path: str) -> Optional[Identity]:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        return None
    return Identity(int(content["pid"]), float(content["started"]), str(content["boot"])) if content else None


def write_end(path: str, status: int) -> None:
    """Say how the runner ends, for whoever cannot wait for it as a parent."""
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
