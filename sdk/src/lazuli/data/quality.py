"""Data quality rules of a table: how many rows break each rule, and the first of them.

{"type": "range", "column": "age", "min": 0, "max": 120}
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Dict, List, Mapping

from lazuli.data.compiler import literal, name_of, quote
from lazuli.data.errors import DatasetExecutionError
from lazuli.data.profiles import MAX_COLUMNS, format_value, is_number

if TYPE_CHECKING:
    from lazuli.data.engine import Reader

Json = Dict[str, Any]
MAX_RULES, MAX_VALUES, MAX_EXAMPLES = 50, 200, 5
RULES = ("not_null", "range", "unique", "set", "freshness")
PASSED, FAILED, ERROR = "Passed", "Failed", "Error"


def check_rules(reader: Reader, rules: List[Mapping[str, Any]]) -> Json:
    """`columns`, and in `rules` for each rule its `state`, the number of rows that break it, and the first of them."""
    reader.store_rows()
    types = reader.fetch_types()
    found = []
    for rule in rules:
        result = {"rule": dict(rule), "state": PASSED, "failing": 0, "examples": [], "problem": ""}
        try:
            result.update(_check_rule(reader, types, rule))
        except DatasetExecutionError as error:
            result.update(state=ERROR, problem=error.message)
        found.append(result)
    return {"columns": list(types)[:MAX_COLUMNS], "rules": found}


def _check_rule(reader: Reader, types: Mapping[str, str], rule: Mapping[str, Any]) -> Json:
    if rule["column"] not in types:
        raise DatasetExecutionError(f"There is no column {rule['column']!r}.")
    kind = types[rule["column"]]
    if rule["type"] == "freshness":
        return _check_freshness(reader, kind, rule)
    rows = f"({reader.query.sql})"
    where = f"FROM {rows} WHERE {_find_condition(rows, kind, rule)}"
    count = reader.execute(f"SELECT count(*) {where}")[0][0]
    if not count:
        return {}
    examples = reader.execute(f"SELECT * {where} LIMIT {MAX_EXAMPLES}")
    shown = [[format_value(value) for value in row[:MAX_COLUMNS]] for row in examples]
    return {"state": FAILED, "failing": count, "examples": shown}


def _find_condition(rows: str, kind: str, rule: Mapping[str, Any]) -> str:
    """The condition for a row that breaks the rule; only the rule not_null is about missing values."""
    column = name_of(rule["column"])
    if rule["type"] == "not_null":
        return f"{column} IS NULL"
    if rule["type"] == "unique":
        return f"{column} IN (SELECT {column} FROM {rows} GROUP BY {column} HAVING count(*) > 1)"
    if rule["type"] == "set":
        values = ", ".join(f"TRY_CAST({quote(str(value))} AS {kind})" for value in rule["values"])
        return f"{column} IS NOT NULL AND NOT list_contains([{values}], {column})"
    bounds = [("<", rule["min"])] if "min" in rule else []
    bounds += [(">", rule["max"])] if "max" in rule else []
    return " OR ".join(f"{column} {sign} {_read_bound(kind, rule['column'], value)}" for sign, value in bounds)


def _read_bound(kind: str, name: str, value: Any) -> str:
    if is_number(kind) and not isinstance(value, str):
        return literal(value)
    if kind.startswith(("TIMESTAMP", "DATE")) and isinstance(value, str):
        return literal(dt.datetime.fromisoformat(value))
    raise DatasetExecutionError(
        f"The column {name!r} cannot be compared with {value!r}: it has the type {kind.lower()}."
    )


def _check_freshness(reader: Reader, kind: str, rule: Mapping[str, Any]) -> Json:
    """Whether the newest time, in UTC, is at most as many hours ago."""
    if not kind.startswith(("TIMESTAMP", "DATE")):
        raise DatasetExecutionError(f"The column {rule['column']!r} is not a datetime; it has the type {kind.lower()}.")
    newest = reader.execute(f"SELECT max(CAST({name_of(rule['column'])} AS TIMESTAMP)) FROM ({reader.query.sql})")[0][0]
    if newest is None:
        return {"state": FAILED, "problem": "No row has a time."}
    limit = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None) - dt.timedelta(hours=rule["hours"])
    return {} if newest >= limit else {"state": FAILED, "problem": f"The newest row is of {newest:%Y-%m-%d %H:%M} UTC."}
