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


def shrink(between: Callable[[], None]) -> bool:
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
            return False
        # Each row that is fetched frees a page.
        cursor.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
    return _pragma("freelist_count") > 0


def _pragma(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return cursor.fetchone()[0]
