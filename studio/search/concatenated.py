"""A sorted list that consists of several lists, each of which an index provides."""

from collections.abc import Iterable


def take_rows(parts: Iterable, start: int, size: int) -> list:
    """`size` rows from `start` of the concatenated querysets `parts`; nothing after them is read."""
    rows: list = []
    for part in parts:
        found = list(part[start : start + size - len(rows)])
        rows += found
        if len(rows) == size:
            break
        start = max(0, start - part.count()) if start and not found else 0
    return rows
