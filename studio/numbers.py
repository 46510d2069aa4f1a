"""Numbers in what people and programs send: every text that becomes a number is read here, with a bound.

Python's own `int` raises at 4,300 digits, reads the digits of every script, and gives numbers that no database can hold.
"""

import math
import re

from studio.errors import Invalid

# The largest whole number that both databases keep.
MOST_WHOLE = 2**63 - 1
# More characters than any number needs that is stored, counted or drawn.
LONGEST_REAL = 400
WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
REAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def whole(text: str, name: str, *, least: int = 0, most: int = MOST_WHOLE) -> int:
    """The whole number that a text writes; Invalid says by which name it came and what is allowed."""
    found = as_whole(text)
    if found is None or not least <= found <= most:
        raise Invalid(f"{name}={text[:40]!r}: write a whole number from {least} to {most}.", target=name)
    return found


def real(text: str, name: str) -> float:
    """The finite number that a text writes; Invalid says by which name it came."""
    found = as_real(text)
    if found is None:
        raise Invalid(f"{name}={text[:40]!r}: write a number.", target=name)
    return found


def as_whole(text: str) -> int | None:
    """None for what is no whole number, or one that no database keeps."""
    found = int(text) if WHOLE.fullmatch(text) else None
    return found if found is not None and -MOST_WHOLE - 1 <= found <= MOST_WHOLE else None


def as_real(text: str) -> float | None:
    """None for what is no number, or one that is larger than any float."""
    text = text.strip()
    found = float(text) if len(text) <= LONGEST_REAL and REAL.fullmatch(text) else math.inf
    return found if math.isfinite(found) else None
