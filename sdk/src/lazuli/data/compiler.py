"""Steps to SQL of DuckDB. All columns of text are read as text and then cast, so that what does not fit becomes null, or is found.

Every name and value is quoted here; nothing that a person writes becomes SQL by itself.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from lazuli.data.definitions import ENCODINGS, NO_HEADER
from lazuli.data.errors import DatasetExecutionError
from lazuli.data.inference import DATE_FORMATS, HEAD_BYTES, decode_head, name_columns, read_rows
from lazuli.data.partitions import PartitionFormat

MAX_LINE_BYTES = 16 * 1024 * 1024
# Bytes that the engine reads at a time. Its default is 32 times the longest line, far too much memory for most files.
BLOCK_BYTES = 2 * MAX_LINE_BYTES
# Flags in a whole number.
BITS = 60
# The last two are columns that only the SQL here knows.
PATH, ROW, FILE = "Path", "row number of lazuli", "file of lazuli"
SQL_TYPES = {"bool": "BOOLEAN", "long": "BIGINT", "float": "DOUBLE", "datetime": "TIMESTAMP", "string": "VARCHAR"}
COMPARISONS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
TESTS = {"contains": "contains", "starts_with": "starts_with", "ends_with": "ends_with"}


class LocalFile(NamedTuple):
    """A file of the dataset on this machine; `path` is its path in the datastore, for messages and columns."""

    local: str
    path: str
    # Only its first bytes are here.
    is_head: bool = False


class Cast(NamedTuple):
    """The cast of a column of text: `sql` has it as text under the name `source`, and its file under FILE. `is_misfit` is the
    condition for a value that does not have the type of the column."""

    sql: str
    source: str
    expression: str
    is_misfit: str


def _build_cast(sql: str, source: str, expression: str) -> Cast:
    return Cast(sql, source, expression, f"({expression}) IS NULL AND {_has_text(name_of(source))}")


def _has_text(column: str) -> str:
    return f"{column} IS NOT NULL AND trim(CAST({column} AS VARCHAR)) <> ''"


class Query(NamedTuple):
    """`columns` in their order; `casts` are those whose type was cast."""

    sql: str
    columns: List[str]
    casts: Dict[str, Cast]


def compile_query(definition: Mapping[str, Any], files: Sequence[LocalFile]) -> Query:
    """The SQL that reads the files and does the steps. Raises DatasetExecutionError."""
    if not files:
        raise DatasetExecutionError("The paths of the dataset do not match any files.")
    reader, *steps = definition["steps"]
    return apply_steps(_READERS[reader["type"]](reader, files), steps)


def apply_steps(query: Query, steps: Sequence[Mapping[str, Any]]) -> Query:
    """The steps that follow the reading one."""
    for number, step in enumerate(steps, 1):
        apply = _STEPS[step["type"]]
        try:
            query = apply(query, step)
        except DatasetExecutionError as error:
            raise DatasetExecutionError(f"Step {number + 1}, {step['type']}: {error.message}") from error
    return query


def number_misfits(query: Query) -> Tuple[str, Dict[str, str]]:
    """The SQL of a query without further steps that also has, in whole numbers of 60 bits, which values of a row do not have the
    type of their column; and for each column the condition for that."""
    tail = f" FROM ({next(iter(query.casts.values())).sql})"
    raw = {name: name_of(f"text {number} of lazuli") for number, name in enumerate(query.casts)}
    texts = "".join(f", {name_of(cast.source)} AS {raw[name]}" for name, cast in query.casts.items())
    names, bits, conditions = list(query.casts), [], {}
    for start in range(0, len(names), BITS):
        column = name_of(f"misfits {start} of lazuli")
        parts = []
        for bit, name in enumerate(names[start : start + BITS]):
            misfit = f"{name_of(name)} IS NULL AND {_has_text(raw[name])}"
            parts.append(f"CASE WHEN {misfit} THEN {1 << bit} ELSE 0 END")
            conditions[name] = f"({column} >> {bit}) & 1 = 1"
        bits.append(f"CAST({' + '.join(parts)} AS BIGINT) AS {column}")
    columns = ", ".join(map(name_of, query.columns))
    inner = query.sql[: -len(tail)] + texts + tail
    return f"SELECT {columns}, {', '.join(bits)} FROM ({inner})", conditions


# ---- reading


def _read_delimited(reader: Mapping[str, Any], files: Sequence[LocalFile]) -> Query:
    header = reader.get("header", 3)
    heads = [_read_header(reader, file) for file in files]
    used = [(file, names) for file, names in zip(files, heads) if names is not None]
    if not used:
        raise DatasetExecutionError(f"{files[0].path} is empty.")
    first = used[0][1]
    for file, names in used[1:]:
        if header == 3 and names != first:
            raise DatasetExecutionError(
                f"{file.path}, line 1: the header is {', '.join(names)[:300]}, but {used[0][0].path} has "
                f"{', '.join(first)[:300]}."
            )
        if header in (0, 1) and len(names) != len(first):
            raise DatasetExecutionError(
                f"{file.path}, line 1: {len(names)} columns, but {used[0][0].path} has {len(first)}."
            )
    if header == 2:
        tables = [_scan(reader, [file], names, has_header=True) for file, names in used]
        columns = list(dict.fromkeys(name for _, names in used for name in names))
        sql = " UNION ALL BY NAME ".join(tables)
    elif header == 1:
        tables = [_scan(reader, [file], first, has_header=number == 0) for number, (file, _) in enumerate(used)]
        columns, sql = first, " UNION ALL ".join(tables)
    else:
        columns, sql = first, _scan(reader, [file for file, _ in used], first, has_header=header != NO_HEADER)
    given = reader.get("column_types") or {}
    kinds = {name: given.get(name, {"type": "string"}) for name in columns if name not in _names_of_paths(reader)}
    return _cast(_add_paths(sql, columns, reader, [file for file, _ in used]), columns, kinds, reader)


def _read_header(reader: Mapping[str, Any], file: LocalFile) -> Optional[List[str]]:
    """The names of a file's columns; None if it is empty."""
    with open(file.local, "rb") as source:
        data = source.read(HEAD_BYTES + 1)
    text = decode_head(data[:HEAD_BYTES], reader.get("encoding", "utf8"), file.path, len(data) <= HEAD_BYTES)
    rows = read_rows(text, reader.get("separator", ","), file.path)
    row = next(rows, None)
    return None if row is None else name_columns(row, reader.get("header", 3))


