"""A subset of the Kusto query language over rows in memory: `table | where … | project … | order by … | take n`."""

import dataclasses
import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from studio.errors import Invalid

Row = dict[str, Any]
OPERATORS = ("where", "project", "summarize", "order by", "sort by", "top", "take", "limit", "count", "render")
AGGREGATES = ("count()", "sum(column)", "avg(column)", "min(column)", "max(column)", "percentile(column, 95)")
CHARTS = ("timechart", "columnchart")
MAX_QUERY, MAX_RESULT = 4000, 1000
# Parentheses within parentheses.
MAX_DEPTH = 20
TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<span>\d+(?:\.\d+)?(?:d|h|m|s)\b)|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<sign>==|!=|=~|<=|>=|[<>=|(),.\[\]])|(?P<word>!?[A-Za-z_][A-Za-z0-9_]*))"""
)
UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
# Columns in all conditions, orders and lists of a query: each is computed for every row.
MAX_COLUMNS = 50
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "=~": lambda left, right: str(left).lower() == str(right).lower(),
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "contains": lambda left, right: str(right).lower() in str(left).lower(),
    "!contains": lambda left, right: str(right).lower() not in str(left).lower(),
    "has": lambda left, right: re.search(rf"(?i)(?<!\w){re.escape(str(right))}(?!\w)", str(left)) is not None,
    "startswith": lambda left, right: str(left).lower().startswith(str(right).lower()),
}


@dataclasses.dataclass(frozen=True)
class Chart:
    """A chart of `render`: the columns of numbers over the column `x`, a series for each value of `split`, if given."""

    kind: str
    x: str
    values: list[str]
    split: str = ""


@dataclasses.dataclass(frozen=True)
class Result:
    """`left_out` is the number of rows after the first MAX_RESULT."""

    columns: list[str]
    rows: list[list[Any]]
    left_out: int = 0
    chart: Chart | None = None


def refuse(message: str) -> Invalid:
    return Invalid(message, target="query")


class Query:
    """A query as tokens, read from the left."""

    columns = 0

    def __init__(self, text: str):
        if len(text) > MAX_QUERY:
            raise refuse(f"The query has {len(text):,} characters; {MAX_QUERY:,} are allowed.")
        self.tokens = list(_split(text))
        self.at = self.depth = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "the end")

    def take(self) -> tuple[str, str]:
        found = self.peek()
        self.at += 1
        return found

    def has(self, *texts: str) -> bool:
        """Take the next token if it is one of these."""
        kind, text = self.peek()
        if kind in ("sign", "word") and text in texts:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.has(text):
            raise refuse(f"{text} is expected instead of {self.peek()[1]}.")

    def take_word(self, what: str) -> str:
        kind, text = self.take()
        if kind != "word":
            raise refuse(f"{what} is expected instead of {text}.")
        return text

    def take_count(self) -> int:
        kind, text = self.take()
        if kind != "number" or not text.isdecimal():
            raise refuse(f"A number of rows is expected instead of {text}.")
        return int(text)

    def take_list(self, take_one: Callable[[], Any]) -> list[Any]:
        found = [take_one()]
        while self.has(","):
            found.append(take_one())
        return found

    def take_column(self) -> tuple[str, ...]:
        """A column, or a value in one, such as customDimensions.Content or customDimensions.["Service Name"]."""
        self.columns += 1
        if self.columns > MAX_COLUMNS:
            raise refuse(f"The query names columns more than {MAX_COLUMNS} times. Write fewer conditions.")
        path = [self.take_word("A column")]
        while self.peek() in (("sign", "."), ("sign", "[")):
            self.has(".")
            if self.has("["):
                kind, text = self.take()
                if kind != "text":
                    raise refuse(f"A text in quotes is expected instead of {text}.")
                path.append(text)
                self.expect("]")
            else:
                path.append(self.take_word("A name"))
        return tuple(path)


def _split(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise refuse(f"{text[at:].strip()[:20]!r} cannot be read.")
        kind = str(match.lastgroup)
        word = match[kind]
        yield kind, word[1:-1] if kind == "text" else word
        at = match.end()


def run_query(text: str, tables: dict[str, Callable[[], list[Row]]]) -> Result:
    """Run a query. Raises Invalid for what is not supported, with what is."""
    query = Query(text)
    table = query.take_word("A table")
    if table not in tables:
        raise refuse(f"There is no table {table}: write {' or '.join(tables)}.")
    rows, chart = tables[table](), None
    while query.has("|") and chart is None:
        if query.has("render"):
            chart = _plan_chart(query, rows)
        else:
            rows = _apply(query, rows)
    if query.peek()[0] != "end":
        raise refuse(f"{'The end' if chart else '|'} is expected instead of {query.peek()[1]}.")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    shown = [[_format(row.get(name)) for name in columns] for row in rows[:MAX_RESULT]]
    return Result(columns, shown, max(0, len(rows) - MAX_RESULT), chart)


def _format(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _apply(query: Query, rows: list[Row]) -> list[Row]:
    operator = query.take_word("An operator")
    if operator in ("order", "sort"):
        query.expect("by")
        return _order(query, rows)
    if operator in ("take", "limit"):
        return rows[: query.take_count()]
    if operator == "top":
        count = query.take_count()
        query.expect("by")
        return _order(query, rows)[:count]
    if operator == "count":
        return [{"Count": len(rows)}]
    steps = {"where": _filter, "project": _project, "summarize": _summarize}
    if operator not in steps:
        raise refuse(f"The operator {operator} is not supported. The operators are {', '.join(OPERATORS)}.")
    return steps[operator](query, rows)


# ---- where


def _filter(query: Query, rows: list[Row]) -> list[Row]:
    fits = _read_or(query)
    return [row for row in rows if fits(row)]


def _read_or(query: Query) -> Callable[[Row], bool]:
    parts = [_read_and(query)]
    while query.has("or"):
        parts.append(_read_and(query))
    return lambda row: any(part(row) for part in parts)


def _read_and(query: Query) -> Callable[[Row], bool]:
    parts = [_read_condition(query)]
    while query.has("and"):
        parts.append(_read_condition(query))
    return lambda row: all(part(row) for part in parts)


def _read_condition(query: Query) -> Callable[[Row], bool]:
    """A comparison, or conditions in parentheses."""
    is_negated = query.has("not")
    if is_negated and query.peek() != ("sign", "("):
        raise refuse(f"( is expected after not, instead of {query.peek()[1]}.")
    if not query.has("("):
        return _read_comparison(query)
    query.depth += 1
    if query.depth > MAX_DEPTH:
        raise refuse(f"More than {MAX_DEPTH} parentheses within each other are not supported.")
    fits = _read_or(query)
    query.depth -= 1
    query.expect(")")
    return (lambda row: not fits(row)) if is_negated else fits


def _read_comparison(query: Query) -> Callable[[Row], bool]:
    column = query.take_column()
    _, sign = query.take()
    if sign == "in":
        return _read_set(query, column)
    if sign not in COMPARISONS:
        raise refuse(f"{sign} is not supported in where. Write one of {', '.join(COMPARISONS)}, in.")
    compare, right = COMPARISONS[sign], _read_value(query)

    def fits(row: Row) -> bool:
        left = read_column(row, column)
        try:
            return compare(str(left) if isinstance(right, str) else _as_number(left, right), right)
        except (TypeError, ValueError) as error:
            raise refuse(f"{'.'.join(column)} cannot be compared with {right}.") from error

    return fits


def _read_set(query: Query, column: tuple[str, ...]) -> Callable[[Row], bool]:
    query.expect("(")
    values = query.take_list(lambda: _read_value(query))
    query.expect(")")
    texts = {value for value in values if isinstance(value, str)}

    def fits(row: Row) -> bool:
        left = read_column(row, column)
        return str(left) in texts or any(left == value for value in values if not isinstance(value, str))

    return fits


def _as_number(left: Any, right: Any) -> Any:
    """Result codes are texts that can be compared with numbers."""
    is_number = isinstance(right, int | float) and not isinstance(right, bool)
    return float(left) if is_number and isinstance(left, str) else left


def _read_value(query: Query) -> Any:
    kind, text = query.take()
    if kind == "text":
        return text
    if kind == "number":
        return float(text)
    if text in ("true", "false"):
        return text == "true"
    if text in ("ago", "datetime"):
        query.expect("(")
        kind, given = query.take()
        query.expect(")")
        return _read_time(text, kind, given)
    raise refuse(f"A value is expected instead of {text}: a text in quotes, a number, true, false, ago(1h).")


def _read_time(function: str, kind: str, given: str) -> dt.datetime:
    try:
        if function == "ago" and kind == "span":
            return dt.datetime.now(dt.UTC) - _read_span(given)
        if function == "datetime" and kind == "text":
            found = dt.datetime.fromisoformat(given)
            return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError) as error:
        raise refuse(f"{function}({given}) is not a time: {error}.") from error
    raise refuse(f'{function}({given}) is not a time: write ago(1h) or datetime("2026-01-31T12:00:00").')


def _read_span(text: str) -> dt.timedelta:
    try:
        return dt.timedelta(seconds=float(text[:-1]) * UNITS[text[-1]])
    except OverflowError as error:
        raise refuse(f"{text[:40]} is too long.") from error


def read_column(row: Row, column: tuple[str, ...]) -> Any:
    value: Any = row
    for number, name in enumerate(column):
        if not isinstance(value, dict) or (number == 0 and name not in value):
            raise refuse(f"There is no column {name}. The columns are {', '.join(row)}.")
        value = value.get(name, "")
    return value


# ---- project, order by, summarize


def _project(query: Query, rows: list[Row]) -> list[Row]:
    columns = query.take_list(lambda: _take_named(query))
    return [{name: read_column(row, column) for name, column in columns} for row in rows]


def _take_named(query: Query) -> tuple[str, tuple[str, ...]]:
    """A column, or NAME = column."""
    column = query.take_column()
    if len(column) == 1 and query.has("="):
        return column[0], query.take_column()
    return "_".join(column), column


def _order(query: Query, rows: list[Row]) -> list[Row]:
    keys = query.take_list(lambda: (query.take_column(), query.has("desc") or not query.has("asc")))
    for column, is_descending in reversed(keys):
        try:
            rows = sorted(rows, key=lambda row: read_column(row, column), reverse=is_descending)
        except TypeError as error:
            raise refuse(f"{'.'.join(column)} has values that cannot be ordered.") from error
    return rows


@dataclasses.dataclass(frozen=True)
class Aggregate:
    name: str
    function: str
    column: tuple[str, ...]
    # From 0 to 100, for a percentile.
    percent: float = 0

    def compute(self, rows: list[Row]) -> Any:
        if self.function == "count":
            return len(rows)
        values = [read_column(row, self.column) for row in rows]
        if not values:
            return 0 if self.function == "sum" else None
        try:
            functions: dict[str, Callable[[list], Any]] = {
                "sum": sum,
                "min": min,
                "max": max,
                "avg": lambda found: sum(found) / len(found),
                "percentile": lambda found: sorted(found)[max(0, math.ceil(self.percent / 100 * len(found)) - 1)],
            }
            return functions[self.function](values)
        except TypeError as error:
            raise refuse(f"{self.function} needs a column of numbers, unlike {'.'.join(self.column)}.") from error


def _summarize(query: Query, rows: list[Row]) -> list[Row]:
    aggregates = query.take_list(lambda: _take_aggregate(query))
    keys = query.take_list(lambda: _take_key(query)) if query.has("by") else []
    groups: dict[tuple, list[Row]] = {} if keys or rows else {(): []}
    for row in rows:
        groups.setdefault(tuple(read(row) for _, read in keys), []).append(row)
    names = [name for name, _ in keys]
    return [
        {**dict(zip(names, key, strict=True)), **{one.name: one.compute(found) for one in aggregates}}
        for key, found in groups.items()
    ]


def _take_aggregate(query: Query) -> Aggregate:
    name, function = "", query.take_word("An aggregate")
    if query.has("="):
        name, function = function, query.take_word("An aggregate")
    if function not in ("count", "sum", "avg", "min", "max", "percentile"):
        raise refuse(f"The aggregate {function} is not supported. The aggregates are {', '.join(AGGREGATES)}.")
    query.expect("(")
    column = () if function == "count" else query.take_column()
    percent = _take_percent(query) if function == "percentile" else 0
    query.expect(")")
    name = name or f"{function}_{column[-1] if column else ''}{f'_{percent:g}' if percent else ''}".replace(" ", "_")
    return Aggregate(name, function, column, percent)


def _take_percent(query: Query) -> float:
    query.expect(",")
    kind, text = query.take()
    if kind != "number" or not 0 < float(text) <= 100:
        raise refuse(f"percentile needs a number above 0, at most 100, instead of {text}.")
    return float(text)


def _take_key(query: Query) -> tuple[str, Callable[[Row], Any]]:
    if query.peek() != ("word", "bin"):
        name, column = _take_named(query)
        return name, lambda row: _check_plain(read_column(row, column))
    query.take()
    query.expect("(")
    binned = query.take_column()
    query.expect(",")
    kind, text = query.take()
    query.expect(")")
    seconds = _read_span(text).total_seconds() if kind == "span" else 0
    if not seconds:
        raise refuse(f"bin needs a width such as 5m or 1h, not {text}.")
    return "_".join(binned), lambda row: _bin(read_column(row, binned), seconds)


def _bin(value: Any, seconds: float) -> dt.datetime:
    if not isinstance(value, dt.datetime):
        raise refuse("bin needs a column of times, such as timestamp.")
    return dt.datetime.fromtimestamp(value.timestamp() // seconds * seconds, dt.UTC)


def _check_plain(value: Any) -> Any:
    if isinstance(value, dict):
        raise refuse("Rows cannot be grouped by all of customDimensions: name a value in it.")
    return value


# ---- render


def _plan_chart(query: Query, rows: list[Row]) -> Chart:
    kind = query.take_word("A chart")
    if kind not in CHARTS:
        raise refuse(f"render {kind} is not supported. The charts are {', '.join(CHARTS)}.")
    first = rows[0] if rows else {}
    times = [name for name, value in first.items() if isinstance(value, dt.datetime)]
    values = [name for name, value in first.items() if isinstance(value, int | float) and not isinstance(value, bool)]
    texts = [name for name, value in first.items() if isinstance(value, str | bool)]
    over = times if kind == "timechart" else texts + times
    if rows and not (over and values):
        column = "times, such as bin(timestamp, 5m)," if kind == "timechart" else "texts or times"
        raise refuse(f"render {kind} needs a column of {column} and one of numbers.")
    x = next(iter(over), "")
    return Chart(kind, x, values, next((name for name in texts if name != x), ""))
