"""`/healthz` and `/readyz`: whether this process runs, and whether it can work. They respond before Django checks the
host name, and only name what is unavailable; administrators see details on the page Health.


"""

from django.db import Error, close_old_connections, connection
from django.db.migrations.executor import MigrationExecutor

from studio import storage

PATHS = {"/healthz", "/readyz"}
HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]


def answer_probe(path: str, start_response) -> list[bytes]:
    missing = find_missing() if path == "/readyz" else ""
    start_response("503 Service Unavailable" if missing else "200 OK", HEADERS)
    return [f"not ready: {missing}\n".encode() if missing else b"ok\n"]


def find_missing() -> str:
    """The unavailable parts, as words; otherwise empty. Redis is not among it: without it work only starts later."""
    close_old_connections()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _is_migrated():
            return "migrations"
    except Error:
        return "database"
    finally:
        close_old_connections()
    return "" if storage.is_reachable() else "storage"


_migrated = False


def _is_migrated() -> bool:
    """Reading the plan takes a tenth of a second, and a database that is up to date stays so while this process lives."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated
