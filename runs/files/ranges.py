"""Responses with file bytes: whole, as a range, or 304 if the client has them."""

import re
from collections.abc import Callable, Iterable

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse

from studio import storage

Answer = HttpResponse | StreamingHttpResponse
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
# What a browser may show inline; everything else, above all HTML, is an attachment.
SHOWN = ("text/plain", "image/png", "image/jpeg", "image/gif", "image/webp")


def respond_with_range(
    request: HttpRequest, size: int, tag: str, read: Callable[[int, int], Iterable[bytes]]
) -> Answer:
    """`read(start, length)` returns the bytes. A request for several ranges gets the whole file."""
    if f'"{tag}"' in request.headers.get("If-None-Match", ""):
        return HttpResponseNotModified(headers={"ETag": f'"{tag}"'})
    # A client that resumes a file that has changed gets the whole file.
    same = request.headers.get("If-Range", f'"{tag}"') == f'"{tag}"'
    start, end = parse_range(request.headers.get("Range", "") if same else "", size)
    partial = (start, end) != (0, size)
    if partial and start >= end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    body = [] if request.method == "HEAD" else read(start, end - start)
    response = stream_response(body, end - start, 206 if partial else 200)
    if partial:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = f'"{tag}"'
    return response


def stream_response(body: Iterable[bytes], length: int, status: int = 200) -> StreamingHttpResponse:
    response = StreamingHttpResponse(body, status=status)
    response["Content-Length"] = length
    # Compressing would make offsets and lengths mean something else.
    response["Content-Encoding"] = "identity"
    if isinstance(body, storage.FileSlice):
        # The server sends the file itself, without a copy in this process.
        response.file_to_stream, response.block_size = body, storage.PIECE  # type: ignore[attr-defined]
    return response


def parse_range(header: str, size: int) -> tuple[int, int]:
    """First byte and end; the whole file unless a single range is requested, an empty range if it is out of bounds."""
    match = RANGE.fullmatch(header.replace(" ", ""))
    if not match or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        count = int(last)
        return (max(0, size - count), size) if count else (size, size)
    if last and int(last) < int(first):
        return 0, size
    return int(first), min(size, int(last) + 1) if last else size


def set_safe_headers(response: Answer, content_type: str, name: str) -> Answer:
    """Headers for users' files: sandboxed, and attachments unless the type is harmless."""
    shown = content_type in SHOWN
    response["Content-Type"] = "text/plain; charset=utf-8" if content_type == "text/plain" else content_type
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    safe_name = re.sub(r"[^\w.-]", "_", name.rsplit("/", 1)[-1], flags=re.ASCII)
    response["Content-Disposition"] = f'{"inline" if shown else "attachment"}; filename="{safe_name}"'
    return response
