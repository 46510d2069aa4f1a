"""`/healthz` and `/readyz`: whether this process runs, and whether it can work. They respond before Django checks the
host name, and only name what is unavailable; administrators see details on the page Health.

The doctor sends a signed header; then the answer tells what of its request arrived through the proxy.
"""

import json

from django.core import signing
from django.db import Error, close_old_connections, connection
from django.db.migrations.executor import MigrationExecutor

from studio import storage

PATHS = {"/healthz", "/readyz"}
HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
SALT = "studio.probes"
QUESTION_SECONDS = 60


def answer_probe(path: str, variables: dict, start_response) -> list[bytes]:
    if "HTTP_X_STUDIO_DOCTOR" in variables and _is_question(variables["HTTP_X_STUDIO_DOCTOR"]):
        start_response("200 OK", HEADERS)
        return [describe_arrival(variables)]
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


def sign_question() -> str:
    """The header with which the doctor asks; only a process with the studio's key can make it."""
    return signing.TimestampSigner(salt=SALT).sign("doctor")


def _is_question(text: str) -> bool:
    try:
        signing.TimestampSigner(salt=SALT).unsign(text, max_age=QUESTION_SECONDS)
    except signing.BadSignature:
        return False
    return True


def describe_arrival(variables: dict) -> bytes:
    names = {"address": "REMOTE_ADDR", "forwardedFor": "HTTP_X_FORWARDED_FOR", "upgrade": "HTTP_UPGRADE"}
    return json.dumps({"studio": True, **{key: variables.get(name, "") for key, name in names.items()}}).encode()


def read_arrival(content: bytes) -> dict:
    """ValueError if another program answered."""
    arrived = json.loads(content)
    if not isinstance(arrived, dict) or not arrived.get("studio"):
        raise ValueError("not this studio")
    return arrived
