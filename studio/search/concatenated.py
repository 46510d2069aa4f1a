"""An order that is made of several lists, one after the other, each of which an index gives."""

from collections.abc import Iterable


def take_rows(parts: Iterable, start: int, size: int) -> list:
    """`size` rows from `start` on of what the querysets `parts` give one after the other; what lies behind is not read."""
    rows: list = []
    for part in parts:
        found = list(part[start : start + size - len(rows)])
        rows += found
        if len(rows) == size:
            break
        start = max(0, start - part.count()) if start and not found else 0
    return rows
