"""One rule for the paths of files: in runs, snapshots, models, datastores and the Notebooks page."""

import unicodedata
from collections.abc import Callable
from typing import TypeVar

from django.http import Http404

from studio.errors import Invalid

MAX_PATH_LENGTH = 1000
MAX_FOLDERS = 100
Found = TypeVar("Found")


def check_path(path, *, target: str = "path", code: str = "invalid_path") -> str:
    """A relative path with forward slashes that stays below its folder; Invalid says what is wrong with any other."""
    problem = _problem(path)
    if problem:
        shown = repr(path)[:200]
        raise Invalid(f"{shown} is not a path for a file: {problem}.", code=code, target=target)
    return path


def find_if_there(find: Callable[[str], Found], path: str) -> Found | None:
    """Find the file, or None where `find` raises Http404."""
    try:
        return find(path)
    except Http404:
        return None


def _problem(path) -> str:
    if not isinstance(path, str) or not path:
        return "it is empty"
    if len(path) > MAX_PATH_LENGTH:
        return f"it has {len(path)} characters, {MAX_PATH_LENGTH} are allowed"
    for character in path:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            return f"it contains the character U+{ord(character):04X}"
    if "\\" in path:
        return "write / instead of \\"
    if path.startswith("/") or (path[1:2] == ":" and path[0].isalpha()):
        return "it is absolute, and must be relative to the folder that contains all files"
    return _problem_of_parts(path.split("/"))


def _problem_of_parts(parts: list[str]) -> str:
    if ".." in parts:
        return "it contains .."
    if "" in parts or "." in parts:
        return "it contains an empty part or a lone period"
    if any(len(part.encode()) > 255 for part in parts):
        return "one of its parts has more than 255 bytes"
    if len(parts) > MAX_FOLDERS + 1:
        return f"it has {len(parts) - 1} folders, {MAX_FOLDERS} are allowed"
    return ""
