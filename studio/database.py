"""Transactions that write."""

import contextlib
import fcntl
import logging
import os
import time

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections, transaction

from studio.errors import NotReady

logger = logging.getLogger(__name__)
# After waiting this long for a turn, a writer does not wait for the database too.
MAX_WAIT_SECONDS = 5


@contextlib.contextmanager
def begin_write():
    """A transaction for frequent writes. Writers of a SQLite file queue for it.

    SQLite itself lets waiting writers sleep and retry, which leaves the database idle between two writers: with eight of
    them in two processes a queue stores a third more, and the others wait a third as long. For PostgreSQL, the
    statements are sent as a pipeline.
    """
    # The connection itself, because `django.db.connection` looks it up for each attribute.
    database = connections[DEFAULT_DB_ALIAS]
    # Inside a transaction the turn is already held; waiting here would be a deadlock.
    if database.in_atomic_block:
        before = contextlib.nullcontext()
    elif database.vendor == "postgresql":
        before = database.pipeline()
    else:
        before = _queue(database)
    with before, transaction.atomic():
        yield


def prepared_cursor():
    """A cursor for statements that are sent again and again, as our backends make it (studio/postgresql/base.py)."""
    return connections[DEFAULT_DB_ALIAS].prepared_cursor()


@contextlib.contextmanager
def skipped_if_busy():
    """For a small write during a read: skipped while the database accepts no writes."""
    try:
        with _without_waiting():
            yield
    except (InterfaceError, OperationalError) as error:
        logger.info("A small write was skipped: %s", error)


@contextlib.contextmanager
def _without_waiting():
    # Inside a transaction the lock is already held; PostgreSQL has no lock on the whole database.
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute("PRAGMA busy_timeout=50")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout={before}")


def _queue(database):
    if database.is_in_memory_db():
        return contextlib.nullcontext()
    return _turn(f"{database.settings_dict['NAME']}-queue")


@contextlib.contextmanager
def _turn(path: str):
    # Opened each time, so that threads wait for each other like processes. Closing it ends the turn.
    began = time.monotonic()
    number = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        if time.monotonic() - began > MAX_WAIT_SECONDS:
            raise NotReady("The database is busy; nothing was changed. Try again in a moment.")
        yield
    finally:
        os.close(number)
