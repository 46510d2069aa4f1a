"""Failures of the disk, the database or the storage as errors for clients with what to do."""

import errno
import logging
import sqlite3

from django.db import InterfaceError, OperationalError

from studio import statement_limit, storage
from studio.errors import NoSpace, NotReady, StudioError

# Errors that can be translated; others of these types are bugs and stay server errors.
KINDS = (OperationalError, InterfaceError, OSError, storage.Error)
FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
# The storage library gives the system's error only as text.
FULL_TEXTS = tuple(f"(os error {number})" for number in FULL_ERRNOS)
FULL = "The disk of the studio is full, so this was not stored. The administrator of the studio must free some space; then try again."
BUSY = "The database is busy; nothing was changed. Try again in a moment."
AWAY = "The database does not answer; nothing was changed. Try again in a moment."
STORAGE_AWAY = "The storage of files does not answer. Try again in a moment."
SQLITE_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
# The file is missing or its disk fails; also a full disk, inside SQLite's own files.
SQLITE_AWAY = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
# PostgreSQL's classes of codes: connections (08), resources (53), an operator's shutdown (57P), locks and deadlocks.
POSTGRESQL_FULL = ("53100",)
POSTGRESQL_BUSY = ("40", "53", "55P03", "55006")


def make_refusal(error: BaseException | None) -> StudioError | None:
    """The error for the client; None if the failure is something else."""
    if isinstance(error, OperationalError) and statement_limit.is_stopped(error):
        return statement_limit.too_slow()
    if isinstance(error, (OperationalError, InterfaceError)):
        return _of_database(error)
    if isinstance(error, OSError):
        return NoSpace(FULL) if error.errno in FULL_ERRNOS else None
    if isinstance(error, storage.Error):
        return _of_storage(error)
    return None


def _of_database(error: Exception) -> StudioError | None:
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        # The last byte of an extended code is the plain code.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return NoSpace(FULL)
        if code in SQLITE_AWAY:
            return NoSpace(FULL) if storage.is_disk_full() else NotReady(AWAY)
        return NotReady(BUSY) if code in SQLITE_BUSY else None
    code = getattr(cause, "sqlstate", None) or ""
    if code in POSTGRESQL_FULL:
        return NoSpace(FULL)
    return NotReady(BUSY if code.startswith(POSTGRESQL_BUSY) else AWAY)


def _of_storage(error: Exception) -> StudioError | None:
    text = str(error)
    if any(full in text for full in FULL_TEXTS):
        return NoSpace(FULL)
    # For a folder this is a bug, for a network service nearly always an outage.
    return None if "LocalFileSystem" in text else NotReady(STORAGE_AWAY)


def as_line(text: str) -> str:
    """PostgreSQL's errors have several."""
    return " ".join(text.split())


class OneLine(logging.Filter):
    """Log an outage as one line, not as a traceback for each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if make_refusal(error):
            record.msg, record.args = "%s", (as_line(f"{record.getMessage()}: {error}"),)
            record.exc_info = record.exc_text = None
        return True
