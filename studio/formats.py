"""How values are written for people and for spreadsheets: each way once."""

import datetime as dt
import math


def format_number(value) -> str:
    """Six digits that count: `0.0273153`, `1,234,567`, `1.5e-09`."""
    if value is None:
        return "--"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "∞", "-inf": "−∞"}[str(value)]
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:,.6g}"


def format_exact(value) -> str:
    """All digits of a number, for whoever hovers over the short one."""
    if value is None:
        return "--"
    return repr(value) if isinstance(value, float) and math.isfinite(value) else str(value)


def utc_time(moment: dt.datetime | None) -> str | None:
    """As Azure's APIs write it: `2026-03-04T05:06:07.890000Z`."""
    return moment and moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def escape_formula(value):
    """A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
