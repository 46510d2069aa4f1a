"""The rows that a person looks for in a table: those that pass the filters and contain the words, sorted by a column.

{"filters": [{"column": "age", "op": "ge", "value": "15"}], "words": ["ann"], "sort": "age", "is_descending": true}
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Dict, List, Mapping

from lazuli.data.compiler import ROW, literal, name_of, quote
from lazuli.data.errors import DatasetExecutionError
from lazuli.data.profiles import is_number

if TYPE_CHECKING:
    from lazuli.data.engine import Reader

Json = Dict[str, Any]
# Operators that compare with the value as the type of the column.
COMPARISONS = {"is": "=", "is_not": "IS DISTINCT FROM", "at_least": ">=", "at_most": "<="}
OPERATORS = (*COMPARISONS, "contains", "missing", "not_missing")


def read_matches(reader: Reader, view: Mapping[str, Any], max_rows: int, limit: int, offset: int) -> Json:
    """The rows `offset` to `offset + limit` of those of the first `max_rows` that match. `searched` and `matching` are counts,
    `view_problem` says what is wrong with the view."""
    types = reader.fetch_types()
    try:
        condition = _find_condition(types, view)
        if view["sort"]:
            _find_kind(types, view["sort"])
    except DatasetExecutionError as error:
        return {"view_problem": error.message, "found": [], "searched": 0, "matching": 0}
    first = f"(SELECT * FROM ({reader.query.sql}) LIMIT {int(max_rows)})"
    searched, matching = reader.execute(f"SELECT count(*), count(*) FILTER (WHERE {condition}) FROM {first}")[0]
    # Rows with equal values keep their order, so that no page repeats a row of another one.
    numbered = f"SELECT *, row_number() OVER () AS {name_of(ROW)} FROM {first}"
    order = f"{name_of(view['sort'])} {'DESC' if view['is_descending'] else 'ASC'} NULLS LAST, " if view["sort"] else ""
    found = reader.execute(
        f"SELECT * EXCLUDE ({name_of(ROW)}) FROM ({numbered}) WHERE {condition} "
        f"ORDER BY {order}{name_of(ROW)} LIMIT {int(limit)} OFFSET {int(offset)}"
    )
    return {"view_problem": "", "found": found, "searched": searched, "matching": matching}


def _find_condition(types: Mapping[str, str], view: Mapping[str, Any]) -> str:
    parts = [_compile_filter(types, one) for one in view["filters"]]
    texts = [name for name, kind in types.items() if kind == "VARCHAR"]
    if view["words"] and not texts:
        raise DatasetExecutionError("No column has text that can be searched. Add a filter instead.")
    for word in view["words"]:
        parts.append(f"({' OR '.join(_contains(name, word) for name in texts)})")
    return " AND ".join(parts) or "true"


def _contains(name: str, text: str) -> str:
    return f"coalesce(contains(lower(CAST({name_of(name)} AS VARCHAR)), lower({quote(text)})), false)"


def _compile_filter(types: Mapping[str, str], given: Mapping[str, str]) -> str:
    name, op, value = given["column"], given["op"], given["value"]
    kind, column = _find_kind(types, name), name_of(name)
    if op in ("missing", "not_missing"):
        return f"{column} IS {'NOT ' if op == 'not_missing' else ''}NULL"
    if op == "contains":
        return _contains(name, value)
    if is_number(kind) or kind == "BOOLEAN" or kind.startswith(("TIMESTAMP", "DATE")):
        return f"coalesce({column} {COMPARISONS[op]} {_read_value(name, kind, value)}, false)"
    return f"coalesce(CAST({column} AS VARCHAR) {COMPARISONS[op]} {quote(value)}, false)"


def _find_kind(types: Mapping[str, str], name: str) -> str:
    if name not in types:
        shown: List[str] = list(types)[:30]
        raise DatasetExecutionError(f"There is no column {name[:100]!r}. The columns are {', '.join(shown)[:1000]}.")
    return types[name]


def _read_value(name: str, kind: str, value: str) -> str:
    text = value.strip()
    try:
        if kind == "BOOLEAN":
            return {"true": "true", "false": "false"}[text.lower()]
        if not is_number(kind):
            return literal(dt.datetime.fromisoformat(text))
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(text)
        return literal(int(text) if text.lstrip("+-").isdecimal() else number)
    except (KeyError, ValueError) as error:
        wanted = "true or false" if kind == "BOOLEAN" else "a number" if is_number(kind) else "a time, as 2024-01-31"
        raise DatasetExecutionError(f"Filter on {name}: {text[:100]!r} is not {wanted}.") from error
