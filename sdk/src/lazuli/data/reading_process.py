"""`python -m lazuli.data.reading_process`: read a dataset in a separate process with limits on memory and time.

One request as JSON on the standard input, one answer on the standard output: {"result": …}, or {"problem": "…"} for what is
wrong with the data. Before it come lines {"progress": 0.5}.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

from lazuli.data import misfits, profiles, quality, queries, row_views
from lazuli.data.compiler import LocalFile
from lazuli.data.engine import Reader, import_engine
from lazuli.data.errors import DatasetExecutionError, DatasetValidationError
from lazuli.data.inference import HEAD_BYTES, decode_head, infer_types

Json = Dict[str, Any]
PROGRESS_SECONDS = 0.5


def limit_process(megabytes: int, seconds: int, file_bytes: Optional[int] = None) -> None:
    """Beyond these the process ends; a file beyond its limit is an error."""
    # DuckDB keeps `megabytes` itself; the rest is for Python, code and the blocks of text files.
    size = (megabytes + 512) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))


def answer_request(request: Json) -> Json:
    """`act` is infer, rows, matches, columns, misfits, profile, quality or export."""
    try:
        definition = request["definition"]
        if "connection" in request:
            queries.write_rows(request["connection"], definition["steps"][0], LocalFile(*request["files"][0]))
        if request.get("infer"):
            definition = add_types(definition, request["files"][0])
        if request["act"] == "infer":
            return {"result": definition}
        return {"result": {"definition": definition, **_read(request, definition)}}
    except (DatasetExecutionError, DatasetValidationError) as error:
        return {"problem": error.message}
    except MemoryError:
        return {"problem": f"Reading needs more than the {request['megabytes']} MB that are allowed."}


def add_types(definition: Json, file: Any) -> Json:
    """The definition with the types of the columns of its first file; given types stay."""
    local, path, is_head = file
    reader, *steps = definition["steps"]
    with open(local, "rb") as source:
        data = source.read(HEAD_BYTES + 1)
    text = decode_head(data[:HEAD_BYTES], reader.get("encoding", "utf8"), path, len(data) <= HEAD_BYTES and not is_head)
    types = {**infer_types(text, reader, path), **(reader.get("column_types") or {})}
    return {**definition, "steps": [{**reader, "column_types": types}, *steps]}


def _read(request: Json, definition: Json) -> Json:
    files = [LocalFile(*file) for file in request["files"]]
    reader = Reader(definition, files, threads=request["threads"], memory=f"{request['megabytes']}MB")
    try:
        if request["act"] == "profile":
            with _Progress(reader):
                return profiles.make_profile(reader, request.get("limit"))
        if request["act"] == "quality":
            with _Progress(reader):
                return quality.check_rules(reader, request["rules"])
        if request["act"] == "export":
            if request["strict"]:
                reader.check_casts()
            with _Progress(reader):
                if request.get("separator"):
                    reader.write_delimited(request["target"], request["separator"])
                else:
                    reader.write_parquet(request["target"])
            return {}
        if request["act"] == "columns":
            # The reader has compared the columns of all files.
            return {}
        if request["act"] == "misfits":
            return misfits.report_misfits(reader, request["max_rows"])
        if request["act"] == "matches":
            options = (request["view"], request["max_rows"], request["limit"], request["offset"])
            found = row_views.read_matches(reader, *options)
            return {**_show_rows(reader, found.pop("found")), **found}
        return _show_rows(reader, reader.fetch_rows(request["limit"], request.get("offset", 0)))
    finally:
        reader.close()


def _show_rows(reader: Reader, rows: List[Tuple[Any, ...]]) -> Json:
    columns, width = profiles.list_columns(reader.fetch_types()), profiles.MAX_COLUMNS
    return {
        "columns": columns[:width],
        "column_count": len(columns),
        "rows": [[profiles.format_value(value) for value in row[:width]] for row in rows],
    }


class _Progress:
    """Writes the progress of the reader until it has ended."""

    def __init__(self, reader: Reader):
        self._reader = reader
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *problem: Any) -> None:
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._ended.wait(PROGRESS_SECONDS):
            _print({"progress": self._reader.progress})


def _print(content: Json) -> None:
    print(json.dumps(content), flush=True)


def main(read: Callable[[], str] = sys.stdin.read) -> None:
    # The process may have been started before there is a request.
    import_engine()
    if not (text := read()):
        return
    request = json.loads(text)
    if folder := request.get("folder"):
        os.chdir(folder)
        os.environ.update(TMPDIR=folder, HOME=folder)
    limit_process(request["megabytes"], request["cpu_seconds"], request.get("file_bytes"))
    _print(answer_request(request))


if __name__ == "__main__":
    main()
