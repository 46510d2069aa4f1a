"""Parses every number that people and programs send as text, with bounds.

Python's `int` raises at 4,300 digits, accepts digits of every script, and returns numbers that no database can hold.
"""

import math
import re
import sys

from studio.errors import Invalid

# The largest whole number that both databases can store.
MAX_INT = 2**63 - 1
# The lowest and the highest number that is not infinite.
FINITE = (-sys.float_info.max, sys.float_info.max)
# More characters than any number needs that is stored or drawn.
MAX_FLOAT_LENGTH = 400
WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
REAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def parse_int(text: str, name: str, *, min_value: int = 0, max_value: int = MAX_INT) -> int:
    """The whole number in a text; Invalid names the parameter and what is allowed."""
    found = int_or_none(text)
    if found is None or not min_value <= found <= max_value:
        raise Invalid(f"{name}={text[:40]!r}: write a whole number from {min_value} to {max_value}.", target=name)
    return found


def parse_float(text: str, name: str) -> float:
    """The finite number in a text; Invalid names the parameter."""
    found = float_or_none(text)
    if found is None:
        raise Invalid(f"{name}={text[:40]!r}: write a number.", target=name)
    return found


def int_or_none(text: str) -> int | None:
    """None if it is not a whole number, or one that no database can store."""
    found = int(text) if WHOLE.fullmatch(text) else None
    return found if found is not None and -MAX_INT - 1 <= found <= MAX_INT else None


def float_or_none(text: str) -> float | None:
    """None if it is not a number, or too large for a float."""
    text = text.strip()
    found = float(text) if len(text) <= MAX_FLOAT_LENGTH and REAL.fullmatch(text) else math.inf
    return found if math.isfinite(found) else None
