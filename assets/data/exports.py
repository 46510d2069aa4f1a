"""All rows of a dataset as one parquet file, for clients that do not have the engine."""

import dataclasses
import os
import tempfile
import threading
import time
from typing import BinaryIO

from lazuli.data import timestamps

from assets.data import previews, reading
from studio.errors import NotReady, TooLarge
from studio.formats import format_bytes
from workspaces.models import Workspace

# A request waits for the rows.
BOUNDS = reading.Bounds(megabytes=256, cpu_seconds=60, seconds=120)
# The limit for the files that are read, and for the file that is written.
MAX_BYTES = 1024**3
# Maximum simultaneous exports in one web process: each holds a thread while a remote datastore sends its files.
SLOTS = threading.BoundedSemaphore(2)
INSTALL = "Install lazuli-sdk[data] or azureml-dataset-runtime, which read datasets where they are used."


def open_rows(workspace: Workspace, definition: dict, strict: bool = False, separator: str | None = None) -> BinaryIO:
    """Open a temporary parquet file with the rows, or with a separator a text file; with `strict`, a value that does
    not have the type of its column is refused."""
    found = previews.list_sources(workspace, definition)
    sources = timestamps.leave_out(definition, found, lambda source: source.path)
    size = sum(source.size or 0 for source in sources)
    if size > MAX_BYTES:
        text = f"The files have {format_bytes(size)}; the studio reads up to {format_bytes(MAX_BYTES)} for a client."
        raise TooLarge(f"{text} {INSTALL}")
    if not SLOTS.acquire(timeout=reading.WAIT_SECONDS):
        raise NotReady("The rows of other data are being read. Try again in a moment.")
    try:
        return _write_rows(workspace, definition, sources, {"strict": strict, "separator": separator})
    finally:
        SLOTS.release()


def _write_rows(workspace: Workspace, definition: dict, sources: list[reading.SourceFile], options: dict) -> BinaryIO:
    reader = definition["steps"][0]
    is_parquet = reader["type"] == "read_parquet"
    bounds = dataclasses.replace(BOUNDS, seconds=BOUNDS.seconds + reader.get("query_timeout", 0))
    deadline = time.monotonic() + bounds.seconds

    def check_time(progress: float) -> None:
        if time.monotonic() > deadline:
            raise TooLarge(f"Loading the files takes longer than {bounds.seconds} seconds. {INSTALL}")

    with tempfile.TemporaryDirectory(prefix="lazuli-rows-") as folder:
        copies = reading.fetch_all(workspace, sources, folder, is_parquet, check_time)
        target = os.path.join(folder, "rows.parquet")
        request = {"act": "export", "target": target, "file_bytes": MAX_BYTES, **options}
        reading.read_copies(definition, copies, bounds, None, **request)
        # It stays readable after its name is removed.
        return open(target, "rb")
