"""The timestamp columns of a table: their names after all steps, and the files that a filter by time leaves out."""

from __future__ import annotations

import datetime as dt
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar

from lazuli.data.errors import DatasetValidationError
from lazuli.data.partitions import PartitionFormat

Item = TypeVar("Item")
Names = Tuple[Optional[str], Optional[str]]


def find_columns(definition: Mapping[str, Any]) -> Names:
    """The columns of the time and of the partition; None for one that is missing, or was dropped by a later step."""
    found: List[Optional[str]] = [None, None]
    for step in definition["steps"]:
        if step["type"] == "timestamp_columns":
            found = [step.get("timestamp"), step.get("partition_timestamp")]
        elif step["type"] == "rename_columns":
            found = [step["names"].get(name, name) for name in found]
        elif step["type"] == "keep_columns":
            found = [name if name in step["columns"] else None for name in found]
        elif step["type"] == "drop_columns":
            found = [None if name in step["columns"] else name for name in found]
    return found[0], found[1]


def check_column(definition: Mapping[str, Any], name: str) -> None:
    """Raises DatasetValidationError for a column that is known not to be a datetime."""
    reader, *steps = definition["steps"]
    if any(step["type"] == "rename_columns" for step in steps):
        return
    types: Dict[str, str] = {column: kind["type"] for column, kind in (reader.get("column_types") or {}).items()}
    if reader.get("partition_format"):
        names = PartitionFormat(reader["partition_format"]).names
        types.update({column: "datetime" if is_date else "string" for column, is_date in names})
    kind = types.get(name)
    if kind is None and reader["type"] == "read_delimited" and types:
        raise DatasetValidationError(f"There is no column {name!r}. The columns are {', '.join(list(types)[:30])}.")
    if kind not in (None, "datetime"):
        raise DatasetValidationError(f"The column {name!r} is not a datetime; it is a {kind}.")


def leave_out(definition: Mapping[str, Any], files: Sequence[Item], path_of: Callable[[Item], str]) -> List[Item]:
    """The files that filters by time can have rows of, by the partition timestamp in their paths."""
    text = definition["steps"][0].get("partition_format")
    bounds = _find_bounds(definition) if text else []
    if not bounds:
        return list(files)
    partition = PartitionFormat(text)
    kept = []
    for file in files:
        values = partition.read(path_of(file))
        if all(_can_be(op, values.get(name), moment, partition.step_of(name)) for name, op, moment in bounds):
            kept.append(file)
    return kept


def _find_bounds(definition: Mapping[str, Any]) -> List[Tuple[str, str, dt.datetime]]:
    """The bounds of the partition timestamp, from the filters on the timestamp that follow its naming."""
    timestamp = partition = None
    found = []
    for step in definition["steps"]:
        if step["type"] == "timestamp_columns":
            timestamp, partition = step.get("timestamp"), step.get("partition_timestamp")
        elif step["type"] in ("rename_columns", "take", "skip", "sample", "split"):
            # What follows these is another table: which rows they take depends on all files.
            break
        elif step["type"] == "filter" and timestamp and partition:
            expression = step["expression"]
            sides = expression.get("of", [])
            is_bound = expression.get("op") in ("gt", "ge", "lt", "le") and sides[0] == {"column": timestamp}
            if is_bound and sides[1].get("is_datetime"):
                found.append((partition, expression["op"], dt.datetime.fromisoformat(sides[1]["value"])))
    return found


def _can_be(op: str, start: Any, moment: dt.datetime, step: dt.timedelta) -> bool:
    """Whether a file whose times begin at `start` and last for `step` can have such times."""
    if not isinstance(start, dt.datetime):
        return True
    return start <= moment if op in ("lt", "le") else start + step > moment
