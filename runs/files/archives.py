"""Many files as one zip, written while it is streamed, without a copy in memory or on disk."""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, cast

from django.http import StreamingHttpResponse

from studio.downloads import stream_download

# Larger files get headers for sizes of 64 bits.
LARGE = zipfile.ZIP64_LIMIT // 2


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


def stream_zip(
    files: Iterable[tuple[str, int, Iterable[bytes]]], compression: int = zipfile.ZIP_DEFLATED
) -> Iterator[bytes]:
    """A zip of (path, size, content)."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast("IO[bytes]", pipe), "w", compression, compresslevel=1) as archive:
        for path, size, content in files:
            with archive.open(path, "w", force_zip64=size > LARGE) as entry:
                for part in content:
                    entry.write(part)
                    yield from pipe.taken()
            yield from pipe.taken()
    yield from pipe.taken()


def measure_zip(files: Iterable[tuple[str, int]]) -> int:
    """The length of a zip of uncompressed files, from their paths and sizes."""
    offset = central = count = 0
    for path, size in files:
        name, is_large = len(path.encode()), size > LARGE
        # What does not fit into 32 bits is written again in 64.
        wide = 2 * (size > zipfile.ZIP64_LIMIT) + (offset > zipfile.ZIP64_LIMIT)
        central += 46 + name + (4 + 8 * wide if wide else 0)
        offset += 30 + name + size + (20 + 24 if is_large else 16)
        count += 1
    is_wide = count > zipfile.ZIP_FILECOUNT_LIMIT or max(offset, central) > zipfile.ZIP64_LIMIT
    return offset + central + 22 + (76 if is_wide else 0)


def respond_with_plain_zip(
    files: Iterable[tuple[str, int, Callable[[], Iterable[bytes]]]], name: str
) -> StreamingHttpResponse:
    """Uncompressed, so that its length is known and a browser shows the progress of the download. A file is opened when
    the one before it has been sent: a process cannot have many open."""
    listed = list(files)
    opened = ((path, size, open_content()) for path, size, open_content in listed)
    response = stream_download(stream_zip(opened, zipfile.ZIP_STORED), "application/zip", f"{name}.zip")
    response.headers["Content-Length"] = str(measure_zip((path, size) for path, size, _ in listed))
    response.headers["Content-Encoding"] = "identity"
    return response


def respond_with_zip(files: Iterable[tuple[str, int, Iterable[bytes]]], name: str) -> StreamingHttpResponse:
    response = stream_download(stream_zip(files), "application/zip", f"{name}.zip")
    # It is compressed already and streamed.
    response.headers["Content-Encoding"] = "identity"
    return response
