"""The profile of a table: for each column counts, minimum, maximum, moments, quantiles, and the distribution of its
values.

Most of it comes from one pass over the rows, the bars from a second one, and the misfits (values that do not have the type of
their column) from a third one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from lazuli.data.compiler import name_of, quote

if TYPE_CHECKING:
    from lazuli.data.engine import Reader

Json = Dict[str, Any]
MAX_COLUMNS, MAX_CELL = 300, 300
BINS, TOP = 12, 6
QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
NUMBERS = ("BIGINT", "INTEGER", "DOUBLE", "FLOAT", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "DECIMAL")
# SDK v1's words for the types of DuckDB.
TYPE_WORDS = {"BIGINT": "long", "DOUBLE": "float", "VARCHAR": "string", "TIMESTAMP": "datetime", "BOOLEAN": "bool"}


def make_profile(reader: Reader, limit: Optional[int] = None) -> Json:
    """`row_count` and `columns`; of the first `limit` rows."""
    types = list(reader.fetch_types().items())
    shown = types[:MAX_COLUMNS]
    rows = f"({reader.query.sql})" if limit is None else f"(SELECT * FROM ({reader.query.sql}) LIMIT {int(limit)})"
    expressions = ["count(*)"]
    for name, kind in shown:
        expressions += _aggregates(name, kind)
    count, *values = reader.execute(f"SELECT {', '.join(expressions)} FROM {rows}")[0]
    columns, start = [], 0
    for name, kind in shown:
        width = len(_aggregates(name, kind))
        columns.append(_describe(name, kind, count, values[start : start + width]))
        start += width
    for column, misfits in zip(columns, count_misfits(reader, [name for name, _ in shown], limit)):
        column["errors"] = misfits
    _add_bars(reader, columns, rows)
    return {"row_count": count, "column_count": len(types), "columns": columns}


def _aggregates(name: str, kind: str) -> List[str]:
    column = name_of(name)
    found = [f"count({column})", f"approx_count_distinct({column})", f"min({column})", f"max({column})"]
    if is_number(kind):
        number, points = _number(name), ", ".join(map(repr, QUANTILES))
        moments = [f"{word}({number})" for word in ("avg", "stddev_samp", "var_samp", "skewness", "kurtosis")]
        return [*found, *moments, f"min({number})", f"max({number})", f"approx_quantile({number}, [{points}])"]
    return [*found, f"approx_top_k({_text(name)}, {TOP})"]


def _text(name: str) -> str:
    return f"CAST({name_of(name)} AS VARCHAR)[:{MAX_CELL}]"


def _number(name: str) -> str:
    """Infinite values would make every moment meaningless."""
    number = f"CAST({name_of(name)} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def is_number(kind: str) -> bool:
    return kind.split("(")[0] in NUMBERS


def _describe(name: str, kind: str, count: int, values: Sequence[Any]) -> Json:
    there, distinct, lowest, highest, *more = values
    found: Json = {
        "name": name,
        "type": word_of(kind),
        "count": count,
        "missing": count - there,
        # It is estimated, and can be more than there are.
        "distinct": min(distinct, there),
        "min": format_value(lowest),
        "max": format_value(highest),
    }
    if not is_number(kind):
        found["top"] = list(more[0] or [])
        return found
    mean, deviation, variance, skewness, kurtosis, low, high, quantiles = more
    found.update(mean=mean, deviation=deviation, variance=variance, skewness=skewness, kurtosis=kurtosis)
    found.update(quantiles=list(quantiles or []), low=low, high=high)
    return found


def count_misfits(reader: Reader, names: Sequence[str], limit: Optional[int]) -> List[Optional[int]]:
    """The number of misfits of each column; None for one whose type is that of its file."""
    wanted = [name for name in names if name in reader.query.casts]
    if not wanted:
        return [None] * len(names)
    sql = reader.query.casts[wanted[0]].sql
    parts = [f"count(*) FILTER (WHERE {reader.query.casts[name].is_misfit})" for name in wanted]
    rows = f"({sql})" if limit is None else f"(SELECT * FROM ({sql}) LIMIT {int(limit)})"
    counts = dict(zip(wanted, reader.execute(f"SELECT {', '.join(parts)} FROM {rows}")[0]))
    return [counts.get(name) for name in names]


def _add_bars(reader: Reader, columns: Sequence[Json], rows: str) -> None:
    """The most frequent values in `top`, as pairs of value and count, and bars of heights from 0 to 100."""
    parts = [part for column in columns for part in _counts_of(column)]
    counts = iter(reader.execute(f"SELECT {', '.join(parts)} FROM {rows}")[0])
    for column in columns:
        if "top" in column:
            pairs = sorted(((value, next(counts)) for value in column["top"]), key=lambda pair: (-pair[1], pair[0]))
            column["top"], heights = pairs, [count for _, count in pairs]
        else:
            found = next(counts) or {}
            heights = [found.get(number, 0) for number in range(BINS if len(found) > 1 else len(found))]
        largest = max(heights, default=0) or 1
        column["bars"] = [round(100 * height / largest) for height in heights]


def _counts_of(column: Json) -> List[str]:
    name = column["name"]
    if "top" in column:
        return [f"count(*) FILTER (WHERE {_text(name)} = {quote(value)})" for value in column["top"]]
    low, high = column["low"], column["high"]
    step = (high / BINS - low / BINS) if low is not None else 0.0
    bucket = f"least({BINS - 1}, floor(({_number(name)} - ({low!r})) / {step!r}))" if step else f"0 * {_number(name)}"
    return [f"histogram(CAST({bucket} AS INTEGER))"]


def list_columns(types: Dict[str, str]) -> List[Tuple[str, str]]:
    return [(name, word_of(kind)) for name, kind in types.items()]


def word_of(kind: str) -> str:
    return TYPE_WORDS.get(kind, kind.lower())


def format_value(value: Any) -> Optional[str]:
    """Format a value for a table; None for a missing value."""
    if value is None:
        return None
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= MAX_CELL else text[:MAX_CELL] + "…"
