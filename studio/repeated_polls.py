"""Polls that find nothing new, answered before sessions, forms, pages and templates.

A response by `nothing_new` depends only on rows of the database and the URL. The next identical poll repeats the
statements of that response (session, roles and versions of the rows shown) as plain SQL: if each returns the same rows,
the response is the same. Otherwise the view decides.
"""

import contextlib
import dataclasses
import hashlib
import re
import time

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.http import HttpRequest, HttpResponse

from studio.errors import StudioError
from studio.htmx import HTMX_HEADERS

# After this time the view is called again, because a session may have expired without a change of rows.
SECONDS = 60
# A poll that reads more than this is not repeated; polls that a process remembers.
MAX_STATEMENTS, MAX_POLLS = 20, 2_000
READS = re.compile(r"[\s(]*SELECT\b", re.I)


def nothing_new() -> HttpResponse:
    """The response of a view that has found nothing new in rows of the database alone."""
    response = HttpResponse(status=204)
    response.is_repeatable = True  # type: ignore[attr-defined]
    return response


@dataclasses.dataclass
class Reads:
    """The statements of a request with a digest of the rows of each, which are read just before the view reads them."""

    statements: list[tuple] = dataclasses.field(default_factory=list)
    digests: list[bytes] = dataclasses.field(default_factory=list)
    is_whole: bool = True
    until: float = dataclasses.field(default_factory=lambda: time.monotonic() + SECONDS)

    def record(self, execute, sql, params, many, context):
        connection = context["connection"]
        is_read = not many and READS.match(sql) and not connection.in_atomic_block
        self.is_whole &= bool(is_read) and len(self.statements) < MAX_STATEMENTS
        if self.is_whole:
            try:
                self.digests += _read(connection, [(sql, params)])
                self.statements.append((sql, params))
            except Error:
                # PostgreSQL cannot tell the type of each value without its text.
                self.is_whole = False
        return execute(sql, params, many, context)

    def are_current(self) -> bool:
        if time.monotonic() > self.until:
            return False
        connection = connections[DEFAULT_DB_ALIAS]
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        return _read(connection, self.statements) == self.digests


def _read(connection, statements: list[tuple]) -> list[bytes]:
    """A digest of the rows of each."""
    if connection.vendor == "postgresql":
        found = connection.read_again(statements)
    else:
        with contextlib.closing(connection.create_cursor()) as cursor:
            found = [cursor.execute(sql, params).fetchall() for sql, params in statements]
    return [hashlib.blake2b(repr(rows).encode(), digest_size=16).digest() for rows in found]


class RepeatedPolls:
    """Middleware. A poll is recorded when it finds nothing new for the second time, so that polls with news have no
    extra cost."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.known: dict[bytes, Reads | None] = {}

    def __call__(self, request):
        if request.method != "GET" or "seen=" not in request.META["QUERY_STRING"]:
            return self.get_response(request)
        key = _describe(request)
        known = self.known.get(key)
        if known is not None and _are_current(known):
            return HttpResponse(status=204)
        if key not in self.known:
            response, reads = self.get_response(request), None
        else:
            reads = Reads()
            with connections[DEFAULT_DB_ALIAS].execute_wrapper(reads.record):
                response = self.get_response(request)
        self._remember(key, response, reads)
        return response

    def _remember(self, key: bytes, response: HttpResponse, reads: Reads | None) -> None:
        if not getattr(response, "is_repeatable", False) or not (reads is None or reads.is_whole):
            self.known.pop(key, None)
            return
        if len(self.known) >= MAX_POLLS:
            self.known.clear()
        self.known[key] = reads


def _describe(request: HttpRequest) -> bytes:
    """A digest of everything that a view depends on."""
    sent = [request.META.get(name, "") for name in ("HTTP_COOKIE", "HTTP_HOST", *HTMX_HEADERS)]
    words = [request.path, request.META["QUERY_STRING"], *sent]
    return hashlib.blake2b("\0".join(words).encode(errors="surrogateescape"), digest_size=16).digest()


def _are_current(reads: Reads) -> bool:
    try:
        return reads.are_current()
    except (Error, StudioError):
        # The view gets the same error and reports it.
        return False
