"""The first rows of a dataset, the types of its columns and the profile of a sample, all read by another process."""

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator

from django.http import Http404
from lazuli.data import profiles
from lazuli.data import sources as patterns

from assets.data import reading, share_files
from assets.data.models import Datastore
from assets.data.reading import LocalCopy, SourceFile
from studio.errors import Conflict, Invalid, NotReady
from studio.formats import digest_json, format_bytes
from workspaces.models import Workspace

MAX_FILES = 20_000
ROWS, SAMPLE_ROWS = 50, 10_000
# Rows that are read for values that do not have the type of their column, before a table is registered.
MAX_CHECKED = 100_000
# Filters, words and sorting read at most so many rows, of at most so many files; parquet is read much faster than text.
MAX_SEARCHED, MAX_SEARCHED_PARQUET, MAX_SEARCHED_FILES = 1_000_000, 10_000_000, 200
# Errors of the data or its datastore, which the page shows.
PROBLEMS = (Conflict, Invalid, NotReady)
# What reads a copy of all rows.
COPY = {"kind": "tabular", "paths": [], "steps": [{"type": "read_parquet"}]}


@dataclasses.dataclass
class TablePreview:
    """`columns` are pairs of name and type, `rows` texts; None is a missing value. `definition` has inferred types."""

    columns: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    rows: list[list[str | None]] = dataclasses.field(default_factory=list)
    note: str = ""
    problem: str = ""
    definition: dict = dataclasses.field(default_factory=dict)
    # The number of the first shown row, from 0, and whether more rows follow.
    start: int = 0
    has_more: bool = False
    # The numbers of rows that were searched and that match, if there are filters.
    searched: int | None = None
    matching: int = 0
    is_partly_searched: bool = False

    @property
    def cells(self) -> list[list[tuple[str | None, bool]]]:
        """The rows, each text with whether its column has numbers."""
        numeric = [kind.lower() in ("long", "float", "double") for _, kind in self.columns]
        return [list(zip(row, numeric, strict=False)) for row in self.rows]

    @property
    def previous_start(self) -> int:
        return max(self.start - ROWS, 0)

    @property
    def next_start(self) -> int:
        return self.start + ROWS

    @property
    def last_row_number(self) -> int:
        return self.start + len(self.rows)


@dataclasses.dataclass
class Profile:
    columns: list[dict] = dataclasses.field(default_factory=list)
    row_count: int = 0
    note: str = ""
    problem: str = ""


def list_sources(workspace: Workspace, definition: dict) -> list[SourceFile]:
    """The files of the paths, in their order."""
    rows = {row.name.lower(): row for row in Datastore.objects.of(workspace).select_related("secret")}
    found: list[SourceFile] = []
    for path in definition["paths"]:
        if "url" in path:
            found.append(SourceFile(path["url"].rsplit("/", 1)[-1] or path["url"], None, url=path["url"]))
            continue
        row = rows.get(path["datastore"].lower())
        if row is None:
            raise Invalid(f"The datastore {path['datastore']} of the dataset no longer exists.", target="paths")
        row.workspace = workspace
        if row.is_database:
            found.append(SourceFile("The query", None, row.name, is_query=True))
            continue
        start, matches = patterns.compile_pattern(path["path"])
        try:
            files = share_files.open_files(row).walk(start, MAX_FILES)
        except Http404 as error:
            raise Invalid(str(error), target="paths") from error
        found += [SourceFile(file.path, file.size, row.name, etag=file.etag) for file in files if matches(file.path)]
    return found


def infer_reader(workspace: Workspace, definition: dict) -> dict:
    """The definition with the types of the columns of its first file."""
    with _open_sample(workspace, definition) as (copy, _):
        return reading.read_copies(definition, [copy], act="infer", infer=True)


