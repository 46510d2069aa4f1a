"""How large the database is, and giving back what deleted rows leave empty."""

from collections.abc import Callable

from django.apps import apps
from django.db import connection

# Of SQLite, freed in one short write: some 2 MB.
PAGES = 500
# What writers wait for readers at most when SQLite's log is emptied.
PATIENCE_MS = 1000
INCREMENTAL = 2


def get_size() -> int:
    """In bytes."""
    if connection.vendor == "sqlite":
        return _pragma("page_count") * _pragma("page_size")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return cursor.fetchone()[0]


def free_space(between: Callable[[], None]) -> bool:
    """Give back some of the empty space; says whether there is more. `between` is called now and then in what takes long."""
    return _shrink_sqlite() if connection.vendor == "sqlite" else _shrink_postgresql(between)


def _shrink_postgresql(between: Callable[[], None]) -> bool:
    """All at once, while others read and write. It makes a file shorter only at its end, and uses the rest for what comes."""
    for model in apps.get_app_config("runs").get_models():
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM (ANALYZE) {connection.ops.quote_name(model._meta.db_table)}")
        between()
    return False


def _shrink_sqlite() -> bool:
    """In short writes, since others wait for each."""
    with connection.cursor() as cursor:
        if _pragma("auto_vacuum") != INCREMENTAL:
            # A database of an older studio: written anew once, so that from then on it can give back in steps.
            cursor.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
            cursor.execute("VACUUM")
        else:
            # A page is freed at each step of the statement. `execute` takes one step, since there are no columns.
            cursor.executescript(f"PRAGMA incremental_vacuum({PAGES})")
    return _pragma("freelist_count") > 0


def empty_log() -> None:
    """SQLite's write-ahead log goes into the file, which alone becomes shorter, and gives back its own space.

    Somebody who reads what was before stops this; there is a next time.
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
