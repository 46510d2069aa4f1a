"""Statements of the database that took long, for the page Health."""

import dataclasses
import datetime as dt

from studio import process_counters

SHOWN = 20


@dataclasses.dataclass(frozen=True)
class SlowStatement:
    """With placeholders instead of values."""

    sql: str
    times: int
    longest: float
    last: dt.datetime


def list_slow_statements() -> list[SlowStatement]:
    """The slowest statements of the web processes of this machine."""
    _, _, slow = process_counters.read_all()
    rows = [
        SlowStatement(sql, int(number), longest, dt.datetime.fromtimestamp(last, dt.UTC))
        for sql, (number, longest, last) in slow.items()
    ]
    return sorted(rows, key=lambda row: -row.longest)[:SHOWN]
