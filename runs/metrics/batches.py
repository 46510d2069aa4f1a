"""Checks a batch of points and groups it by series. All invalid points are reported, and one refuses the whole batch."""

import dataclasses
import math
import time

from runs import rules
from runs.models import MetricSeries
from studio.errors import Invalid, StudioError, TooLarge
from studio.formats import NON_FINITE, UNSTORABLE, non_finite_word

MAX_POINTS = 10_000
MAX_BATCH_ID = 64
MAX_COLUMN_NAME = 255
MAX_TEXT_LENGTH = 10_000
MAX_COLUMNS = 100
MAX_LIST_LENGTH = 100_000
MAX_ERRORS = 50
INT64 = 2**63
# Milliseconds since 1970; of the year 10,000.
END_OF_TIME = 253_402_300_800_000
# Later merges leave chunks of this many points alone.
FULL = 16_384
KINDS = set(MetricSeries.Kind.values)
FILE_KINDS = KINDS - {"scalar", "list", "table"}


@dataclasses.dataclass(slots=True)
class Group:
    """The new points of one series in their order; a step of None becomes the point's position in the series."""

    kind: str
    steps: list
    times: list
    values: list
    codec: str = "int"


def format_last_value(value) -> str:
    """The last value as text, if it is not a finite number; else empty."""
    if isinstance(value, float):
        return non_finite_word(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return str(value).replace("\0", "")[:300]
    return ""


class BadPoint(Exception):
    """A sentence about one point."""


def group_points(points) -> dict[str, Group]:
    if not isinstance(points, list):
        raise Invalid("`metrics` must be a list of points.", target="metrics")
    if len(points) > MAX_POINTS:
        raise TooLarge(
            f"{len(points)} points in a batch; {MAX_POINTS} are allowed. Send it in parts.", target="metrics"
        )
    groups: dict[str, Group] = {}
    errors, now = [], int(time.time() * 1000)
    for index, point in enumerate(points):
        try:
            _add(groups, point, now)
        except BadPoint as error:
            errors.append({"code": "Invalid", "target": f"metrics[{index}]", "message": str(error)})
    if errors:
        first, more = errors[0], f" {len(errors) - 1} more are wrong too." if len(errors) > 1 else ""
        text = f"{first['target']}: {first['message']}{more} Nothing of the batch was stored."
        raise Invalid(text, target=first["target"], details=errors[:MAX_ERRORS])
    return groups


def _add(groups: dict, point, now: int) -> None:
    if not isinstance(point, dict):
        raise BadPoint(f"A point is an object, not {type(point).__name__}.")
    name, kind = point.get("name"), point.get("kind", "scalar")
    group = groups.get(name) if isinstance(name, str) else None
    if group is None:
        group = groups[_name(name)] = Group(_kind(kind), [], [], [])
    elif group.kind != kind:
        raise BadPoint(f"{name!r} is of the kind {group.kind} in this batch; it cannot be {kind!r} too.")
    step, at = point.get("step"), point.get("time")
    if step is not None and not _is_int(step, -INT64, INT64):
        raise BadPoint(f"step={step!r} is not a whole number from -2^63 to 2^63-1.")
    if at is None:
        at = now
    elif not _is_int(at, 0, END_OF_TIME):
        raise BadPoint(f"time={at!r} is not a time in whole milliseconds since 1970.")
    if kind == "scalar":
        value = point["value"] if "value" in point else _missing("value")
        _append(group, step, at, value)
    else:
        _add_many(group, step, at, point)


def _append(group: Group, step, at: int, value) -> None:
    kind = type(value)
    if kind is float:
        if group.codec == "int":
            group.codec = "float"
    elif kind is int:
        if not -INT64 <= value < INT64:
            value = _as_float(value)
            group.codec = "float" if group.codec == "int" else group.codec
    elif kind is str and value in NON_FINITE:
        value = NON_FINITE[value]
        group.codec = "float" if group.codec == "int" else group.codec
    else:
        group.codec = "json"
        _check_other(value)
    group.steps.append(step)
    group.times.append(at)
    group.values.append(value)


def _add_many(group: Group, step, at: int, point: dict) -> None:
    if group.kind == "table":
        group.codec = "json"
        rows = [_row(row) for row in _list(point, "rows")]
        for row in rows:
            group.steps.append(step)
            group.times.append(at)
            group.values.append(row)
    elif group.kind == "list":
        for value in _list(point, "value"):
            _append(group, step, at, value)
    else:
        value = point.get("value")
        if not isinstance(value, str) or not value:
            raise BadPoint(f"The value of a metric of the kind {group.kind} is the path of a file of the run.")
        group.codec = "json"
        _append(group, step, at, value)


def _row(row) -> dict:
    if not isinstance(row, dict) or not row:
        raise BadPoint("A row of a table is an object of columns and values.")
    if len(row) > MAX_COLUMNS:
        raise BadPoint(f"A row has {len(row)} columns; {MAX_COLUMNS} are allowed.")
    for column, value in row.items():
        if len(column) > MAX_COLUMN_NAME:
            raise BadPoint(f"The name of a column has {len(column)} characters; {MAX_COLUMN_NAME} are allowed.")
        if type(value) is float and not math.isfinite(value):
            raise BadPoint(f'Column {column!r}: write the text "NaN", "Infinity" or "-Infinity".')
        if type(value) not in (int, float):
            _check_other(value)
    return row


def _list(point: dict, field: str) -> list:
    # A list may have either name; documented are `value` for lists and `rows` for tables.
    value = point.get(field, point.get("rows", point.get("value")))
    if not isinstance(value, list) or not value:
        raise BadPoint(f"`{field}` must be a list with at least one element.")
    if len(value) > MAX_LIST_LENGTH:
        raise BadPoint(f"{len(value)} elements at once; {MAX_LIST_LENGTH} are allowed.")
    return value


def _name(name) -> str:
    try:
        return rules.METRIC_NAME.check(name)
    except StudioError as error:
        raise BadPoint(error.message) from error


def _kind(kind) -> str:
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadPoint(f"kind={kind!r} is none of {', '.join(sorted(KINDS))}.")
    return kind


def _check_other(value) -> None:
    if value is None or type(value) is bool:
        return
    if type(value) is not str:
        raise BadPoint(f"A value is a number, a text, true, false or null, not {type(value).__name__}.")
    if len(value) > MAX_TEXT_LENGTH:
        raise BadPoint(f"A text has {len(value)} characters; {MAX_TEXT_LENGTH} are allowed.")
    if UNSTORABLE.search(value):
        raise BadPoint("A text contains a NUL or half of a character.")


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise BadPoint("A whole number is larger than any float.") from error


def _is_int(value, start: int, end: int) -> bool:
    return type(value) is int and start <= value < end


def _missing(field: str):
    raise BadPoint(f"`{field}` is missing.")
