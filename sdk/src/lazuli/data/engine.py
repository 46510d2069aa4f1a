"""DuckDB, which reads the data. It is an extra of the SDK, and imported only when data is read."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import itertools
import json
import os
import re
import shutil
import tempfile
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from lazuli.data.compiler import (
    FILE,
    MAX_LINE_BYTES,
    ROW,
    LocalFile,
    Query,
    apply_steps,
    compile_query,
    find_encoding,
    literal,
    name_of,
    number_misfits,
    quote,
)
from lazuli.data.definitions import FIRST_FILE, NO_HEADER, PARQUET_READERS
from lazuli.data.errors import DatasetExecutionError

INSTALL = (
    "This needs the packages duckdb and pandas, or pandas and pyarrow. Install azureml-dataset-runtime, or "
    "lazuli-sdk[data]."
)
# The form of a copy that is read a few times: dictionaries of columns with many different values would take too long.
STORED = "FORMAT parquet, COMPRESSION lz4_raw, DICTIONARY_SIZE_LIMIT 8192, WRITE_BLOOM_FILTER false"
PLAIN_TYPES = {"DATE": "TIMESTAMP", "DECIMAL": "DOUBLE", "HUGEINT": "DOUBLE"}
# Encodings that DuckDB reads itself; files of others are rewritten first.
UTF8 = ("utf-8", "utf-8-sig", "ascii")
# Maps messages of DuckDB to the messages that are shown instead.
EXPLANATIONS = {
    "not utf-8": "the text is not UTF-8. Name the encoding of the file, such as encoding='latin1'.",
    "Invalid unicode": "the text is not UTF-8. Name the encoding of the file, such as encoding='latin1'.",
    "Maximum line size": f"a line is longer than {MAX_LINE_BYTES >> 20} MB.",
    "maximum_object_size": f"a line is longer than {MAX_LINE_BYTES >> 20} MB.",
    "unterminated quote": "a quote is opened and not closed.",
    "No magic bytes": "this is not a parquet file.",
    "too small to be a Parquet": "this is not a parquet file.",
    "Out of Memory": "reading needs more memory than is allowed.",
    "File too large": "the rows need more space than is allowed.",
}
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_COUNT = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


def import_engine() -> Any:
    try:
        import duckdb  # optional
    except ImportError as error:
        raise DatasetExecutionError(INSTALL) from error
    return duckdb


def is_installed() -> bool:
    return importlib.util.find_spec("duckdb") is not None


def connect(threads: Optional[int] = None, memory: Optional[str] = None, folder: Optional[str] = None) -> Any:
    """Open an engine; data that does not fit into `memory` is stored in `folder`."""
    connection = import_engine().connect(":memory:")
    if folder:
        connection.execute("SET temp_directory = ?", [folder])
    # Known, but not printed: long queries would write to the standard output of the script.
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = true")
    if threads:
        connection.execute(f"SET threads = {int(threads)}")
    if memory:
        connection.execute(f"SET memory_limit = '{memory}'")
    return connection


def write_parquet(frame: Any, path: str, row_group_size: Optional[int] = None) -> None:
    """A pandas DataFrame as a file."""
    if not is_installed():
        with _explain_missing_packages():
            frame.to_parquet(path, engine="pyarrow", index=False, row_group_size=row_group_size)
        return
    with contextlib.closing(connect()) as connection, explain_errors([]):
        connection.register("frame", frame)
        options = f", ROW_GROUP_SIZE {int(row_group_size)}" if row_group_size else ""
        connection.execute(f"COPY (SELECT * FROM frame) TO {quote(path)} (FORMAT parquet{options})")


def read_parquet(path: str) -> Any:
    """A file of the studio as a pandas DataFrame, with the types that SDK v1 gives."""
    with _explain_missing_packages():
        if is_installed():
            with contextlib.closing(connect()) as connection:
                return convert_types(connection.execute(f"SELECT * FROM read_parquet({quote(path)})").df())
        import pandas  # optional

        return convert_types(pandas.read_parquet(path, engine="pyarrow"))


@contextlib.contextmanager
def _explain_missing_packages() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise DatasetExecutionError(INSTALL) from error


def describe_columns(sql: str, files: Sequence[LocalFile]) -> List[Tuple[str, str]]:
    """The columns of a query and their types."""
    with explain_errors(files), contextlib.closing(connect(threads=1)) as connection:
        return [(str(row[0]), str(row[1])) for row in connection.execute(f"DESCRIBE {sql}").fetchall()]


def check_same_columns(files: Sequence[LocalFile]) -> None:
    """Raises DatasetExecutionError for a parquet file whose columns are not those of the first one."""
    if len(files) < 2:
        return
    paths = ", ".join(quote(file.local) for file in files)
    sql = f"SELECT file_name, name, type, converted_type FROM parquet_schema([{paths}])"
    written: Dict[str, List[Tuple[Any, ...]]] = {}
    with explain_errors(files), contextlib.closing(connect(threads=1)) as connection:
        for local, *column in connection.execute(sql).fetchall():
            written.setdefault(local, []).append(tuple(column))
    for file in files[1:]:
        # Several ways of writing can be the same type.
        if written[file.local][1:] != written[files[0].local][1:]:
            _compare_columns(files[0], file)


def _compare_columns(first: LocalFile, file: LocalFile) -> None:
    wanted, found = (
        dict(describe_columns(f"SELECT * FROM read_parquet({quote(one.local)})", [one])) for one in (first, file)
    )
    for name, kind in found.items():
        if name not in wanted:
            raise DatasetExecutionError(f"{file.path} has the column {name!r}, which {first.path} does not have.")
        if kind != wanted[name]:
            text = f"{file.path}: the column {name!r} is {kind}, but {wanted[name]} in {first.path}."
            raise DatasetExecutionError(text)
    if missing := [name for name in wanted if name not in found]:
        raise DatasetExecutionError(f"{file.path} has no column {missing[0]!r}, which {first.path} has.")


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
        first, *steps = definition["steps"]
        self._folder = tempfile.mkdtemp(prefix="lazuli-data-")
        try:
            self._files = self._rewrite(first, list(files))
            if self._files != list(files):
                first = {**first, "encoding": "utf8"}
            self._definition = {**definition, "steps": [first, *steps]}
            if first["type"] not in PARQUET_READERS:
                for file in self._files:
                    check_lines(file)
            with explain_errors(self._files):
                self.query: Query = compile_query(self._definition, self._files)
            self._connection = connect(threads, memory, self._folder)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _rewrite(self, reader: Mapping[str, Any], files: List[LocalFile]) -> List[LocalFile]:
        """Files in UTF-8, without line breaks inside quotes unless they have a meaning."""
        codec = find_encoding(reader)
        if reader["type"] in PARQUET_READERS or codec in UTF8:
            return files
        found = []
        for number, file in enumerate(files):
            target = os.path.join(self._folder, f"{number}-{os.path.basename(file.local)}")
            with open(file.local, encoding=codec, newline="") as source, open(target, "w", encoding="utf-8") as output:
                try:
                    shutil.copyfileobj(source, output)
                except UnicodeError as error:
                    # Without the mark of UTF-16 or UTF-32 at its start, nothing of it is read.
                    is_unmarked = not isinstance(error, UnicodeDecodeError)
                    line = 1 if is_unmarked else _find_bad_text(file.local, codec)
                    raise DatasetExecutionError(
                        f"{file.path}, line {line}: the text is not {reader.get('encoding')}."
                    ) from error
            found.append(file._replace(local=target))
        return found

    def close(self) -> None:
        self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def files(self) -> List[LocalFile]:
        """The files as they are read."""
        return self._files

    @property
    def progress(self) -> float:
        """The progress of the query that another thread has started, from 0 to 1."""
        return max(0.0, min(float(self._connection.query_progress()), 1.0))

    def fetch_rows(self, limit: Optional[int] = None, offset: int = 0) -> List[Tuple[Any, ...]]:
        tail = f" LIMIT {int(limit)} OFFSET {int(offset)}" if limit is not None else ""
        with explain_errors(self._files):
            rows: List[Tuple[Any, ...]] = self._connection.execute(f"SELECT * FROM ({self.query.sql}){tail}").fetchall()
        return rows

    def fetch_types(self) -> Dict[str, str]:
        with explain_errors(self._files):
            rows = self._connection.execute(f"DESCRIBE {self.query.sql}").fetchall()
        return {str(row[0]): str(row[1]) for row in rows}

    def execute(self, sql: str) -> List[Tuple[Any, ...]]:
        with explain_errors(self._files):
            rows: List[Tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return rows

    def store_rows(self, in_order: bool = True) -> None:
        """Read text files once, for many queries: their rows become a parquet file, with the type of each column."""
        reader, *steps = self._definition["steps"]
        if reader["type"] in PARQUET_READERS or any(step["type"] == "take" for step in steps):
            return
        base = compile_query({**self._definition, "steps": [reader]}, self._files)
        sql, misfits = number_misfits(base) if base.casts else (base.sql, {})
        path = os.path.join(self._folder, "rows.parquet")
        # Writing in the order of the files takes longer; these steps count on it.
        in_order = in_order or any(step["type"] in ("skip", "sample", "split") for step in steps)
        self.execute(f"SET preserve_insertion_order = {literal(in_order)}")
        self.execute(f"COPY ({sql}) TO {quote(path)} ({STORED})")
        stored = f"SELECT * FROM read_parquet({quote(path)})"
        casts = {name: base.casts[name]._replace(sql=stored, is_misfit=found) for name, found in misfits.items()}
        rows = f"SELECT {', '.join(map(name_of, base.columns))} FROM ({stored})"
        self.query = apply_steps(Query(rows, base.columns, casts), steps)

    def check_casts(self) -> None:
        """Raises DatasetExecutionError for the first value that does not have the type of its column, with file and line."""
        for name, local, number, value in self.find_misfits(1):
            file = next(file for file in self._files if file.local == local)
            line = self.find_line(file, number)
            where = f"{file.path}, line {line}, column {name!r}" if line else f"{file.path}, column {name!r}"
            raise DatasetExecutionError(f"{where}: {value[:200]!r} does not have the type of the column.")

    def find_misfits(self, limit: int) -> Iterator[Tuple[str, str, int, str]]:
        """Column, local file, number of the row in it, and text of values that do not have the type of their column."""
        file = name_of(FILE)
        for name, cast in self.query.casts.items():
            numbered = f"SELECT *, row_number() OVER () AS {name_of(ROW)} FROM ({cast.sql})"
            columns = f"{file}, {name_of(ROW)}, {name_of(cast.source)}"
            for local, number, value in self.execute(
                f"SELECT {columns} FROM ({numbered}) WHERE {cast.is_misfit} LIMIT {int(limit)}"
            ):
                first = self.execute(f"SELECT min({name_of(ROW)}) FROM ({numbered}) WHERE {file} = {quote(local)}")[0][
                    0
                ]
                yield name, local, number - first + 1, str(value)

    def find_line(self, file: LocalFile, number: int) -> Optional[int]:
        """The line of a file in which its row with this number ends."""
        reader = self._definition["steps"][0]
        if reader["type"] != "read_delimited":
            return number if reader["type"] == "read_json_lines" else None
        header = reader.get("header", 3)
        has_header = header != NO_HEADER and (header != FIRST_FILE or file == self._files[0])
        csv.field_size_limit(MAX_LINE_BYTES)
        with open(file.local, encoding="utf-8-sig", errors="replace", newline="") as source:
            rows = csv.reader(source, delimiter=reader.get("separator", ",")[0])
            filled = (rows.line_num for row in rows if row)
            return next(itertools.islice(filled, number - 1 + has_header, None), None)

    def write_parquet(self, path: str) -> None:
        """The rows as a file, with types of which pandas and pyarrow make what `to_pandas` does."""
        columns = []
        for name, kind in self.fetch_types().items():
            plain = PLAIN_TYPES.get(kind.split("(")[0])
            columns.append(f"CAST({name_of(name)} AS {plain}) AS {name_of(name)}" if plain else name_of(name))
        self.execute(f"COPY (SELECT {', '.join(columns)} FROM ({self.query.sql})) TO {quote(path)} (FORMAT parquet)")

    def write_delimited(self, path: str, separator: str) -> None:
        """The rows as a text file with a header."""
        options = f"FORMAT csv, HEADER true, DELIMITER {quote(separator)}"
        self.execute(f"COPY ({self.query.sql}) TO {quote(path)} ({options})")

    def to_pandas(self) -> Any:
        """A pandas DataFrame with the types that SDK v1 gives."""
        with explain_errors(self._files):
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


def _find_bad_text(path: str, codec: str) -> int:
    """The first line with a byte that is not of this encoding."""
    with open(path, encoding=codec, errors="replace", newline="") as source:
        return next((number for number, line in enumerate(source, 1) if "\ufffd" in line), 1)


def check_lines(file: LocalFile) -> None:
    """Raises DatasetExecutionError for a line that is too long: the engine would silently leave it out.

    Nearly always the first bytes of a block have its first line break, so little of the file is read.
    """
    half = MAX_LINE_BYTES // 2
    size = os.path.getsize(file.local)
    with open(file.local, "rb") as source:
        for start in range(0, size - half + 1, half):
            source.seek(start)
            left = half
            while left and not _has_break(block := source.read(min(left, 65536))):
                left -= len(block)
            if not left:
                line = _count_lines(file.local, start) + 1
                raise DatasetExecutionError(f"{file.path}, line {line}: the line is longer than {half >> 20} MB.")


def _has_break(block: bytes) -> bool:
    return b"\n" in block or b"\r" in block


def _count_lines(path: str, end: int) -> int:
    """The line breaks in the first bytes of a file."""
    with open(path, "rb") as source:
        return sum(source.read(min(1 << 20, end - start)).count(b"\n") for start in range(0, end, 1 << 20))


@contextlib.contextmanager
def explain_errors(files: Sequence[LocalFile]) -> Iterator[None]:
    """Translate DuckDB's error about a file, with the original path and the line."""
    duckdb = import_engine()
    try:
        yield
    except duckdb.InterruptException as error:
        raise DatasetExecutionError("Reading took too long and was stopped.") from error
    except duckdb.Error as error:
        raise DatasetExecutionError(_explain(str(error), files)) from error


