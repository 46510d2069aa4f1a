"""Many files as one zip, written while it is streamed, without a copy in memory or on disk."""

import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, cast

from django.http import StreamingHttpResponse

from studio.downloads import stream_download


class _Pipe:
    """A write-only file for the zip writer, from which the written parts are taken."""

    def __init__(self):
        self.parts: list[bytes] = []

    def write(self, data) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self):
        """Nothing to do: every part is already in `parts`."""

    def taken(self) -> Iterator[bytes]:
        parts, self.parts = self.parts, []
        return iter(parts)


def stream_zip(files: Iterable[tuple[str, int, Iterable[bytes]]]) -> Iterator[bytes]:
    """A zip of (path, size, content)."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast("IO[bytes]", pipe), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, size, content in files:
            with archive.open(path, "w", force_zip64=size > zipfile.ZIP64_LIMIT // 2) as entry:
                for part in content:
                    entry.write(part)
                    yield from pipe.taken()
            yield from pipe.taken()
    yield from pipe.taken()


def respond_with_zip(files: Iterable[tuple[str, int, Iterable[bytes]]], name: str) -> StreamingHttpResponse:
    response = stream_download(stream_zip(files), "application/zip", f"{name}.zip")
    # It is compressed already and streamed.
    response.headers["Content-Encoding"] = "identity"
    return response
