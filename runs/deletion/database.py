"""How large the database is, and giving back what deleted rows leave empty."""

from collections.abc import Callable

from django.apps import apps
from django.db import connection

# Of SQLite, freed in one short write: some 4 MB.
PAGES = 1000
INCREMENTAL = 2


def size() -> int:
    """In bytes."""
    if connection.vendor == "sqlite":
        return _pragma("page_count") * _pragma("page_size")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return cursor.fetchone()[0]


def shrink(between: Callable[[], None]) -> None:
    """Give the empty space back, in steps with `between` called between them; writers wait for one step at most."""
    if connection.vendor == "sqlite":
        _shrink_sqlite(between)
        return
    for model in apps.get_app_config("runs").get_models():
        with connection.cursor() as cursor:
            # PostgreSQL uses the space again for what comes; it makes the file shorter only at its end.
            cursor.execute(f"VACUUM (ANALYZE) {connection.ops.quote_name(model._meta.db_table)}")
        between()


def _shrink_sqlite(between: Callable[[], None]) -> None:
    if _pragma("auto_vacuum") != INCREMENTAL:
        # A database of an older studio: written anew once, so that from then on it can give back in steps.
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
            cursor.execute("VACUUM")
        return
    while _pragma("freelist_count"):
        with connection.cursor() as cursor:
            # Each row that is fetched frees a page.
            cursor.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
        between()


def _pragma(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return cursor.fetchone()[0]
