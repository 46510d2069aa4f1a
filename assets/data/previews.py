"""The first rows of a dataset and the profile of a sample, within fixed bounds of bytes, memory and time."""

import contextlib
import dataclasses
import pathlib
import tempfile
import threading
from collections.abc import Iterator

from lazuli.data import sources as patterns
from lazuli.data.compiler import LocalFile, name_of
from lazuli.data.engine import Reader
from lazuli.data.errors import DatasetExecutionError, DatasetValidationError
from lazuli.data.inference import decode_head, infer_types

from assets.data import stores
from assets.data.models import Datastore
from studio import outbound
from studio.errors import Invalid, NotReady, TooLarge
from studio.formats import format_bytes
from workspaces.models import Workspace

# Of the first file; parquet has its description at the end, so it is read whole.
HEAD_BYTES = 2 * 1024 * 1024
MAX_PARQUET_BYTES = 64 * 1024 * 1024
MAX_FILES, MAX_COLUMNS = 20_000, 300
ROWS, SAMPLE_ROWS = 50, 10_000
SECONDS, MEMORY = 5.0, "256MB"
MAX_CELL = 300
# At the same time in one web process.
SLOTS = threading.BoundedSemaphore(2)
WAIT_SECONDS = 5
NUMBERS = ("BIGINT", "INTEGER", "DOUBLE", "FLOAT", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "DECIMAL")


# SDK v1's words for the types of DuckDB.
TYPE_WORDS = {"BIGINT": "long", "DOUBLE": "float", "VARCHAR": "string", "TIMESTAMP": "datetime", "BOOLEAN": "bool"}


@dataclasses.dataclass(frozen=True)
class Source:
    """A file of a dataset; `url` for one of the web, whose size is not known."""

    path: str
    size: int | None
    datastore: str = ""
    url: str = ""


@dataclasses.dataclass
class Preview:
    """`columns` are pairs of name and type, `cells` texts; None is an empty one."""

    columns: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    rows: list[list[str | None]] = dataclasses.field(default_factory=list)
    note: str = ""
    problem: str = ""


@dataclasses.dataclass
class Profile:
    columns: list[dict] = dataclasses.field(default_factory=list)
    row_count: int = 0
    note: str = ""
    problem: str = ""


def list_sources(workspace: Workspace, definition: dict) -> list[Source]:
    """The files that the paths name, in their order."""
    rows = {row.name.lower(): row for row in Datastore.objects.of(workspace).select_related("secret")}
    found: list[Source] = []
    for path in definition["paths"]:
        if "url" in path:
            found.append(Source(path["url"].rsplit("/", 1)[-1] or path["url"], None, url=path["url"]))
            continue
        row = rows.get(path["datastore"].lower())
        if row is None:
            raise Invalid(f"The datastore {path['datastore']} of the dataset is not there any more.", target="paths")
        row.workspace = workspace
        start, matches = patterns.compile_pattern(path["path"])
        files = stores.Files(row).walk(start, MAX_FILES)
        found += [Source(file.path, file.size, row.name) for file in files if matches(file.path)]
    return found


def read_head(workspace: Workspace, source: Source, length: int) -> tuple[bytes, bool]:
    """The first bytes, and whether they are all."""
    if source.url:
        return outbound.read_head(source.url, length, "url")
    row = Datastore.objects.of(workspace).select_related("secret").get(name__iexact=source.datastore)
    row.workspace = workspace
    size = source.size or 0
    return stores.Files(row).read(source.path, 0, min(size, length)), size <= length


def infer_reader(workspace: Workspace, definition: dict) -> dict:
    """The definition with the types of the columns of its first file."""
    reader, *steps = definition["steps"]
    source = _first(list_sources(workspace, definition))
    data, is_whole = read_head(workspace, source, HEAD_BYTES)
    with _as_invalid():
        text = decode_head(data, reader.get("encoding", "utf8"), source.path, is_whole)
        types = {**infer_types(text, reader, source.path), **(reader.get("column_types") or {})}
    return {**definition, "steps": [{**reader, "column_types": types}, *steps]}


def _first(sources: list[Source]) -> Source:
    chosen = next((source for source in sources if source.size != 0), None)
    if chosen is None:
        text = "The files are empty." if sources else "The paths do not match any files."
        raise Invalid(text, target="path")
    return chosen


@contextlib.contextmanager
def _as_invalid() -> Iterator[None]:
    try:
        yield
    except (DatasetExecutionError, DatasetValidationError) as error:
        raise Invalid(error.message, target="path") from error


@contextlib.contextmanager
def _open_sample(workspace: Workspace, definition: dict) -> Iterator[tuple[Reader, str]]:
    """A reader of the first bytes of the first file, and a sentence that says so."""
    found = list_sources(workspace, definition)
    source = _first(found)
    is_parquet = definition["steps"][0]["type"] == "read_parquet"
    if is_parquet and (source.size or 0) > MAX_PARQUET_BYTES:
        text = (
            f"{source.path} has {format_bytes(source.size)}; parquet is shown up to {format_bytes(MAX_PARQUET_BYTES)}."
        )
        raise TooLarge(text)
    if not SLOTS.acquire(timeout=WAIT_SECONDS):
        raise NotReady("Other previews are being read. Try again in a moment.")
    try:
        data, is_whole = read_head(workspace, source, MAX_PARQUET_BYTES if is_parquet else HEAD_BYTES)
        with tempfile.TemporaryDirectory(prefix="lazuli-preview-") as folder, _as_invalid():
            path = pathlib.Path(folder) / f"data{pathlib.PurePosixPath(source.path).suffix[:12]}"
            # The last line may be cut.
            path.write_bytes(data if is_whole or is_parquet else data[: data.rfind(b"\n") + 1])
            reader = Reader(definition, [LocalFile(str(path), source.path)], threads=1, memory=MEMORY)
            timer = reader.interrupt_after(SECONDS)
            try:
                yield reader, _describe(found, source, len(data), is_whole)
            finally:
                timer.cancel()
                reader.close()
    finally:
        SLOTS.release()


