"""DuckDB, which reads the data. It is an extra of the SDK, and imported only when data is read."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import threading
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from lazuli.data.compiler import LocalFile, Query, compile_query, find_encoding, name_of
from lazuli.data.errors import DatasetExecutionError

INSTALL = "This needs the packages duckdb and pandas. Install azureml-dataset-runtime, or lazuli-sdk[data]."
# Encodings that DuckDB reads itself; files of others are rewritten first.
UTF8 = ("utf-8", "utf-8-sig", "ascii")
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_JSON_LINE = re.compile(r'in file "(?P<file>[^"]*)"[^:]*, in (?:record/value|line) (?P<line>\d+)', re.S)
_COUNT = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


def import_engine() -> Any:
    try:
        import duckdb  # optional
    except ImportError as error:
        raise DatasetExecutionError(INSTALL) from error
    return duckdb


def connect(threads: Optional[int] = None, memory: Optional[str] = None) -> Any:
    connection = import_engine().connect(":memory:")
    # Otherwise long queries would write to the standard output of the script.
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = true")
    if threads:
        connection.execute(f"SET threads = {int(threads)}")
    if memory:
        connection.execute(f"SET memory_limit = '{memory}'")
    return connection


def describe(sql: str, files: Sequence[LocalFile]) -> List[Tuple[str, str]]:
    """The columns of a query and their types."""
    with readable(files), contextlib.closing(connect(threads=1)) as connection:
        return [(str(row[0]), str(row[1])) for row in connection.execute(f"DESCRIBE {sql}").fetchall()]


class Reader:
    """Reads a dataset from files on this machine."""

    def __init__(
        self,
        definition: Mapping[str, Any],
        files: Sequence[LocalFile],
        *,
        threads: Optional[int] = None,
        memory: Optional[str] = None,
    ):
        self._folder = tempfile.mkdtemp(prefix="lazuli-data-")
        self._files = self._rewrite(definition["steps"][0], list(files))
        with readable(self._files):
            self.query: Query = compile_query(definition, self._files)
        self._connection = connect(threads, memory)

    def _rewrite(self, reader: Mapping[str, Any], files: List[LocalFile]) -> List[LocalFile]:
        """Files in UTF-8, without line breaks inside quotes unless they have a meaning."""
        codec = find_encoding(reader)
        if reader["type"] == "read_parquet" or codec in UTF8:
            return files
        found = []
        for number, file in enumerate(files):
            target = os.path.join(self._folder, f"{number}-{os.path.basename(file.local)}")
            with open(file.local, encoding=codec, newline="") as source, open(target, "w", encoding="utf-8") as output:
                try:
                    shutil.copyfileobj(source, output)
                except UnicodeDecodeError as error:
                    raise DatasetExecutionError(f"{file.path} is not {reader.get('encoding')}: {error}.") from error
            found.append(file._replace(local=target))
        return found

    def close(self) -> None:
        self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def interrupt_after(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        return timer

    def fetch_rows(self, limit: Optional[int] = None, offset: int = 0) -> List[Tuple[Any, ...]]:
        tail = f" LIMIT {int(limit)} OFFSET {int(offset)}" if limit is not None else ""
        with readable(self._files):
            rows: List[Tuple[Any, ...]] = self._connection.execute(f"SELECT * FROM ({self.query.sql}){tail}").fetchall()
        return rows

    def fetch_types(self) -> Dict[str, str]:
        with readable(self._files):
            rows = self._connection.execute(f"DESCRIBE {self.query.sql}").fetchall()
        return {str(row[0]): str(row[1]) for row in rows}

    def keep_sample(self, limit: int) -> None:
        """Keep the first rows, for `execute_on_sample`."""
        with readable(self._files):
            self._connection.execute(f"CREATE TEMP TABLE sample AS SELECT * FROM ({self.query.sql}) LIMIT {int(limit)}")

    def execute_on_sample(self, sql: str) -> List[Tuple[Any, ...]]:
        """`sql` reads from `sample`."""
        with readable(self._files):
            rows: List[Tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return rows

    def check_casts(self) -> None:
        """Raises DatasetExecutionError for the first value that has not the type of its column."""
        for name, (sql, expression) in self.query.casts.items():
            column = name_of(name)
            where = f"{column} IS NOT NULL AND trim({column}) <> '' AND ({expression}) IS NULL"
            numbered = f"SELECT *, row_number() OVER () AS number FROM ({sql})"
            with readable(self._files):
                found = self._connection.execute(
                    f"SELECT number, {column} FROM ({numbered}) WHERE {where} LIMIT 1"
                ).fetchone()
            if found:
                raise DatasetExecutionError(
                    f"Row {found[0]}, column {name!r}: {str(found[1])[:200]!r} does not have the type of the column."
                )

    def to_pandas(self) -> Any:
        """A pandas DataFrame with the types that SDK v1 gives."""
        with readable(self._files):
            try:
                frame = self._connection.execute(self.query.sql).df()
            except ImportError as error:
                raise DatasetExecutionError(INSTALL) from error
        return convert_types(frame)


def convert_types(frame: Any) -> Any:
    """Whole numbers with gaps become floats, flags with gaps objects, times nanoseconds."""
    for name in frame.columns:
        kind = str(frame[name].dtype)
        if kind in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"):
            column = frame[name]
            frame[name] = column.astype("float64" if column.hasnans else kind.lower())
        elif kind in ("Float32", "Float64"):
            frame[name] = frame[name].astype(kind.lower())
        elif kind == "boolean":
            column = frame[name]
            frame[name] = (
                column.astype(object).where(column.notna(), None) if column.isna().any() else column.astype(bool)
            )
        elif kind.startswith("datetime64[") and not kind.startswith("datetime64[ns") and "," not in kind:
            frame[name] = frame[name].astype("datetime64[ns]")
    return frame


@contextlib.contextmanager
def readable(files: Sequence[LocalFile]) -> Iterator[None]:
    """What DuckDB says of a file, with the path that the person knows and the line."""
    duckdb = import_engine()
    try:
        yield
    except duckdb.InterruptException as error:
        raise DatasetExecutionError("Reading took too long and was stopped.") from error
    except duckdb.Error as error:
        raise DatasetExecutionError(_explain(str(error), files)) from error


def _explain(text: str, files: Sequence[LocalFile]) -> str:
    name = next((file.path for file in files if file.local in text), files[0].path if len(files) == 1 else "")
    line = _LINE.search(text)
    where = ", ".join(part for part in (name, f"line {line[1]}" if line else "") if part)
    start = f"{where}: " if where else ""
    if counts := _COUNT.search(text):
        wanted, found = int(counts[1]), int(counts[2])
        return f"{start}{found} columns, where the header has {wanted}; the first that differs is column {min(wanted, found) + 1}."
    if "not utf-8" in text or "Invalid unicode" in text:
        return f"{start}the text is not UTF-8. Name the encoding of the file, such as encoding='latin1'."
    if "Maximum line size" in text:
        return f"{start}the line is longer than the 64 MB that are read."
    if "unterminated quote" in text.lower():
        return f"{start}a quote is opened and not closed."
    if "schema mismatch" in text.lower() or "parquet" in text.lower():
        return f"{start}{_first_sentence(text, files)}"
    return f"{start}{_first_sentence(text, files)}"


def _first_sentence(text: str, files: Sequence[LocalFile]) -> str:
    line = text.split("\n\n")[0].replace("\n", " ")
    for file in files:
        line = line.replace(file.local, file.path)
    return line[:500]