def _scan(reader: Mapping[str, Any], files: Sequence[LocalFile], names: Sequence[str], has_header: bool) -> str:
    separator = reader.get("separator", ",")
    columns = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in names)
    options = {
        "header": "true" if has_header else "false",
        "delim": quote(separator),
        "quote": quote('"' if len(separator) == 1 else ""),
        "escape": quote('"' if len(separator) == 1 else ""),
        "columns": "{" + columns + "}",
        "auto_detect": "false",
        "nullstr": "''",
        "max_line_size": str(MAX_LINE_BYTES),
        "buffer_size": str(BLOCK_BYTES),
        "filename": quote(FILE),
        "encoding": quote("utf-8"),
    }
    words = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"SELECT * FROM read_csv([{', '.join(quote(file.local) for file in files)}], {words})"


def _names_of_paths(reader: Mapping[str, Any]) -> List[str]:
    """The columns that come from the paths; they replace those of the files."""
    partition = reader.get("partition_format")
    names = [name for name, _ in PartitionFormat(partition).names] if partition else []
    return [*([PATH] if reader.get("include_path") else []), *names]


def _add_paths(sql: str, columns: List[str], reader: Mapping[str, Any], files: Sequence[LocalFile]) -> str:
    """Add the columns of the paths. The name of the local file stays under FILE."""
    added: Dict[str, Dict[str, Any]] = {}
    dates: List[str] = []
    if reader.get("include_path"):
        added[PATH] = {file.local: "/" + file.path.lstrip("/") for file in files}
    if reader.get("partition_format"):
        partition = PartitionFormat(reader["partition_format"])
        values = {file.local: partition.read(file.path) for file in files}
        for name, is_date in partition.names:
            added[name] = {local: found[name] for local, found in values.items()}
            dates += [name] if is_date else []
    parts = [name_of(name) for name in columns if name not in added]
    for name, by_file in added.items():
        pairs = ", ".join(f"{quote(local)}: {literal(value)}" for local, value in by_file.items())
        parts.append(f"MAP {{{pairs}}}[{name_of(FILE)}] AS {name_of(name)}")
    columns[:] = [*(name for name in columns if name not in added), *added]
    parts.append(name_of(FILE))
    return f"SELECT {', '.join(parts)} FROM ({sql})"


def _cast(sql: str, columns: List[str], kinds: Mapping[str, Mapping[str, Any]], reader: Mapping[str, Any]) -> Query:
    parts, casts = [], {}
    for name in columns:
        kind = kinds.get(name)
        if kind is None:
            # A column of the paths.
            parts.append(name_of(name))
        elif kind["type"] == "string":
            keep = f"COALESCE({name_of(name)}, '')" if reader.get("empty_as_string") else name_of(name)
            parts.append(f"{keep} AS {name_of(name)}")
        else:
            expression = cast_expression(name_of(name), kind)
            casts[name] = _build_cast(sql, name, expression)
            parts.append(f"{expression} AS {name_of(name)}")
    return Query(f"SELECT {', '.join(parts)} FROM ({sql})", columns, casts)