def _describe(found: list[Source], source: Source, length: int, is_whole: bool) -> str:
    if is_whole and len(found) == 1:
        return ""
    part = "" if is_whole else f"the first {format_bytes(length)} of "
    rest = f" {len(found):,} files are in the dataset." if len(found) > 1 else ""
    return f"From {part}{source.path}.{rest}"


def read_preview(workspace: Workspace, definition: dict) -> Preview:
    """What is wrong with the data is in `problem`."""
    try:
        with _open_sample(workspace, definition) as (reader, note):
            types = reader.fetch_types()
            rows = reader.fetch_rows(ROWS)
    except (Invalid, NotReady) as error:
        return Preview(problem=error.message)
    columns = [(name, TYPE_WORDS.get(kind, kind.lower())) for name, kind in types.items()][:MAX_COLUMNS]
    if len(types) > MAX_COLUMNS:
        note = f"{note} The first {MAX_COLUMNS} of {len(types)} columns are shown.".strip()
    return Preview(columns, [[_cell(value) for value in row[:MAX_COLUMNS]] for row in rows], note)


def _cell(value) -> str | None:
    if value is None:
        return None
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= MAX_CELL else text[:MAX_CELL] + "…"


def read_profile(workspace: Workspace, definition: dict) -> Profile:
    """Of the first rows: counts, least and greatest value, moments, quantiles, and how the values are spread."""
    try:
        with _open_sample(workspace, definition) as (reader, note):
            reader.keep_sample(SAMPLE_ROWS)
            types = reader.fetch_types()
            count = reader.execute_on_sample("SELECT count(*) FROM sample")[0][0]
            columns = [_profile_column(reader, name, kind) for name, kind in list(types.items())[:MAX_COLUMNS]]
    except (Invalid, NotReady) as error:
        return Profile(problem=error.message)
    kept = f"The first {count:,} rows. {note}".strip() if note or count >= SAMPLE_ROWS else ""
    return Profile(columns, count, kept)


def _profile_column(reader: Reader, name: str, kind: str) -> dict:
    column, is_number = name_of(name), kind.split("(")[0] in NUMBERS
    base = f"count(*), count({column}), approx_count_distinct({column}), min({column}), max({column})"
    number = f"CAST({column} AS DOUBLE)"
    more = ""
    if is_number:
        points = "[0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]"
        more = f", avg({number}), stddev({number}), skewness({number}), kurtosis({number})"
        more += f", quantile_cont({number}, {points})"
    rows, there, distinct, lowest, highest, *moments = reader.execute_on_sample(f"SELECT {base}{more} FROM sample")[0]
    found = {
        "name": name,
        "type": TYPE_WORDS.get(kind, kind.lower()),
        "count": rows,
        "missing": rows - there,
        "distinct": distinct,
        "min": _cell(lowest),
        "max": _cell(highest),
    }
    if is_number:
        found |= dict(zip(("mean", "deviation", "skewness", "kurtosis"), map(_cell, moments[:4]), strict=True))
        found["quantiles"] = [_cell(value) for value in moments[4] or []]
        found["bars"] = _histogram(reader, number, lowest, highest)
    else:
        found["bars"], found["top"] = _top(reader, column, rows)
    return found


def _histogram(reader: Reader, number: str, lowest, highest, bins: int = 12) -> list[int]:
    """Heights from 0 to 100."""
    if lowest is None or lowest == highest:
        return [100] if lowest is not None else []
    step = (float(highest) - float(lowest)) / bins
    if not step or step != step or step in (float("inf"), float("-inf")):
        return []
    bucket = f"least({bins - 1}, CAST(floor(({number} - ({float(lowest)!r})) / {step!r}) AS INTEGER))"
    sql = f"SELECT {bucket} AS b, count(*) FROM sample WHERE {number} IS NOT NULL AND NOT isnan({number}) GROUP BY b"
    counts = dict(reader.execute_on_sample(sql))
    largest = max(counts.values(), default=1)
    return [round(100 * counts.get(number, 0) / largest) for number in range(bins)]


def _top(reader: Reader, column: str, rows: int) -> tuple[list[int], list[tuple[str, str]]]:
    text = f"CAST({column} AS VARCHAR)"
    sql = f"SELECT {text} AS v, count(*) AS n FROM sample WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT 6"
    found = reader.execute_on_sample(sql)
    largest = max((count for _, count in found), default=1)
    shares = [(str(_cell(value)), f"{count / max(rows, 1):.0%}") for value, count in found]
    return [round(100 * count / largest) for _, count in found], shares