def _explain(text: str, files: Sequence[LocalFile]) -> str:
    file = next((file for file in files if file.local in text), files[0] if len(files) == 1 else None)
    line = _LINE.search(text)
    if "JSON" in text and file and (found := _find_bad_json(file)):
        return found
    where = ", ".join(part for part in (file.path if file else "", f"line {line[1]}" if line else "") if part)
    start = f"{where}: " if where else ""
    if counts := _COUNT.search(text):
        wanted, found_count = int(counts[1]), int(counts[2])
        text = f"{found_count} column{'' if found_count == 1 else 's'}, where the header has {wanted}"
        return f"{start}{text}; the first that differs is column {min(wanted, found_count) + 1}."
    said = next((said for words, said in EXPLANATIONS.items() if words in text), None)
    if said:
        return f"{start}{said}"
    return f"{start}{_first_sentence(text, files)}"


def _find_bad_json(file: LocalFile) -> str:
    """The first line that is no JSON object."""
    with open(file.local, encoding="utf-8-sig", errors="replace") as source:
        for number, line in enumerate(source, 1):
            try:
                if line.strip() and not isinstance(json.loads(line.rstrip()), dict):
                    return f"{file.path}, line {number}: this is not a JSON object."
            except ValueError as error:
                column = getattr(error, "colno", 1)
                return f"{file.path}, line {number}, column {column}: this is not JSON."
    return ""


def _first_sentence(text: str, files: Sequence[LocalFile]) -> str:
    line = text.split("\n\n")[0].replace("\n", " ")
    for file in files:
        line = line.replace(file.local, file.path)
    return line[:500]
