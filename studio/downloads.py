"""Responses that a browser saves as a file."""

import csv
from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from studio.formats import escape_formula

CSV = "text/csv; charset=utf-8"


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


def stream_download(body: Iterable[str] | Iterable[bytes], content_type: str, name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(body, content_type=content_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    return response
