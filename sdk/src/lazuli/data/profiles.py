"""The profile of a table: for each column counts, minimum, maximum, moments, quantiles, and the distribution of its
values.

Text files are read once for it; most of it comes from one pass over their rows, and the bars from further ones over single columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from lazuli.data.compiler import name_of

if TYPE_CHECKING:
    from lazuli.data.engine import Reader

Json = Dict[str, Any]
MAX_COLUMNS, MAX_CELL = 300, 300
BINS, TOP = 12, 6
# Up to so many different values of a column are counted one by one.
MAX_COUNTED = 10_000
QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
NUMBERS = ("BIGINT", "INTEGER", "DOUBLE", "FLOAT", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "DECIMAL")
# SDK v1's words for the types of DuckDB.
TYPE_WORDS = {"BIGINT": "long", "DOUBLE": "float", "VARCHAR": "string", "TIMESTAMP": "datetime", "BOOLEAN": "bool"}


def make_profile(reader: Reader, limit: Optional[int] = None) -> Json:
    """`row_count` and `columns`; of the first `limit` rows."""
    if limit is None:
        reader.store_rows()
    types = list(reader.fetch_types().items())
    shown = types[:MAX_COLUMNS]
    misfits = count_misfits(reader, [name for name, _ in shown], limit)
    rows = f"({reader.query.sql})"
    if limit is not None:
        reader.execute(f"CREATE TEMP TABLE sample AS SELECT * FROM {rows} LIMIT {int(limit)}")
        rows = "sample"
    expressions = ["count(*)"]
    for name, kind in shown:
        expressions += _aggregates(name, kind)
    count, *values = reader.execute(f"SELECT {', '.join(expressions)} FROM {rows}")[0]
    columns, start = [], 0
    for (name, kind), errors in zip(shown, misfits):
        width = len(_aggregates(name, kind))
        columns.append({**_describe(name, kind, count, values[start : start + width]), "errors": errors})
        start += width
    _add_bars(reader, dict(shown), columns, rows)
    return {"row_count": count, "column_count": len(types), "columns": columns}


def _aggregates(name: str, kind: str) -> List[str]:
    column = name_of(name)
    found = [f"count({column})", f"approx_count_distinct({column})", f"min({column})", f"max({column})"]
    if kind == "VARCHAR":
        return [*found, f"max(strlen({column}))"]
    if not is_number(kind):
        return found
    number, points = _number(name, kind), ", ".join(map(repr, QUANTILES))
    moments = [f"{word}({number})" for word in ("avg", "stddev_samp", "skewness", "kurtosis", "min", "max")]
    return [*found, *moments, f"approx_quantile({number}, [{points}])"]


def _number(name: str, kind: str) -> str:
    """Infinite values would make every moment meaningless."""
    number = f"CAST({name_of(name)} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END" if kind in ("DOUBLE", "FLOAT") else number


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
    if kind == "VARCHAR":
        found["longest"] = more[0]
    elif more:
        mean, deviation, skewness, kurtosis, low, high, quantiles = more
        variance = None if deviation is None else deviation * deviation
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


def _add_bars(reader: Reader, kinds: Dict[str, str], columns: Sequence[Json], rows: str) -> None:
    """The most frequent values in `top`, as pairs of value and count, and bars of heights from 0 to 100."""
    numbers = [column for column in columns if "mean" in column]
    parts = [_histogram_of(column, kinds[column["name"]]) for column in numbers]
    found = {}
    if parts:
        values = reader.execute(f"SELECT {', '.join(parts)} FROM {rows}")[0]
        found = {column["name"]: value for column, value in zip(numbers, values)}
    for column in columns:
        if "mean" in column:
            counts = found[column["name"]] or {}
            heights = [counts.get(number, 0) for number in range(BINS if len(counts) > 1 else len(counts))]
        else:
            column["top"] = reader.execute(_select_top(column, kinds[column["name"]], rows))
            heights = [count for _, count in column["top"]]
        largest = max(heights, default=0) or 1
        column["bars"] = [round(100 * height / largest) for height in heights]


def _select_top(column: Json, kind: str, rows: str) -> str:
    """The values of a column that come most often: counted, or of many different ones those that an estimate finds."""
    name = name_of(column["name"])
    longest = column.pop("longest", None)
    is_short = kind == "BOOLEAN" or kind.startswith(("TIMESTAMP", "DATE")) or longest in range(MAX_CELL + 1)
    # Grouping is much faster without an expression on each row.
    value = name if is_short else f"CAST({name} AS VARCHAR)[:{MAX_CELL}]"
    values = f"SELECT {value} AS value FROM {rows}"
    if column["distinct"] > MAX_COUNTED:
        found = f"SELECT unnest(approx_top_k(value, {TOP})) FROM ({values})"
        values = f"SELECT value FROM ({values}) WHERE value IN ({found})"
    return (
        f"SELECT CAST(value AS VARCHAR), count(*) FROM ({values}) WHERE value IS NOT NULL "
        f"GROUP BY value ORDER BY 2 DESC, 1 LIMIT {TOP}"
    )


def _histogram_of(column: Json, kind: str) -> str:
    low, high, number = column["low"], column["high"], _number(column["name"], kind)
    step = (high / BINS - low / BINS) if low is not None else 0.0
    bucket = f"least({BINS - 1}, floor(({number} - ({low!r})) / {step!r}))" if step else f"0 * {number}"
    return f"histogram(CAST({bucket} AS INTEGER))"


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