def _first(sources: list[SourceFile]) -> SourceFile:
    chosen = next((source for source in sources if source.size != 0), None)
    if chosen is None:
        text = "The files are empty." if sources else "The paths do not match any files."
        raise Invalid(text, target="path")
    return chosen


@contextlib.contextmanager
def _open_sample(
    workspace: Workspace, definition: dict, cached: pathlib.Path | None = None
) -> Iterator[tuple[LocalCopy, str]]:
    """The first file or its first bytes, with a note."""
    if cached:
        yield LocalCopy(str(cached), SourceFile("The copy of all rows", None)), ""
        return
    found = list_sources(workspace, definition)
    source = _first(found)
    with tempfile.TemporaryDirectory(prefix="lazuli-preview-") as folder:
        copy = reading.fetch_copy(workspace, source, folder, definition["steps"][0]["type"] == "read_parquet")
        yield copy, _describe(found, copy)


def _describe(found: list[SourceFile], copy: LocalCopy) -> str:
    if copy.source.is_query:
        return "At most the first 10,000 rows of the query are read."
    if not copy.is_head and len(found) == 1:
        return ""
    part = f"the first {format_bytes(reading.HEAD_BYTES)} of " if copy.is_head else ""
    rest = f" {len(found):,} files are in the dataset." if len(found) > 1 else ""
    return f"From {part}{copy.source.path}.{rest}"


def read_preview(
    workspace: Workspace, definition: dict, infer: bool = False, start: int = 0, cached: pathlib.Path | None = None
) -> TablePreview:
    """Read a preview; errors of the data are in `problem`. With `infer`, the columns get the types of their first
    values. `cached` is a copy of all rows (assets/data/cached_rows.py)."""
    try:
        with _open_sample(workspace, definition, cached) as (copy, note):
            definition = COPY if cached else definition
            found = reading.read_copies(definition, [copy], act="rows", limit=ROWS + 1, offset=start, infer=infer)
    except PROBLEMS as error:
        return TablePreview(problem=error.message)
    columns, count = [(name, kind) for name, kind in found["columns"]], found["column_count"]
    if count > len(columns):
        note = f"{note} The first {len(columns)} of {count} columns are shown.".strip()
    rows = found["rows"]
    return TablePreview(columns, rows[:ROWS], note, "", found["definition"], start, len(rows) > ROWS)


def read_matches(
    workspace: Workspace, definition: dict, view: dict, start: int = 0, cached: pathlib.Path | None = None
) -> TablePreview:
    """The rows of a view (lazuli/data/row_views.py), of the copy of all rows, or of all files if they are on this
    machine."""
    is_parquet = cached or definition["steps"][0]["type"] == "read_parquet"
    max_rows = MAX_SEARCHED_PARQUET if is_parquet else MAX_SEARCHED
    request: dict = {"act": "matches", "view": view, "max_rows": max_rows, "limit": ROWS, "offset": start}
    try:
        with _open_all(workspace, definition, cached) as (copies, note, is_whole):
            definition = COPY if cached else definition
            found = reading.read_copies(definition, copies, reading.SEARCH, **request)
    except PROBLEMS as error:
        return TablePreview(problem=error.message)
    preview = TablePreview(found["columns"], found["rows"], note, found["view_problem"], start=start)
    preview.searched, preview.matching = found["searched"], found["matching"]
    preview.has_more = preview.next_start < preview.matching
    preview.is_partly_searched = not is_whole or preview.searched >= max_rows
    return preview


@contextlib.contextmanager
def _open_all(
    workspace: Workspace, definition: dict, cached: pathlib.Path | None
) -> Iterator[tuple[list[LocalCopy], str, bool]]:
    """All files if they are on this machine, otherwise the first one or its first bytes; with a note, and whether these
    are all rows."""
    copies = [] if cached else _find_all_local(workspace, list_sources(workspace, definition))
    if copies:
        yield copies, f"From all {len(copies):,} files." if len(copies) > 1 else "", True
        return
    with _open_sample(workspace, definition, cached) as (copy, note):
        yield [copy], note, not note


