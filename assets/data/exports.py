"""All rows of a dataset as one parquet file, for clients that do not have the engine."""

import dataclasses
import os
import tempfile
from typing import BinaryIO

from lazuli.data import timestamps

from assets.data import previews, reading
from studio.errors import TooLarge
from studio.formats import format_bytes
from workspaces.models import Workspace

# A request waits for the rows.
BOUNDS = reading.Bounds(megabytes=256, cpu_seconds=60, seconds=120)
# The limit for the files that are read, and for the file that is written.
MAX_BYTES = 1024**3
INSTALL = "Install lazuli-sdk[data] or azureml-dataset-runtime, which read datasets where they are used."


def open_rows(workspace: Workspace, definition: dict, strict: bool = False) -> BinaryIO:
    """Open a temporary file with the rows; with `strict`, a value that does not have the type of its column is
    refused."""
    found = previews.list_sources(workspace, definition)
    sources = timestamps.leave_out(definition, found, lambda source: source.path)
    size = sum(source.size or 0 for source in sources)
    if size > MAX_BYTES:
        text = f"The files have {format_bytes(size)}; the studio reads up to {format_bytes(MAX_BYTES)} for a client."
        raise TooLarge(f"{text} {INSTALL}")
    reader = definition["steps"][0]
    is_parquet = reader["type"] == "read_parquet"
    bounds = dataclasses.replace(BOUNDS, seconds=BOUNDS.seconds + reader.get("query_timeout", 0))
    with tempfile.TemporaryDirectory(prefix="lazuli-rows-") as folder:
        copies = reading.fetch_all(workspace, sources, folder, is_parquet, lambda progress: None)
        target = os.path.join(folder, "rows.parquet")
        request = {"act": "export", "target": target, "strict": strict, "file_bytes": MAX_BYTES}
        reading.read_copies(definition, copies, bounds, None, **request)
        # It stays readable after its name is removed.
        return open(target, "rb")
