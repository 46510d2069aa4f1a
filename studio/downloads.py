"""Responses that a browser saves as a file."""

import csv
from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from studio.formats import escape_formula

CSV = "text/csv; charset=utf-8"
PIECE_BYTES = 64 * 1024


class _Echo:
    """A file for csv whose `write` returns the line."""

    def write(self, line: str) -> str:
        return line


def write_csv(rows: Iterable[Iterable]) -> Iterator[str]:
    """Lines that spreadsheets open as UTF-8; the first row is the header."""
    writer, mark = csv.writer(_Echo()), "\ufeff"
    for row in rows:
        yield mark + writer.writerow([escape_formula(value) for value in row])
        mark = ""


def join_pieces(body: Iterable[str] | Iterable[bytes], size_of_each: int = PIECE_BYTES) -> Iterator[bytes]:
    """In pieces of at least this size: each is sent and compressed by itself, which takes longer than writing a line."""
    held: list[bytes] = []
    size = 0
    for piece in body:
        held.append(piece.encode() if isinstance(piece, str) else piece)
        size += len(held[-1])
        if size >= size_of_each:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def stream_download(body: Iterable[str] | Iterable[bytes], content_type: str, name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(join_pieces(body), content_type=content_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    return response
