"""Choose the files of a folder for a snapshot: by `.amlignore`, else `.gitignore`, in gitignore's own syntax."""

from __future__ import annotations

import os
import re
from typing import Iterator, NamedTuple, Optional, Protocol

from lazuli.errors import UserErrorException
from lazuli.runs.glob_patterns import Glob

IGNORE_FILES = (".amlignore", ".gitignore")
# Every path is compared with every line.
MAX_RULES, MAX_PATTERN_LENGTH = 2_000, 1_000


class Rule(NamedTuple):
    pattern: Glob
    negated: bool
    folders_only: bool

    def matches(self, path: str, is_folder: bool) -> bool:
        return (is_folder or not self.folders_only) and self.pattern.matches(path)


class IgnoreRules:
    def __init__(self, text: str = "", file_name: str = IGNORE_FILES[0]):
        self.text, self.file_name = text, file_name
        lines = text.splitlines()
        if long := [number for number, line in enumerate(lines, 1) if len(line) > MAX_PATTERN_LENGTH]:
            raise UserErrorException(f"Line {long[0]} of {file_name} has more than {MAX_PATTERN_LENGTH} characters.")
        self._rules = [rule for rule in map(parse_rule, lines) if rule is not None]
        if len(self._rules) > MAX_RULES:
            raise UserErrorException(f"{file_name} has {len(self._rules)} patterns; {MAX_RULES} are allowed.")

    @classmethod
    def from_folder(cls, folder: str) -> IgnoreRules:
        """The rules of the first ignore file in the root of the folder, as in SDK v1."""
        for name in IGNORE_FILES:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, encoding="utf-8-sig", errors="replace") as file:
                    return cls(file.read(), name)
        return cls()

    def ignores(self, path: str, is_folder: bool) -> bool:
        """Whether the last rule that matches `path` (relative, with `/`) excludes it; its parent folders are not checked."""
        for rule in reversed(self._rules):
            if rule.matches(path, is_folder):
                return not rule.negated
        return False


def parse_rule(line: str) -> "Rule | None":
    line = line.rstrip("\r\n")
    # A trailing space counts only if it is escaped.
    line = re.sub(r"(?<!\\) +$", "", line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    if negated:
        line = line[1:]
    folders_only = line.endswith("/")
    line = line.rstrip("/") if folders_only else line
    if not line.strip("/"):
        return None
    anchored = "/" in line
    return Rule(Glob(line.lstrip("/"), anchored), negated, folders_only)


class Guard(Protocol):
    """Other rules that can exclude a file or folder."""

    def excludes(self, path: str, is_folder: bool) -> bool: ...


def walk_included(folder: str, rules: IgnoreRules, guard: Optional[Guard] = None) -> Iterator[str]:
    """The relative paths of everything that the rules and the guard do not exclude, sorted; an empty folder ends with `/`.

    An excluded folder is not entered: as with git, nothing below it can be included again.
    """
    yield from _walk_folder(folder, "", rules, guard)


def includes_path(path: str, rules: IgnoreRules, guard: Optional[Guard] = None) -> bool:
    """Whether `walk_included` yields this file: neither it nor a folder above it is excluded."""
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        part, is_folder = "/".join(parts[:count]), count < len(parts)
        if rules.ignores(part, is_folder) or (guard is not None and guard.excludes(part, is_folder)):
            return False
    return True


def _walk_folder(root: str, prefix: str, rules: IgnoreRules, guard: Optional[Guard]) -> Iterator[str]:
    with os.scandir(os.path.join(root, prefix)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    if not found and prefix:
        yield prefix
    for entry in found:
        path = prefix + entry.name
        # A link to a file counts as the file; a link to a folder could lead in a circle and is excluded.
        is_folder = entry.is_dir(follow_symlinks=False)
        if rules.ignores(path, is_folder) or (guard is not None and guard.excludes(path, is_folder)):
            continue
        if is_folder:
            yield from _walk_folder(root, path + "/", rules, guard)
        elif entry.is_file():
            yield path
