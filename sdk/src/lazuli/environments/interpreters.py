"""The Python interpreters of this machine, and the one that is closest to a wanted version."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from typing import List, NamedTuple, Optional, Sequence, Tuple

from lazuli.environments.match_spec import allows_version

OLDEST, NEWEST = (3, 8), (3, 13)
# No Python 3 has more patch versions.
MAX_PATCH = 40
Version = Tuple[int, ...]


class Python(NamedTuple):
    """An interpreter: its version as numbers, and its path."""

    version: Version
    path: str


def find_uv() -> Optional[str]:
    try:
        from uv import find_uv_bin  # optional: uv may be a program only

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


def list_interpreters(uv: str) -> List[Python]:
    """The interpreters that uv finds, and pyenv's, whose shims uv cannot always start; oldest first."""
    command = [uv, "python", "list", "--only-installed", "--output-format", "json", "--no-python-downloads"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    listed = read_list(done.stdout) if done.returncode == 0 else []
    found = {os.path.realpath(python.path): python for python in listed}
    for python in [*_list_pyenv(), _find_base()]:
        found.setdefault(os.path.realpath(python.path), python)
    return sorted(python for python in found.values() if python.version[:2] >= OLDEST)


def read_list(text: str) -> List[Python]:
    """The interpreters of uv's list in JSON."""
    return [
        Python(parse_version(item["version"]), item["path"])
        for item in json.loads(text or "[]")
        if item.get("implementation", "cpython") == "cpython" and item.get("path") and "/shims/" not in item["path"]
    ]


def _list_pyenv() -> List[Python]:
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = []
    for path in glob.glob(os.path.join(root, "versions", "*", "bin", "python")):
        version = path.split(os.sep)[-3]
        if version.replace(".", "").isdigit():
            found.append(Python(parse_version(version), path))
    return found


def _find_base() -> Python:
    # The base interpreter of a virtual environment, not the environment.
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Python(tuple(sys.version_info[:3]), base)


def parse_version(version: str) -> Version:
    numbers = []
    for piece in version.split("."):
        digits = "".join(letter for letter in piece if letter.isdigit())
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def choose_interpreter(wish: str, bounds: Sequence[str], installed: List[Python]) -> Optional[Python]:
    """The closest to the requested version of those within the bounds; the closest of all if none is."""
    meeting = [python for python in installed if is_allowed(python, wish, bounds)]
    supported = [python for python in meeting if python.version[:2] <= NEWEST]
    return find_closest(parse_version(wish), supported or meeting or installed)


def is_allowed(python: Python, wish: str, bounds: Sequence[str]) -> bool:
    if not bounds:
        return (".".join(map(str, python.version)) + ".").startswith(wish + ".")
    return any(allows_version(each, python.version) for each in bounds)


def choose_to_fetch(bounds: Sequence[str], installed: List[Python]) -> str:
    """The lowest supported minor version within the bounds; empty if there is none, or if one of it is installed."""
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        if any(allows_version(each, (3, minor, patch)) for each in bounds for patch in range(MAX_PATCH)):
            return "" if any(python.version[:2] == (3, minor) for python in installed) else f"3.{minor}"
    return ""


def find_closest(wanted: Version, interpreters: List[Python]) -> Optional[Python]:
    """The same version; else the same minor version; else the closest minor version, the newer of two."""
    if not interpreters:
        return None
    minor = wanted[1] if len(wanted) > 1 else (NEWEST[1] if wanted[:1] == (3,) else 0)
    patch = wanted[2] if len(wanted) > 2 else None

    def distance(python: Python) -> Tuple[int, int, int, int]:
        away = abs(python.version[1] - minor)
        beyond = 1 if python.version[:2] > NEWEST else 0
        # The newest patch version if none is wanted.
        patch_away = -python.version[2] if patch is None else abs(python.version[2] - patch)
        return beyond, away, -python.version[1], patch_away

    return min(interpreters, key=distance)