def cast_expression(column: str, kind: Mapping[str, Any]) -> str:
    """A column of text as this type; null for what does not fit."""
    # Nearly no value has spaces around it, and removing them takes longer than reading it.
    trimmed = f"trim({column})"
    if kind["type"] == "long":
        # DuckDB would also take 1.7, 1e3 and 0x10; those do not read the same when they are text again.
        number = f"TRY_CAST({column} AS BIGINT)"
        digits = f"regexp_full_match({trimmed}, '[+-]?[0-9]+')"
        return (
            f"CASE WHEN CAST({number} AS VARCHAR) = {column} THEN {number} "
            f"WHEN {digits} THEN TRY_CAST({trimmed} AS BIGINT) END"
        )
    if kind["type"] == "bool":
        words = "WHEN 'true' THEN true WHEN 'false' THEN false"
        return f"CASE {column} {words} ELSE CASE lower({trimmed}) {words} END END"
    if kind["type"] == "float":
        if kind.get("decimal_mark") == ",":
            return f"TRY_CAST(replace({trimmed}, ',', '.') AS DOUBLE)"
        return f"COALESCE(TRY_CAST({column} AS DOUBLE), TRY_CAST({trimmed} AS DOUBLE))"
    if kind["type"] == "datetime":
        formats = ", ".join(map(quote, kind.get("formats") or DATE_FORMATS))
        return f"COALESCE(TRY_STRPTIME({column}, [{formats}]), TRY_STRPTIME({trimmed}, [{formats}]))"
    return column


def _load_engine() -> Any:
    """Load files whose columns only DuckDB knows."""
    from lazuli.data import engine  # start-up time

    return engine


def _read_parquet(reader: Mapping[str, Any], files: Sequence[LocalFile]) -> Query:
    engine = _load_engine()
    engine.check_same_columns(files)
    paths = ", ".join(quote(file.local) for file in files)
    sql = f"SELECT * FROM read_parquet([{paths}], filename={quote(FILE)})"
    return _described(sql, engine.describe_columns(sql, files), reader, files)


def _read_json_lines(reader: Mapping[str, Any], files: Sequence[LocalFile]) -> Query:
    """Columns of several types, lists and objects are JSON as text."""
    engine = _load_engine()
    paths = f"[{', '.join(quote(file.local) for file in files)}]"
    drop = reader.get("invalid_lines") == "drop"
    objects = f"{paths}, filename={quote(FILE)}, ignore_errors={'true' if drop else 'false'}, "
    objects += f"format='newline_delimited', maximum_object_size={MAX_LINE_BYTES}"
    options = f"{objects}, records='true'"
    found = engine.describe_columns(
        f"SELECT * FROM read_json_auto({options}, union_by_name=true, maximum_depth=2)", files
    )
    kinds = [(name, _json_type(kind)) for name, kind in found if name != FILE]
    if drop:
        # With read_json a line that is no JSON would be a row without values.
        pairs = ", ".join(f"{json.dumps(name)}: {json.dumps(kind)}" for name, kind in kinds)
        row = f"unnest(json_transform(json, {quote('{' + pairs + '}')}))"
        sql = f"SELECT {row}, {name_of(FILE)} FROM read_ndjson_objects({objects}) WHERE json IS NOT NULL"
    else:
        columns = ", ".join(f"{quote(name)}: {quote(kind)}" for name, kind in kinds)
        sql = f"SELECT * FROM read_json({options}, columns={{{columns}}})"
    return _described(sql, [*kinds, (FILE, "VARCHAR")], reader, files)


