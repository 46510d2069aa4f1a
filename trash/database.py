"""The size of the database, and releasing the space of deleted rows."""

from collections.abc import Callable

from django.apps import apps
from django.db import connection

# SQLite pages released in one short write: about 2 MB.
PAGES = 500
# How long truncating SQLite's log waits for readers at most.
PATIENCE_MS = 1000
INCREMENTAL = 2


def get_size() -> int:
    """The size of the database in bytes."""
    if connection.vendor == "sqlite":
        return _pragma("page_count") * _pragma("page_size")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return cursor.fetchone()[0]


def free_space(between: Callable[[], None]) -> bool:
    """Release some of the empty space; returns whether there is more. `between` is called regularly in long steps."""
    return _shrink_sqlite() if connection.vendor == "sqlite" else _shrink_postgresql(between)


def _shrink_postgresql(between: Callable[[], None]) -> bool:
    """All at once, while others read and write. Files shrink only at the end; other space is reused."""
    for model in apps.get_app_config("runs").get_models():
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM (ANALYZE) {connection.ops.quote_name(model._meta.db_table)}")
        between()
    return False


def _shrink_sqlite() -> bool:
    """In short writes, because others wait for each."""
    with connection.cursor() as cursor:
        if _pragma("auto_vacuum") != INCREMENTAL:
            # A database of an older version: rewritten once, so that it can then release space in steps.
            cursor.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
            cursor.execute("VACUUM")
        else:
            # Each step of the statement releases a page. `execute` runs only one step, because there are no columns.
            cursor.executescript(f"PRAGMA incremental_vacuum({PAGES})")
    return _pragma("freelist_count") > 0


def empty_log() -> None:
    """Write SQLite's write-ahead log into the database file, which can then shrink, and truncate the log.

    A reader of an older state prevents this; it is tried again next time.
    """
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        usual = _pragma("busy_timeout")
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute(f"PRAGMA busy_timeout = {usual}")


def _pragma(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return cursor.fetchone()[0]
