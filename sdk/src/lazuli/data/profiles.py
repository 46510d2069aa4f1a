"""The profile of a table: for each column counts, minimum, maximum, moments, quantiles, and the distribution of its
values.

Text files are read once for it, and then their rows a few times from a copy. What is estimated comes from some rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from lazuli.data.compiler import name_of

if TYPE_CHECKING:
    from lazuli.data.engine import Reader

Json = Dict[str, Any]
MAX_COLUMNS, MAX_CELL = 300, 300
BINS, TOP = 12, 6
# Up to so many different values of a column are counted one by one.
MAX_COUNTED = 10_000
# Quantiles, and candidates for the most frequent values, are estimated from at most so many rows, and so many values of
# all columns together.
MIN_PICKED, MAX_PICKED, MAX_PICKED_VALUES = 100_000, 500_000, 20_000_000
QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
NUMBERS = ("BIGINT", "INTEGER", "DOUBLE", "FLOAT", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "DECIMAL")
# SDK v1's words for the types of DuckDB.
TYPE_WORDS = {"BIGINT": "long", "DOUBLE": "float", "VARCHAR": "string", "TIMESTAMP": "datetime", "BOOLEAN": "bool"}


def make_profile(reader: Reader, limit: Optional[int] = None) -> Json:
    """`row_count` and `columns`; of the first `limit` rows."""
    if limit is None:
        reader.store_rows(in_order=False)
    types = list(reader.fetch_types().items())
    shown = dict(types[:MAX_COLUMNS])
    misfits = count_misfits(reader, list(shown), limit)
    rows = f"({reader.query.sql})"
    if limit is not None:
        reader.execute(f"CREATE TEMP TABLE first_rows AS SELECT * FROM {rows} LIMIT {int(limit)}")
        rows = "first_rows"
    count, columns = _count_values(reader, shown, rows)
    for column, errors in zip(columns, misfits):
        column["errors"] = errors
    picked = _pick_rows(reader, columns, rows, count)
    _add_moments(reader, [column for column in columns if "low" in column], rows, picked)
    for column in columns:
        if "low" not in column:
            column["top"] = reader.execute(_select_top(column, shown[column["name"]], rows, picked))
        _add_bars(column)
    return {"row_count": count, "column_count": len(types), "columns": columns}


def _count_values(reader: Reader, kinds: Dict[str, str], rows: str) -> Tuple[int, List[Json]]:
    """The number of rows; and of each column what a pass over it finds. Numbers have `low` and `high`, None without one."""
    expressions = ["count(*)"]
    for name, kind in kinds.items():
        of = name_of(name)
        expressions += [f"count({of})", f"approx_count_distinct({of})", f"min({of})", f"max({of})"]
        expressions.append(f"max(strlen({of}))" if kind == "VARCHAR" else "NULL")
    count, *values = reader.execute(f"SELECT {', '.join(expressions)} FROM {rows}")[0]
    columns = []
    for number, (name, kind) in enumerate(kinds.items()):
        there, distinct, lowest, highest, longest = values[5 * number : 5 * number + 5]
        column: Json = {"name": name, "type": word_of(kind), "count": count, "missing": count - there}
        # It is estimated, and can be more than there are.
        column["distinct"] = min(distinct, there)
        column.update(min=format_value(lowest), max=format_value(highest))
        if kind == "VARCHAR":
            column["longest"] = longest
        elif is_number(kind):
            column["low"], column["high"] = _find_range(reader, name, (lowest, highest), rows)
        columns.append(column)
    return count, columns


def _find_range(reader: Reader, name: str, found: Sequence[Any], rows: str) -> Sequence[Optional[float]]:
    """The lowest and the highest number that is not infinite."""
    low, high = (None if value is None else float(value) for value in found)
    if low is None or high is None or (math.isfinite(low) and math.isfinite(high)):
        return low, high
    number = _number(name, is_finite=False)
    return reader.execute(f"SELECT min({number}), max({number}) FROM {rows}")[0]


def _number(name: str, is_finite: bool) -> str:
    """Infinite values would make every moment meaningless."""
    number = f"CAST({name_of(name)} AS DOUBLE)"
    return number if is_finite else f"CASE WHEN isfinite({number}) THEN {number} END"


def _pick_rows(reader: Reader, columns: Sequence[Json], rows: str, count: int) -> str:
    """A table of some rows, chosen at random, for what is estimated; all rows if they are not many."""
    names = [column["name"] for column in columns if "low" in column or column["distinct"] > MAX_COUNTED]
    wanted = min(MAX_PICKED, max(MIN_PICKED, MAX_PICKED_VALUES // max(len(names), 1)))
    if count <= wanted or not names:
        return rows
    listed, percent = ", ".join(map(name_of, names)), 100 * wanted / count
    reader.execute(
        f"CREATE TEMP TABLE picked_rows AS SELECT {listed} FROM {rows} USING SAMPLE {percent!r} PERCENT (bernoulli)"
    )
    return "picked_rows"


def _add_moments(reader: Reader, columns: Sequence[Json], rows: str, picked: str) -> None:
    """Quantiles, which are estimated; mean, moments and the distribution, which are not."""
    if not columns:
        return
    numbers = [_number(column["name"], is_finite=_is_finite(column)) for column in columns]
    # One by one, as each keeps its values in memory.
    near = [_find_quantiles(reader, number, picked) for number in numbers]
    scales = [_find_scale(column, mean) for column, (mean, _) in zip(columns, near)]
    parts = []
    for column, number, (center, unit) in zip(columns, numbers, scales):
        one = f"(({number} - ({center!r})) * {1 / unit!r})"
        parts += [f"count({number})", *(f"sum({' * '.join([one] * power)})" for power in (1, 2, 3, 4))]
        parts.append(_histogram_of(column, number))
    values = reader.execute(f"SELECT {', '.join(parts)} FROM {rows}")[0]
    for index, column in enumerate(columns):
        count, *sums, histogram = values[6 * index : 6 * index + 6]
        column.update(_describe_moments(count, sums, *scales[index]))
        column.update(quantiles=near[index][1], histogram=histogram)


def _find_quantiles(reader: Reader, number: str, picked: str) -> Tuple[Optional[float], List[float]]:
    """The mean and the quantiles of these rows."""
    points = ", ".join(map(repr, QUANTILES))
    mean, found = reader.execute(f"SELECT avg({number}), quantile_disc({number}, [{points}]) FROM {picked}")[0]
    return mean, list(found or [])


def is_number(kind: str) -> bool:
    return kind.split("(")[0] in NUMBERS


def _is_finite(column: Json) -> bool:
    """Whether no value is infinite, as the texts of the lowest and the highest tell."""
    return not {"inf", "-inf", "nan"} & {column["min"], column["max"]}


def _find_scale(column: Json, near_mean: Optional[float]) -> Tuple[float, float]:
    """A center near the mean, so that sums of powers keep their precision, and a power of two as unit, so that they do not
    become too large."""
    if column["low"] is None or near_mean is None or not math.isfinite(near_mean):
        return 0.0, 1.0
    center = float(round(near_mean)) if column["type"] == "long" else near_mean
    width = max(abs(column["high"] - center), abs(column["low"] - center))
    return center, math.ldexp(1.0, min(max(math.frexp(width)[1], -1000), 1000)) if width else 1.0


def _describe_moments(count: int, sums: Sequence[Optional[float]], center: float, unit: float) -> Json:
    """From the sums of the first four powers of the distances to the center, in units; as pandas computes them."""
    found: Json = dict.fromkeys(("mean", "deviation", "variance", "skewness", "kurtosis"))
    if not count:
        return found
    mean, *raw = (float(one or 0) / count for one in sums)
    found["mean"] = center + unit * mean
    second = max(raw[0] - mean**2, 0.0)
    third = raw[1] - 3 * mean * raw[0] + 2 * mean**3
    fourth = raw[2] - 4 * mean * raw[1] + 6 * mean**2 * raw[0] - 3 * mean**4
    if count > 1:
        found["deviation"] = unit * math.sqrt(second * count / (count - 1))
        found["variance"] = found["deviation"] ** 2
    if count > 2 and second:
        found["skewness"] = math.sqrt(count * (count - 1)) / (count - 2) * third / second**1.5
    if count > 3 and second:
        excess = (count + 1) * fourth / second**2 - 3 * (count - 1)
        found["kurtosis"] = (count - 1) / ((count - 2) * (count - 3)) * excess
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


def _add_bars(column: Json) -> None:
    """Bars of heights from 0 to 100: of ranges of numbers, or of the most frequent values."""
    if "histogram" in column:
        counts = column.pop("histogram") or {}
        heights = [counts.get(number, 0) for number in range(BINS if len(counts) > 1 else len(counts))]
    else:
        heights = [count for _, count in column["top"]]
    largest = max(heights, default=0) or 1
    column["bars"] = [round(100 * height / largest) for height in heights]


def _select_top(column: Json, kind: str, rows: str, picked: str) -> str:
    """The values of a column that come most often, as pairs of value and count: of many different ones those that an
    estimate finds."""
    name = name_of(column["name"])
    longest = column.pop("longest", None)
    is_short = kind == "BOOLEAN" or kind.startswith(("TIMESTAMP", "DATE")) or longest in range(MAX_CELL + 1)
    # Grouping is much faster without an expression on each row.
    value = name if is_short else f"CAST({name} AS VARCHAR)[:{MAX_CELL}]"
    values = f"SELECT {value} AS value FROM {rows}"
    if column["distinct"] > MAX_COUNTED:
        found = f"SELECT unnest(approx_top_k({value}, {TOP})) FROM {picked}"
        values = f"SELECT value FROM ({values}) WHERE value IN ({found})"
    return (
        f"SELECT CAST(value AS VARCHAR), count(*) FROM ({values}) WHERE value IS NOT NULL "
        f"GROUP BY value ORDER BY 2 DESC, 1 LIMIT {TOP}"
    )


def _histogram_of(column: Json, number: str) -> str:
    low, high = column["low"], column["high"]
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
