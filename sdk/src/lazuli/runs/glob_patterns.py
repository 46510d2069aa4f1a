"""gitignore's patterns, matched without backtracking: the time grows with length of pattern times length of path."""

from __future__ import annotations

import re
from typing import List, Optional, Pattern, Tuple

# What one path component has to look like; None for any number of components.
Part = Optional[Pattern[str]]
ANY_NAME = re.compile(".+", re.DOTALL)


class Glob:
    """`*` and `?` match within a folder, `**` across folders. A pattern that is not anchored may begin in any folder."""

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
    """Try the part after a `**` at each name in turn; once a later `**` is reached, the earlier one is final."""
    part_index = name_index = 0
    # Where to continue after a mismatch: behind the last `**`, one name later each time.
    retry_part, retry_name = -1, 0
    while name_index < len(names):
        part = parts[part_index] if part_index < len(parts) else ANY_NAME
        if part is None:
            part_index += 1
            retry_part, retry_name = part_index, name_index
        elif part_index < len(parts) and part.fullmatch(names[name_index]):
            part_index, name_index = part_index + 1, name_index + 1
        elif retry_part >= 0:
            retry_name += 1
            part_index, name_index = retry_part, retry_name
        else:
            return False
    return all(part is None for part in parts[part_index:])


def _split(text: str) -> List[str]:
    """Split a pattern at the slashes that are not in brackets."""
    names, name, at = [], "", 0
    while at < len(text):
        piece, end = _translate_piece(text, at)
        if piece is None and text[at] == "/":
            names.append(name)
            name = ""
        else:
            name += text[at:end]
        at = end
    return [*names, name]


def compile_name(glob: str) -> Pattern[str]:
    """Compile the pattern of one path component. Each literal between two stars matches at its first place, and only there.

    A lookahead whose group is matched again stands for the atomic group, which older Pythons do not have.
    """
    literals: List[str] = [""]
    at = 0
    while at < len(glob):
        piece, end = _translate_piece(glob, at)
        if glob[at] == "*":
            literals.append("")
        else:
            literals[-1] += piece if piece is not None else re.escape(glob[at])
        at = end
    first, *middle = literals
    last = f".*{middle.pop()}" if middle else ""
    atoms = [f"(?=(?P<s{n}>.*?{literal}))(?P=s{n})" for n, literal in enumerate(middle) if literal]
    return re.compile("".join([first, *atoms, last]), re.DOTALL)


def _translate_piece(glob: str, at: int) -> Tuple[Optional[str], int]:
    """The expression for the piece at this index, or None for a plain character, a slash or a star; and the index after it."""
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
