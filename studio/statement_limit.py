"""A time limit for each SQL statement of a web request.

PostgreSQL stops a statement itself; for SQLite, which runs in the thread, the processor time is checked regularly.
Background tasks and commands have no such limit: this is a middleware, which they do not load.
"""

import contextlib
import math
import re
import time

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.signals import connection_created

from studio import process_counters
from studio.errors import Invalid, NotReady

SECONDS = 5
# Steps of SQLite's virtual machine between two checks of the clock: some tenths of a millisecond.
STEPS = 10_000
CANCELED = "57014"
# What PostgreSQL sorts without a file: the keys of 100,000 jobs need more than its usual 4 MB.
WORK_MEM = "16MB"
READS = re.compile(r"\s*(?:SELECT|WITH)\b", re.I)


class TooSlow(Invalid):
    code = "TooSlow"


class StatementLimit:
    def __init__(self, get_response):
        self.get_response = get_response
        connection_created.connect(_prepare_new, dispatch_uid="statement_limit")

    def __call__(self, request):
        with limit_statements():
            response = self.get_response(request)
        if response.streaming and getattr(response, "file_to_stream", None) is None:
            response.streaming_content = _streamed(response.streaming_content)
        return response


@contextlib.contextmanager
def limit_statements():
    """Stops each statement inside the block after SECONDS."""
    # The connection itself, because its proxy looks it up for each attribute.
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.connection is not None and getattr(connection, "prepared", None) is not connection.connection:
        _prepare(connection)
    with connection.execute_wrapper(_timed):
        try:
            yield
        finally:
            connection.must_end_by = math.inf


def _streamed(parts):
    """The limit applies to each part of a streamed response."""
    parts = iter(parts)
    while True:
        with limit_statements():
            connections[DEFAULT_DB_ALIAS].must_end_by = None
            part = next(parts, None)
        if part is None:
            return
        yield part


def _prepare_new(sender, connection, **kwargs) -> None:
    _prepare(connection)


def _prepare(connection) -> None:
    """Once per connection, before its first transaction, because a rollback would undo the setting."""
    connection.prepared = connection.connection
    if connection.vendor == "sqlite":
        connection.must_end_by = math.inf
        connection.connection.set_progress_handler(lambda: _is_over(connection), STEPS)
        # Pages must be answered in time; background tasks can wait longer.
        connection.connection.execute(f"PRAGMA busy_timeout={int(SECONDS * 1000)}")
    elif connection.vendor == "postgresql":
        limits = f"SET statement_timeout TO {int(SECONDS * 1000)}; SET work_mem TO '{WORK_MEM}'"
        connection.connection.execute(limits)


def _is_over(connection) -> bool:
    """The clock of a statement starts at its first check: most end before it, and a check costs as much as a short one."""
    if connection.must_end_by is None:
        connection.must_end_by = time.thread_time() + SECONDS
    return time.thread_time() > connection.must_end_by


def _timed(execute, sql, params, many, context):
    context["connection"].must_end_by = None
    begun = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    except OperationalError as error:
        if not is_stopped(error):
            raise
        if READS.match(str(sql)):
            raise too_slow() from error
        # It probably waited for another one.
        raise NotReady("The database is busy; nothing was changed. Try again in a moment.") from error
    finally:
        seconds = time.perf_counter() - begun
        process_counters.observe("lazuli_db_query_duration_seconds", seconds)
        process_counters.note_statement(sql, seconds)


def is_stopped(error: OperationalError) -> bool:
    return str(error) == "interrupted" or getattr(error.__cause__, "sqlstate", "") == CANCELED


def too_slow() -> TooSlow:
    return TooSlow(f"The database query was stopped after {SECONDS} seconds. Request less, or narrow the search.")