def _find_all_local(workspace: Workspace, found: list[SourceFile]) -> list[LocalCopy]:
    """Nothing if one of the files is elsewhere."""
    filled = [source for source in found if source.size != 0]
    if len(filled) > MAX_SEARCHED_FILES or any(source.url or source.is_query for source in filled):
        return []
    opened = {source.datastore: source for source in filled}
    folders = {name: reading.open_files(workspace, source) for name, source in opened.items()}
    paths = [(folders[source.datastore].find_local(source.path), source) for source in filled]
    return [LocalCopy(str(path), source) for path, source in paths if path] if all(path for path, _ in paths) else []


@dataclasses.dataclass
class Misfits:
    """Values that do not have the type of their column; `examples` are as in lazuli/data/misfits.py."""

    count: int = 0
    examples: list[dict] = dataclasses.field(default_factory=list)
    note: str = ""
    problem: str = ""
    # The digest of the definition that was read.
    seen: str = ""


def has_types(definition: dict) -> bool:
    """Whether it gives types to columns, which not all of their values may have."""
    return definition["kind"] == "tabular" and bool(definition["steps"][0].get("column_types"))


def check_files(workspace: Workspace, definition: dict) -> str:
    """Say which file does not have the columns of the first one; empty if all do, or are not on this machine."""
    if definition["kind"] != "tabular":
        return ""
    try:
        copies = _find_all_local(workspace, list_sources(workspace, definition))
        if len(copies) > 1:
            reading.read_copies(definition, copies, reading.SEARCH, act="columns")
    except PROBLEMS as error:
        return error.message
    return ""


def read_misfits(workspace: Workspace, definition: dict) -> Misfits:
    """The values that would be missing with the types of the definition, of the first rows of the first file."""
    try:
        with _open_sample(workspace, definition) as (copy, note):
            found = reading.read_copies(definition, [copy], reading.SEARCH, act="misfits", max_rows=MAX_CHECKED)
    except PROBLEMS as error:
        return Misfits(problem=error.message, seen=digest_json(definition))
    return Misfits(found["count"], found["examples"], note, seen=digest_json(definition))


def read_profile(workspace: Workspace, definition: dict) -> Profile:
    """The profile of the first rows of the first file."""
    try:
        with _open_sample(workspace, definition) as (copy, note):
            found = reading.read_copies(definition, [copy], act="profile", limit=SAMPLE_ROWS)
    except PROBLEMS as error:
        return Profile(problem=error.message)
    count = found["row_count"]
    kept = f"The first {count:,} rows. {note}".strip() if note or count >= SAMPLE_ROWS else ""
    return Profile([describe_column(column) for column in found["columns"]], count, kept)


def show_full_profile(found: dict) -> Profile:
    return Profile([describe_column(column) for column in found["columns"]], found["row_count"])


MOMENTS = ("mean", "deviation", "variance", "skewness", "kurtosis")


def describe_column(column: dict) -> dict:
    """With numbers as texts, and the shares of the most frequent values, and of values, gaps and misfits."""
    texts = {name: profiles.format_value(column.get(name)) for name in MOMENTS}
    quantiles = [profiles.format_value(value) for value in column.get("quantiles", [])]
    shares = [(value, count / max(column["count"], 1)) for value, count in column.get("top", [])]
    found = {**column, **texts, "quantiles": quantiles, "top": [(value, f"{share:.0%}") for value, share in shares]}
    present, errors = column["count"] - column["missing"], column.get("errors") or 0
    parts = {column["type"]: present, "missing": column["missing"] - errors, "errors": errors}
    kinds = {word: count / max(column["count"], 1) for word, count in parts.items() if count}
    found |= {"present": present, "kinds": {word: f"{share:.1%}".replace(".0%", "%") for word, share in kinds.items()}}
    return found | {"shares": shares} if "top" in column else found