def _json_type(kind: str) -> str:
    if kind == "DATE":
        return "TIMESTAMP"
    return kind if kind in ("BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "VARCHAR") else "JSON"


def _described(
    sql: str, described: Sequence[Tuple[str, str]], reader: Mapping[str, Any], files: Sequence[LocalFile]
) -> Query:
    """Add the types of the files and the given types."""
    added = _names_of_paths(reader)
    types = {name: kind for name, kind in described if name != FILE and name not in added}
    columns = [name for name, _ in described if name != FILE]
    inner = _add_paths(sql, columns, reader, files)
    given = reader.get("column_types") or {}
    parts, casts = [], {}
    for name in columns:
        column = name_of(name)
        text = f"({column} ->> '$')" if types.get(name) == "JSON" else f"CAST({column} AS VARCHAR)"
        if name in given and name in types:
            expression = cast_expression(text, given[name])
            casts[name] = _build_cast(inner, name, expression)
            parts.append(f"{expression} AS {column}")
        else:
            parts.append(f"{text} AS {column}" if types.get(name) == "JSON" else column)
    return Query(f"SELECT {', '.join(parts)} FROM ({inner})", columns, casts)


_READERS = {
    "read_delimited": _read_delimited,
    "read_parquet": _read_parquet,
    "read_json_lines": _read_json_lines,
    "read_sql": _read_parquet,
}


# ---- steps


def _take(query: Query, step: Mapping[str, Any]) -> Query:
    return query._replace(sql=f"SELECT * FROM ({query.sql}) LIMIT {int(step['count'])}")


def _skip(query: Query, step: Mapping[str, Any]) -> Query:
    return query._replace(sql=f"SELECT * FROM ({query.sql}) OFFSET {int(step['count'])}")


def _split(query: Query, lower: float, upper: float, seed: int) -> Query:
    """The rows whose number falls between two shares; both parts of a split know the same numbers."""
    numbered = f"SELECT *, row_number() OVER () AS {name_of(ROW)} FROM ({query.sql})"
    number = f"hash({name_of(ROW)} * 1000003 + {int(seed) % 1000003}) % 1000000"
    bounds = f"{number} >= {round(lower * 1_000_000)} AND {number} < {round(upper * 1_000_000)}"
    return query._replace(sql=f"SELECT * EXCLUDE ({name_of(ROW)}) FROM ({numbered}) WHERE {bounds}")


def _keep(query: Query, step: Mapping[str, Any]) -> Query:
    names = [_find(query, name) for name in step["columns"]]
    sql = f"SELECT {', '.join(map(name_of, names))} FROM ({query.sql})"
    return Query(sql, names, {name: cast for name, cast in query.casts.items() if name in names})


def _drop(query: Query, step: Mapping[str, Any]) -> Query:
    names = [_find(query, name) for name in step["columns"]]
    left = [name for name in query.columns if name not in names]
    if not left:
        raise DatasetExecutionError("No columns are left.")
    return _keep(query, {"columns": left})


def _rename(query: Query, step: Mapping[str, Any]) -> Query:
    names = {_find(query, old): new for old, new in step["names"].items()}
    columns = [names.get(name, name) for name in query.columns]
    double = next((name for name in columns if columns.count(name) > 1), None)
    if double is not None:
        raise DatasetExecutionError(f"Two columns would have the name {double!r}.")
    parts = [f"{name_of(old)} AS {name_of(new)}" for old, new in zip(query.columns, columns)]
    casts = {names.get(name, name): cast for name, cast in query.casts.items()}
    return Query(f"SELECT {', '.join(parts)} FROM ({query.sql})", columns, casts)


def _filter(query: Query, step: Mapping[str, Any]) -> Query:
    return query._replace(sql=f"SELECT * FROM ({query.sql}) WHERE {_condition(query, step['expression'])}")


def _condition(query: Query, part: Mapping[str, Any]) -> str:
    if "column" in part:
        return name_of(_find(query, part["column"]))
    if "value" in part:
        value = part["value"]
        return literal(dt.datetime.fromisoformat(value) if part.get("is_datetime") else value)
    words = [_condition(query, one) for one in part["of"]]
    op = part["op"]
    if op in COMPARISONS:
        nothing = any("value" in one and one["value"] is None for one in part["of"])
        sign = {"eq": "IS NOT DISTINCT FROM", "ne": "IS DISTINCT FROM"}.get(op) if nothing else None
        return f"({words[0]} {sign or COMPARISONS[op]} {words[1]})"
    if op in TESTS:
        return f"{TESTS[op]}(CAST({words[0]} AS VARCHAR), CAST({words[1]} AS VARCHAR))"
    if op == "is_null":
        return f"({words[0]} IS NULL)"
    return f"(NOT {words[0]})" if op == "not" else f"({words[0]} {op.upper()} {words[1]})"


def _mark_timestamps(query: Query, step: Mapping[str, Any]) -> Query:
    for name in ("timestamp", "partition_timestamp"):
        if step.get(name):
            _find(query, step[name])
    return query


def _find(query: Query, name: str) -> str:
    if name in query.columns:
        return name
    shown = ", ".join(query.columns[:30]) + (", …" if len(query.columns) > 30 else "")
    raise DatasetExecutionError(f"There is no column {name!r}. The columns are {shown}.")


_STEPS: Dict[str, Any] = {
    "take": _take,
    "skip": _skip,
    "sample": lambda query, step: _split(query, 0.0, step["probability"], step["seed"]),
    "split": lambda query, step: _split(query, step["lower"], step["upper"], step["seed"]),
    "keep_columns": _keep,
    "drop_columns": _drop,
    "rename_columns": _rename,
    "filter": _filter,
    "timestamp_columns": _mark_timestamps,
}


# ---- quoting


def quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def name_of(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"CAST({quote(repr(value))} AS DOUBLE)" if isinstance(value, float) else str(value)
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP {quote(value.replace(tzinfo=None).isoformat(sep=' '))}"
    return quote(str(value))


def find_encoding(reader: Mapping[str, Any]) -> str:
    """Python's name of the encoding."""
    return ENCODINGS[reader.get("encoding", "utf8")]
