"""gitignore's patterns, matched in steps that grow with pattern times path: no `*a*a*a*b` takes longer than it is wide."""

from __future__ import annotations

import re
from typing import List, Optional, Pattern, Tuple

# What one path component has to look like; None for any number of components.
Part = Optional[Pattern[str]]
ANY_NAME = re.compile(".+", re.DOTALL)


class Glob:
    """`*` and `?` stay within a folder, `**` between slashes does not. One that is not anchored may begin in any folder."""

    def __init__(self, text: str, anchored: bool) -> None:
        names = _split(text)
        parts: List[Part] = [None if name == "**" else compile_name(name) for name in names[:-1]]
        if names[-1] == "**" and parts:
            parts += [ANY_NAME, None]
        else:
            parts.append(compile_name(names[-1]))
        self._parts = parts if anchored else [None, *parts]

    def matches(self, path: str) -> bool:
        if len(self._parts) == 2 and self._parts[0] is None and self._parts[1] is not None:
            return self._parts[1].fullmatch(path.rpartition("/")[2]) is not None
        return _match(self._parts, path.split("/"))


def _match(parts: List[Part], names: List[str]) -> bool:
    """The part after a `**` is tried at each name in turn; what a later `**` has taken is never tried again."""
    place = at = 0
    after, mark = -1, 0
    while at < len(names):
        part = parts[place] if place < len(parts) else ANY_NAME
        if part is None:
            place += 1
            after, mark = place, at
        elif place < len(parts) and part.fullmatch(names[at]):
            place, at = place + 1, at + 1
        elif after >= 0:
            mark += 1
            place, at = after, mark
        else:
            return False
    return all(part is None for part in parts[place:])


def _split(text: str) -> List[str]:
    """At the slashes that are not in brackets."""
    names, name, at = [], "", 0
    while at < len(text):
        piece, end = _piece(text, at)
        if piece is None and text[at] == "/":
            names.append(name)
            name = ""
        else:
            name += text[at:end]
        at = end
    return [*names, name]


def compile_name(glob: str) -> Pattern[str]:
    """Each stretch between two stars is taken where it comes first, and that choice is kept: a lookahead with a name for what
    it found stands for the atomic group that older Pythons do not have."""
    stretches: List[str] = [""]
    at = 0
    while at < len(glob):
        piece, end = _piece(glob, at)
        if glob[at] == "*":
            stretches.append("")
        else:
            stretches[-1] += piece if piece is not None else re.escape(glob[at])
        at = end
    first, *middle = stretches
    last = f".*{middle.pop()}" if middle else ""
    atoms = [f"(?=(?P<s{n}>.*?{stretch}))(?P=s{n})" for n, stretch in enumerate(middle) if stretch]
    return re.compile("".join([first, *atoms, last]), re.DOTALL)


def _piece(glob: str, at: int) -> Tuple[Optional[str], int]:
    """The expression for what stands at a place, None for a plain character, a slash or a star; and where it ends."""
    if glob[at] == "?":
        return ".", at + 1
    if glob[at] == "\\" and at + 1 < len(glob):
        return re.escape(glob[at + 1]), at + 2
    # A `]` right after the bracket belongs to the set.
    end = glob.find("]", at + 2) if glob[at] == "[" else -1
    if end < 0:
        return None, at + 1
    inside = glob[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
    return f"[{'^' + inside[1:] if inside[0] in '!^' else inside}]", end + 1
