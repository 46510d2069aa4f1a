"""Reads upload bodies in parts; `request.body` would keep them in memory and limit them."""

from collections.abc import Iterator

from django.http import HttpRequest
from gunicorn.http.errors import ParseException

from studio import numbers
from studio.errors import Invalid, TooLarge

# A larger part would need memory that the process has to ask the system for, and to give back, each time.
PART = 256 * 1024


def read_chunks(request: HttpRequest, max_bytes: int | None = None) -> Iterator[bytes]:
    """The body in parts. An incomplete body raises an error, so that it is never taken for a whole one."""
    length = find_length(request)
    if length is not None and max_bytes is not None and length > max_bytes:
        raise _too_large(max_bytes)
    # Without a length, the server detects the end of a chunked body; Django would read nothing.
    chunked = length is None and "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    source = request.META["wsgi.input"] if chunked else request
    size = 0
    while part := _next(source):
        size += len(part)
        if max_bytes is not None and size > max_bytes:
            raise _too_large(max_bytes)
        yield part
    if length is not None and size != length:
        raise Invalid(f"The body ended after {size} of {length} bytes. Send it again.", code="incomplete_body")


def find_length(request: HttpRequest) -> int | None:
    """The length of the body that its sender declares; None for a chunked body."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    return numbers.parse_int(declared, "Content-Length") if declared else None


def _next(source) -> bytes:
    try:
        return source.read(PART)
    except (OSError, ParseException) as error:
        raise Invalid(
            "The connection closed before the end of the body. Send it again.", code="incomplete_body"
        ) from error


def read_whole_body(request: HttpRequest, max_bytes: int) -> bytes:
    """A small body."""
    return b"".join(read_chunks(request, max_bytes))


def is_form(request: HttpRequest) -> bool:
    """Sent by a form without JavaScript, which is answered by a page."""
    return request.content_type == "multipart/form-data"


def read_archive(request: HttpRequest, max_bytes: int) -> Iterator[bytes]:
    """A zip: the body, or the field `archive` of a form."""
    if not is_form(request):
        return read_chunks(request, max_bytes)
    archive = request.FILES.get("archive")
    if archive is None:
        raise Invalid("Choose a zip file.", target="archive")
    return archive.chunks()


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {max_bytes:,} bytes that are allowed here.")
