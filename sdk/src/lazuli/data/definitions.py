"""The definition of a dataset: where its files are, and the list of steps that reads them. JSON, the same in SDK and studio.

{"kind": "tabular", "paths": [{"datastore": "workspaceblobstore", "path": "in/*.csv"}], "steps": [{"type": "read_delimited", …}]}
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from lazuli.data.errors import DatasetValidationError

Json = Dict[str, Any]
KINDS = ("file", "tabular")
TYPES = ("bool", "long", "float", "datetime", "string")
NO_HEADER, FIRST_FILE, ALL_DIFFER, ALL_SAME = 0, 1, 2, 3
ENCODINGS = {
    "utf8": "utf-8",
    "utf8bom": "utf-8-sig",
    "ascii": "ascii",
    "latin1": "latin-1",
    "iso88591": "latin-1",
    "windows1252": "cp1252",
    "utf16": "utf-16",
    "utf32": "utf-32",
}
COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
TEXT_TESTS = ("contains", "starts_with", "ends_with")
OPERATORS = (*COMPARISONS, *TEXT_TESTS, "and", "or", "not", "is_null")
# The codes of strptime that the engine knows.
DATE_FORMAT = re.compile(r"(?:[^%]|%%|%-?[aAbBcdfgHhIjmMnpSUwWxXyYzZ])+")
MAX_PATHS, MAX_STEPS, MAX_COLUMNS, MAX_TEXT = 1000, 200, 5000, 4000
MAX_DEPTH = 20
MAX_QUERY = 20_000
# How long a query may take, and how long it may be allowed to.
QUERY_SECONDS, MAX_QUERY_SECONDS = 30, 300


def check_definition(definition: Any) -> Json:
    """The definition itself. Raises DatasetValidationError, which says where it is wrong."""
    if not isinstance(definition, dict):
        raise _wrong("The definition must be an object.", "")
    if definition.get("kind") not in KINDS:
        raise _wrong(f"kind is {definition.get('kind')!r}; write {' or '.join(KINDS)}.", "kind")
    _check_list(definition.get("paths"), "paths", MAX_PATHS, _check_path, smallest=1)
    _check_list(definition.get("steps"), "steps", MAX_STEPS, _check_step, smallest=0)
    readers = [number for number, step in enumerate(definition["steps"]) if step["type"] in READERS]
    if definition["kind"] == "tabular" and readers != [0]:
        raise _wrong(f"The first step, and no other, reads files: {', '.join(READERS)}.", "steps")
    if definition["kind"] == "file" and readers:
        raise _wrong("The steps of files do not read them as a table.", "steps")
    if "to_files" in [step["type"] for step in definition["steps"][definition["kind"] == "file" :]]:
        raise _wrong("A table becomes files in the first step of a dataset of files.", "steps")
    if find_step(definition, "to_files"):
        check_definition(table_of(definition))
    if find_step(definition, "read_sql") and [path.get("path") for path in definition["paths"]] != [""]:
        raise _wrong("A query has one path: a datastore, with an empty `path`.", "paths")
    return definition


def _check_list(value: Any, path: str, largest: int, check: Callable[[Any, str], None], smallest: int) -> None:
    if not isinstance(value, list) or not smallest <= len(value) <= largest:
        raise _wrong(f"write a list of {smallest} to {largest:,}.", path)
    for number, item in enumerate(value):
        check(item, f"{path}/{number}")


def _check_path(item: Any, path: str) -> None:
    if not isinstance(item, dict):
        raise _wrong("A path is an object with `datastore` and `path`, or with `url`.", path)
    if "url" in item:
        url = item["url"]
        if set(item) != {"url"} or not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise _wrong(f"{str(url)[:200]!r}: write an address that begins with https:// or http://.", path)
        _text(url, path)
        return
    if set(item) != {"datastore", "path"}:
        raise _wrong("A path is an object with `datastore` and `path`, or with `url`.", path)
    _text(item["datastore"], f"{path}/datastore")
    if item["path"] != "":
        check_pattern(_text(item["path"], f"{path}/path"), f"{path}/path")


def check_pattern(pattern: str, path: str = "path") -> str:
    """A path in a datastore, which may have `*` and `**`."""
    parts = pattern.rstrip("/").split("/")
    if pattern.startswith("/") or "\\" in pattern or any(part in ("", ".", "..") for part in parts):
        text = "write it relative to the datastore, with /, and without .. and empty parts"
        raise _wrong(f"{pattern[:200]!r} is not a path in a datastore: {text}.", path)
    return pattern


def _check_step(step: Any, path: str) -> None:
    kind = step.get("type") if isinstance(step, dict) else step
    if not isinstance(step, dict) or not isinstance(kind, str) or kind not in STEPS:
        raise _wrong(f"{str(kind)[:60]!r} is not a step: write {', '.join(STEPS)}.", path)
    required, optional = STEPS[step["type"]]
    for name in required:
        if name not in step:
            raise _wrong(f"The step {step['type']} needs {name}.", path)
    for name, value in step.items():
        check = required.get(name) or optional.get(name)
        if name != "type" and check is None:
            raise _wrong(f"The step {step['type']} has no {name[:60]}.", path)
        if check is not None:
            check(value, f"{path}/{name}")


# ---- the values of steps


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or any(ord(letter) < 32 for letter in value):
        raise _wrong(f"write a text of 1 to {MAX_TEXT} characters without line breaks", path)
    return value


def _check_text(value: Any, path: str) -> None:
    _text(value, path)


def _separator(value: Any, path: str) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= 4 or "\n" in value or "\r" in value or "\0" in value:
        raise _wrong(f"separator is {str(value)[:20]!r}: write 1 to 4 characters.", path)


def _query(value: Any, path: str) -> None:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_QUERY or "\0" in value:
        raise _wrong(f"write a query of up to {MAX_QUERY:,} characters", path)


def _seconds(value: Any, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_QUERY_SECONDS:
        raise _wrong(f"{str(value)[:60]!r}: write 1 to {MAX_QUERY_SECONDS} seconds", path)


def _flag(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise _wrong(f"write true or false, not {str(value)[:60]!r}.", path)


def _count(value: Any, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise _wrong(f"{str(value)[:60]!r}: write a whole number from 0.", path)


def _seed(value: Any, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**62) < value < 2**62:
        raise _wrong(f"{str(value)[:60]!r}: a seed is a whole number.", path)


def _share(value: Any, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise _wrong(f"{str(value)[:60]!r}: write a number from 0 to 1.", path)


def _header(value: Any, path: str) -> None:
    if isinstance(value, bool) or value not in (NO_HEADER, FIRST_FILE, ALL_DIFFER, ALL_SAME):
        raise _wrong(
            f"header is {str(value)[:60]!r}: write 0 (none), 1 (first file), 2 (combine) or 3 (all same).", path
        )


def _one_of(words: Any) -> Callable[[Any, str], None]:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or value not in words:
            raise _wrong(f"{str(value)[:60]!r}: write {' or '.join(words)}.", path)

    return check


def _table_steps(value: Any, path: str) -> None:
    _check_list(value, path, MAX_STEPS, _check_step, smallest=1)


def _columns(value: Any, path: str) -> None:
    _check_list(value, path, MAX_COLUMNS, _check_text, smallest=1)


def _names(value: Any, path: str) -> None:
    if not isinstance(value, dict) or not 1 <= len(value) <= MAX_COLUMNS:
        raise _wrong("write an object of old and new names.", path)
    for old, new in value.items():
        _text(old, path)
        _text(new, f"{path}/{old}")


def _types(value: Any, path: str) -> None:
    if not isinstance(value, dict) or len(value) > MAX_COLUMNS:
        raise _wrong("write an object of columns and types.", path)
    for name, item in value.items():
        where = f"{path}/{name}"
        if not isinstance(item, dict) or item.get("type") not in TYPES:
            raise _wrong(f"the type of {name[:60]!r} must be {', '.join(TYPES)}.", where)
        for known in set(item) - {"type"}:
            if known == "formats":
                _check_list(item[known], f"{where}/formats", 50, _check_format, smallest=0)
            elif known == "decimal_mark":
                _one_of((".", ","))(item[known], f"{where}/decimal_mark")
            else:
                raise _wrong(f"a type has no {known[:60]!r}.", where)


def _check_format(value: Any, path: str) -> None:
    """A format of strptime."""
    _check_text(value, path)
    if "%" not in value or not DATE_FORMAT.fullmatch(value):
        raise _wrong(f"{value[:60]!r} is not a format of dates, such as %d/%m/%Y.", path)


def _expression(value: Any, path: str, depth: int = 0) -> None:
    """{"op": "gt", "of": [{"column": "age"}, {"value": 15}]}"""
    if depth > MAX_DEPTH:
        raise _wrong(f"The expression is nested more than {MAX_DEPTH} levels deep.", path)
    if not isinstance(value, dict):
        raise _wrong("write an object with `op` and `of`, `column` or `value`.", path)
    if set(value) == {"column"}:
        _text(value["column"], f"{path}/column")
    elif "value" in value and set(value) <= {"value", "is_datetime"}:
        if value["value"] is not None and not isinstance(value["value"], (str, int, float, bool)):
            raise _wrong("a value is a text, a number, true, false or null.", path)
        if value.get("is_datetime"):
            _moment(value["value"], path)
    elif set(value) == {"op", "of"} and value["op"] in OPERATORS:
        size = 1 if value["op"] in ("not", "is_null") else 2
        if not isinstance(value["of"], list) or len(value["of"]) != size:
            raise _wrong(f"{value['op']} needs {size} in `of`.", path)
        for number, part in enumerate(value["of"]):
            _expression(part, f"{path}/of/{number}", depth + 1)
    else:
        raise _wrong(f"the operators are {', '.join(OPERATORS)}.", path)


def _moment(value: Any, path: str) -> None:
    try:
        dt.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise _wrong(f"{str(value)[:60]!r} is not a time such as 2024-01-31T12:00:00.", path) from error


def _optional_text(value: Any, path: str) -> None:
    if value is not None:
        _text(value, path)


def _wrong(text: str, path: str) -> DatasetValidationError:
    shown = text if text[:1].isupper() or not path else f"{path}: {text}"
    return DatasetValidationError(shown if shown.endswith(".") else f"{shown}.", path)


Checks = Dict[str, Callable[[Any, str], None]]
_READER: Checks = {"include_path": _flag, "partition_format": _optional_text, "column_types": _types}
# The required and the optional values of each step.
STEPS: Dict[str, Tuple[Checks, Checks]] = {
    "read_delimited": (
        {},
        {
            **_READER,
            "separator": _separator,
            "header": _header,
            "encoding": _one_of(ENCODINGS),
            "multi_line": _flag,
            "empty_as_string": _flag,
        },
    ),
    "read_parquet": ({}, _READER),
    "read_json_lines": ({}, {**_READER, "encoding": _one_of(ENCODINGS), "invalid_lines": _one_of(("error", "drop"))}),
    "read_sql": ({"query": _query}, {"query_timeout": _seconds, "column_types": _types}),
    "to_files": ({"table_steps": _table_steps}, {"separator": _separator}),
    "partition_format": ({"format": _check_text}, {}),
    "take": ({"count": _count}, {}),
    "skip": ({"count": _count}, {}),
    "sample": ({"probability": _share, "seed": _seed}, {}),
    "split": ({"lower": _share, "upper": _share, "seed": _seed}, {}),
    "keep_columns": ({"columns": _columns}, {}),
    "drop_columns": ({"columns": _columns}, {}),
    "rename_columns": ({"names": _names}, {}),
    "filter": ({"expression": _expression}, {}),
    "timestamp_columns": ({}, {"timestamp": _optional_text, "partition_timestamp": _optional_text}),
}
READERS = ("read_delimited", "read_parquet", "read_json_lines", "read_sql")
# What is read as parquet: the studio stores the rows of a query in such a file.
PARQUET_READERS = ("read_parquet", "read_sql")


def table_of(definition: Mapping[str, Any]) -> Json:
    """The table whose rows the files of a dataset are."""
    return {"kind": "tabular", "paths": definition["paths"], "steps": definition["steps"][0]["table_steps"]}


def add_step(definition: Mapping[str, Any], kind: str, **values: Any) -> Json:
    """A new definition with one more step."""
    step = {"type": kind, **{name: value for name, value in values.items() if value is not None}}
    found: Json = dict(definition, steps=[*definition["steps"], step])
    return check_definition(found)


def find_step(definition: Mapping[str, Any], kind: str) -> Optional[Json]:
    """The last step of this kind."""
    steps: List[Json] = definition["steps"]
    return next((step for step in reversed(steps) if step["type"] == kind), None)
