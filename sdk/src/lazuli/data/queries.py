"""The rows of an SQL query as a parquet file.

Only the studio's reading process does this: clients do not get the password of a database. A query reads, and nothing
else: PostgreSQL declares a cursor for it in a transaction that is read-only, MySQL prepares it as a derived table and
runs it in such a transaction, SQLite opens the file read-only and allows only to select.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sqlite3
import ssl
import threading
import urllib.parse
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from lazuli.data.compiler import MAX_LINE_BYTES, LocalFile, name_of, quote
from lazuli.data.definitions import QUERY_SECONDS
from lazuli.data.engine import connect, explain_errors
from lazuli.data.errors import DatasetExecutionError

Row = List[Optional[str]]
# Each column as its name and its type, which is empty for a column of SQLite without a value.
Columns = List[List[str]]
MAX_ROWS, MAX_BYTES = 5_000_000, 1024**3
# What a preview reads.
HEAD_ROWS, HEAD_BYTES = 10_000, 16 * 1024**2
CONNECT_SECONDS = 5
FETCHED = 2000
DECLARE = "DECLARE lazuli NO SCROLL CURSOR FOR "
# DuckDB's types by the number of PostgreSQL's type; all others are texts.
POSTGRESQL_TYPES = {
    **dict.fromkeys((20, 21, 23), "BIGINT"),
    **dict.fromkeys((700, 701, 1700), "DOUBLE"),
    **dict.fromkeys((1082, 1114, 1184), "TIMESTAMP"),
    16: "BOOLEAN",
}
# The same for MySQL.
MYSQL_TYPES = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13, 16), "BIGINT"),
    **dict.fromkeys((0, 4, 5, 246), "DOUBLE"),
    **dict.fromkeys((7, 10, 12), "TIMESTAMP"),
}
# Numbers of errors about a statement that takes too long: MariaDB's, MySQL's, and a server that sends nothing.
MYSQL_TIMEOUTS = (1969, 3024, 2013)
DERIVED, AS_TABLE = "SELECT * FROM (", "\n) AS lazuli"
MAX_LONG = 2**63 - 1
SQLITE_TYPES = {int: "BIGINT", float: "DOUBLE"}
ALLOWED_ACTIONS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
# They take addresses of machine code; some builds of SQLite have them.
FORBIDDEN_FUNCTIONS = ("fts3_tokenizer", "load_extension")


def write_rows(connection: Mapping[str, Any], reader: Mapping[str, Any], file: LocalFile) -> None:
    """Write the rows of the query of the step `reader`; of the head of a file the first ones. Raises
    DatasetExecutionError."""
    query, seconds = reader["query"], reader.get("query_timeout", QUERY_SECONDS)
    lines = f"{file.local}.jsonl"
    connection = {**connection, "max_rows": HEAD_ROWS if file.is_head else MAX_ROWS}
    with _OPENERS[connection["kind"]](connection, query, seconds) as (columns, rows):
        _check_names([name for name, _ in columns])
        _write_lines(rows, lines, file.is_head)
    parts = [
        f"TRY_CAST({name_of(str(number))} AS {kind or 'VARCHAR'}) AS {name_of(name)}"
        for number, (name, kind) in enumerate(columns)
    ]
    types = ", ".join(f"'{number}': 'VARCHAR'" for number in range(len(columns)))
    options = f"format='newline_delimited', columns={{{types}}}, maximum_object_size={MAX_LINE_BYTES}"
    sql = f"SELECT {', '.join(parts)} FROM read_json({quote(lines)}, {options})"
    stored = LocalFile(lines, file.path)
    with contextlib.closing(connect(threads=1, memory="256MB")) as target, explain_errors([stored]):
        target.execute(f"COPY ({sql}) TO {quote(file.local)} (FORMAT parquet)")


def _check_names(names: List[str]) -> None:
    taken: Set[str] = set()
    for name in names:
        # The engine does not tell capital letters from small ones.
        if name.casefold() in taken:
            raise DatasetExecutionError(f"Two columns of the query have the name {name!r}. Rename one with AS.")
        taken.add(name.casefold())


def _write_lines(rows: Iterator[Row], path: str, is_head: bool) -> None:
    size, max_rows, max_bytes = 0, HEAD_ROWS if is_head else MAX_ROWS, HEAD_BYTES if is_head else MAX_BYTES
    with open(path, "w", encoding="utf-8") as output:
        for count, row in enumerate(rows):
            if count >= max_rows or size > max_bytes:
                if is_head:
                    return
                limits = f"{MAX_ROWS:,} rows or {MAX_BYTES >> 20} MB"
                raise DatasetExecutionError(f"The query returns more than {limits}. Select fewer with WHERE or LIMIT.")
            size += output.write(json.dumps(dict(enumerate(row))) + "\n")


@contextlib.contextmanager
def _stop_after(seconds: int, stop: Callable[[], Any]) -> Iterator[threading.Event]:
    stopped = threading.Event()

    def end() -> None:
        stopped.set()
        stop()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield stopped
    finally:
        timer.cancel()


def _too_long(seconds: int) -> DatasetExecutionError:
    return DatasetExecutionError(f"The query took longer than {seconds} seconds, and was stopped. See query_timeout.")


def _at(query: str, position: int) -> str:
    """The line and column of a position in the query, which counts from 0."""
    before = query[:position]
    return f"The query, line {before.count(chr(10)) + 1}, column {position - before.rfind(chr(10))}"


# ---- PostgreSQL


@contextlib.contextmanager
def _open_postgresql(given: Mapping[str, Any], query: str, seconds: int) -> Iterator[Tuple[Columns, Iterator[Row]]]:
    import psycopg  # optional: the studio has it

    try:
        with psycopg.connect(
            **given["arguments"], connect_timeout=CONNECT_SECONDS, client_encoding="utf8", application_name="lazuli"
        ) as connection:
            connection.read_only = True
            with _stop_after(seconds, connection.cancel) as stopped, connection.cursor() as cursor:
                try:
                    cursor.execute("SET LOCAL TimeZone = 'UTC'")
                    cursor.execute("SET LOCAL DateStyle = 'ISO'")
                    # The binary protocol takes a single statement, and a cursor only one that reads.
                    cursor.execute(DECLARE + query, binary=True)
                    cursor.execute("FETCH FORWARD 0 FROM lazuli")
                    described = cursor.description or []
                    yield (
                        [[one.name, POSTGRESQL_TYPES.get(one.type_code, "VARCHAR")] for one in described],
                        _fetch(cursor),
                    )
                except psycopg.Error as error:
                    raise _too_long(seconds) if stopped.is_set() else _explain_postgresql(error, query) from error
    except psycopg.OperationalError as error:
        lines = str(error).strip().splitlines()
        raise DatasetExecutionError(
            f"The database does not answer: {lines[-1][:300] if lines else 'no reason given'}."
        ) from error


def _fetch(cursor: Any) -> Iterator[Row]:
    """The rows as the texts of the server."""
    while True:
        cursor.execute(f"FETCH FORWARD {FETCHED} FROM lazuli")
        found = cursor.pgresult
        if not found.ntuples:
            return
        for number in range(found.ntuples):
            values = (found.get_value(number, column) for column in range(found.nfields))
            yield [None if value is None else value.decode() for value in values]


def _explain_postgresql(error: Any, query: str) -> DatasetExecutionError:
    text = str(error.diag.message_primary or error).strip().rstrip(".")[:500]
    position = error.diag.statement_position
    where = _at(query, max(int(position) - 1 - len(DECLARE), 0)) if position else "The query"
    return DatasetExecutionError(f"{where}: {text}.")


# ---- MySQL and MariaDB


@contextlib.contextmanager
def _open_mysql(given: Mapping[str, Any], query: str, seconds: int) -> Iterator[Tuple[Columns, Iterator[Row]]]:
    try:
        import pymysql  # optional: an administrator installs it
    except ImportError as error:
        text = "The studio has no driver for MySQL. A site admin installs it by: python3 deploy/setup.py mysql"
        raise DatasetExecutionError(text) from error
    try:
        with contextlib.closing(_connect_mysql(given["arguments"], seconds)) as connection:
            try:
                with connection.cursor() as cursor:
                    _prepare_mysql(connection, cursor, query, seconds, given["max_rows"])
                with connection.cursor(pymysql.cursors.SSCursor) as cursor:
                    cursor.execute(query)
                    columns = [[one[0], MYSQL_TYPES.get(one[1], "VARCHAR")] for one in cursor.description]
                    yield columns, _fetch_mysql(cursor, columns)
            except pymysql.Error as error:
                is_late = error.args and error.args[0] in MYSQL_TIMEOUTS
                raise _too_long(seconds) if is_late else _explain_mysql(error, query) from error
    except (pymysql.OperationalError, OSError) as error:
        text = str(error.args[-1] if error.args else error).rstrip(".")[:300]
        raise DatasetExecutionError(f"The database does not answer: {text}.") from error


def _connect_mysql(given: Mapping[str, Any], seconds: int) -> Any:
    """A connection to the address that was checked; its certificate is that of the host."""
    import pymysql  # optional

    context = None if given["ssl_mode"] == "prefer" else ssl.create_default_context()
    if context and given["ssl_mode"] == "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    names = ("host", "port", "user", "password", "database")
    connection = pymysql.connect(
        **{name: given[name] for name in names},
        ssl=context,
        charset="utf8mb4",
        # No decoders: values stay texts.
        conv=pymysql.converters.encoders,
        read_timeout=seconds + CONNECT_SECONDS,
        defer_connect=True,
    )
    connection.connect(socket.create_connection((given["address"], given["port"]), CONNECT_SECONDS))
    return connection


def _prepare_mysql(connection: Any, cursor: Any, query: str, seconds: int, max_rows: int) -> None:
    """Begin a transaction that only reads, and refuse a query that is more than a table: one that writes to a file is
    no derived table."""
    is_mariadb = "mariadb" in connection.get_server_info().lower()
    limit = f"max_statement_time = {seconds}" if is_mariadb else f"max_execution_time = {1000 * seconds}"
    cursor.execute(f"SET SESSION time_zone = '+00:00', {limit}, sql_select_limit = {max_rows + 1}")
    derived = f"{DERIVED}{query.rstrip().rstrip(';')}{AS_TABLE}"
    cursor.execute(f"PREPARE lazuli FROM {connection.escape(derived)}")
    cursor.execute("DEALLOCATE PREPARE lazuli")
    cursor.execute("START TRANSACTION READ ONLY")


def _fetch_mysql(cursor: Any, columns: Columns) -> Iterator[Row]:
    for row in cursor.fetchall_unbuffered():
        values = [_as_text(value) for value in row]
        for number, (column, value) in enumerate(zip(columns, row)):
            if column[1] == "BIGINT" and isinstance(value, bytes):
                # A column of bits.
                values[number] = str(int.from_bytes(value, "big"))
            if column[1] == "BIGINT" and len(values[number] or "") > 18 and int(values[number] or "") > MAX_LONG:
                column[1] = "DOUBLE"
        yield values


def _explain_mysql(error: Any, query: str) -> DatasetExecutionError:
    """MySQL names a word or the rest of the query, whose position is known if it comes once."""
    text = re.sub(r"; check the manual .* to use", "", str(error.args[-1]).replace(AS_TABLE, "")).rstrip(".")
    word = re.search(r"near '(.+?)' at line|(?:column|Table) '(?:[^']*\.)?([^'.]+)'", text, re.DOTALL)
    name = (word[1] or word[2]) if word else ""
    where = _at(query, query.index(name)) if name and query.count(name) == 1 else "The query"
    return DatasetExecutionError(f"{where}: {text[:500]}.")


# ---- SQLite


@contextlib.contextmanager
def _open_sqlite(given: Mapping[str, Any], query: str, seconds: int) -> Iterator[Tuple[Columns, Iterator[Row]]]:
    address = f"file:{urllib.parse.quote(given['file'])}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as connection:
            connection.set_authorizer(_authorize)
            with _stop_after(seconds, connection.interrupt) as stopped:
                try:
                    cursor = connection.execute(query)
                    if cursor.description is None:
                        raise DatasetExecutionError("The query returns no rows. Write a SELECT.")
                    columns = [[str(one[0]), ""] for one in cursor.description]
                    yield columns, _convert(cursor, columns)
                except (sqlite3.Error, sqlite3.Warning) as error:
                    raise _too_long(seconds) if stopped.is_set() else _explain_sqlite(error, query) from error
    except sqlite3.OperationalError as error:
        raise DatasetExecutionError(f"The database cannot be opened: {error}.") from error


def _authorize(action: int, _: Optional[str], name: Optional[str], *others: Optional[str]) -> int:
    if action == sqlite3.SQLITE_FUNCTION and (name or "").lower() in FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in ALLOWED_ACTIONS else sqlite3.SQLITE_DENY


def _convert(cursor: Iterator[Tuple[Any, ...]], columns: Columns) -> Iterator[Row]:
    """The rows as texts; each column gets the type that fits its values until then."""
    for row in cursor:
        for column, value in zip(columns, row):
            kind = column[1] if value is None else SQLITE_TYPES.get(type(value), "VARCHAR")
            if kind != column[1]:
                both = {kind, column[1]}
                column[1] = kind if not column[1] else "DOUBLE" if both == {"BIGINT", "DOUBLE"} else "VARCHAR"
        yield [_as_text(value) for value in row]


def _as_text(value: Any) -> Optional[str]:
    if value is None:
        return None
    return value.hex() if isinstance(value, bytes) else repr(value) if isinstance(value, float) else str(value)


def _explain_sqlite(error: Exception, query: str) -> DatasetExecutionError:
    """SQLite names a word of the query but not its position, which is known if the word comes once."""
    text = str(error).rstrip(".")
    word = re.search(r'near "([^"]+)"|no such (?:column|table|function): (\S+)', text)
    name = (word[1] or word[2]) if word else ""
    where = _at(query, query.index(name)) if name and query.count(name) == 1 else "The query"
    said = "only SELECT is allowed" if text in ("not authorized", "authorization denied") else text
    return DatasetExecutionError(f"{where}: {said}.")


_OPENERS: Dict[str, Any] = {
    "AzurePostgreSql": _open_postgresql,
    "AzureMySql": _open_mysql,
    "Sqlite": _open_sqlite,
}
