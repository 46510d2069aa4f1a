"""Readable names in a run for files whose own names are not allowed there.

A disk allows almost any bytes as a name, the server only text that a page and a URL can show. A file whose name is not
UTF-8, or contains a line break or a backslash, is saved under a readable name: `caf%E9.txt`.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Iterable, Iterator, Tuple

REFUSED_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
MAX_PART_BYTES = 255
MAX_CHARACTERS = 1000


def rename_refused(files: Iterable[Tuple[str, str]]) -> Iterator[Tuple[str, str]]:
    """Pairs of name and path, with another name where the server would refuse it; no two have the same."""
    files = list(files)
    taken = {name for name, _ in files}
    for name, path in files:
        readable = make_readable(name)
        if readable != name and readable in taken:
            readable = f"{readable[: MAX_PART_BYTES // 2]}~{_hash_name(name)}"
        taken.add(readable)
        yield readable, path


def make_readable(name: str) -> str:
    """The name itself if the server accepts it."""
    parts = ["".join(map(_escape_character, part)) for part in name.split("/")]
    readable = "/".join(_shorten_part(part) for part in parts)
    if len(readable) <= MAX_CHARACTERS:
        return readable
    return f"{parts[0]}/{_hash_name(name)}/{_shorten_part(parts[-1])}"


def is_refused(name: str) -> bool:
    return make_readable(name) != name


def is_utf_8(name: str) -> bool:
    return name.encode("utf-8", "replace").decode() == name


def _escape_character(character: str) -> str:
    if unicodedata.category(character) in REFUSED_CATEGORIES or character == "\\":
        return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
    return character


def _shorten_part(part: str) -> str:
    """Shorten a part that is too long with its escapes."""
    if len(part.encode()) <= MAX_PART_BYTES:
        return part
    kept = part.encode()[: MAX_PART_BYTES - 20].decode(errors="ignore")
    return f"{kept}~{_hash_name(part)}"


def _hash_name(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
