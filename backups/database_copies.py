"""Consistent copies of the database while others write: SQLite's backup API, or pg_dump and pg_restore."""

import contextlib
import glob
import os
import pathlib
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection, connections

from backups.models import BackupFailed

NAMES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
# Pages of SQLite's between two heartbeats: 16 MB.
PAGES = 4000
# The connection to the copy that a check restores.
ALIAS = "restored"
# Options of a connection that libpq's programs read from the environment.
OPTIONS = {name: f"PG{name.upper()}" for name in ("sslmode", "sslrootcert", "sslcert", "sslkey", "service", "passfile")}
# The least compression, which takes a third of the usual time.
DUMP_OPTIONS = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges"]
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"

Tick = Callable[[], None]


def copy_database(folder: pathlib.Path, tick: Tick) -> dict:
    """Copy the database consistently; returns {"tables": {name: rows}, "migrations": [app.name]}. `tick` is called
    again and again."""
    path = folder / NAMES[connection.vendor]
    return _copy_sqlite(path, tick) if connection.vendor == "sqlite" else _dump_postgresql(path, tick)


def _copy_sqlite(path: pathlib.Path, tick: Tick) -> dict:
    with (
        contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as source,
        contextlib.closing(sqlite3.connect(path)) as target,
    ):
        # One transaction for all steps: otherwise each write of another process would restart the copy.
        source.execute("BEGIN")
        source.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
        target.execute("PRAGMA synchronous=OFF")
        source.backup(target, pages=PAGES, progress=lambda *_: tick())
        # A single file without a log.
        target.execute("PRAGMA journal_mode=DELETE")
        names = [name for (name,) in target.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return _describe(target, [name for name in names if not name.startswith("sqlite_")], tick)


def _describe(database, names: list[str], tick: Tick) -> dict:
    counts = {}
    for name in sorted(names):
        counts[name] = database.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0]
        tick()
    applied = database.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
    return {"tables": counts, "migrations": [f"{app}.{name}" for app, name in applied]}


def _dump_postgresql(path: pathlib.Path, tick: Tick) -> dict:
    with _connected() as database:
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # The rows are counted in the snapshot that pg_dump writes.
        (snapshot,) = database.execute("SELECT pg_export_snapshot()").fetchone()
        run_tool(
            "pg_dump",
            [*DUMP_OPTIONS, f"--snapshot={snapshot}", f"--file={path}"],
            tick,
        )
        return _describe(database, [name for (name,) in database.execute(TABLES).fetchall()], tick)


@contextlib.contextmanager
def _connected(**options):
    """A separate connection to PostgreSQL; its errors become the reason of a failure."""
    # Imported here to save memory in studios on SQLite.
    import psycopg

    settings = connection.settings_dict
    keys = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    where: dict[str, Any] = {key: settings[of] or None for key, of in keys.items()}
    given = {key: value for key, value in settings["OPTIONS"].items() if key in OPTIONS}
    try:
        with contextlib.closing(psycopg.connect(**where, **given, connect_timeout=10, **options)) as database:
            yield database
    except psycopg.Error as error:
        raise BackupFailed(f"PostgreSQL: {str(error).strip()}") from error


def run_tool(name: str, arguments: list[str], tick: Tick, database: str = "") -> None:
    """Run one of PostgreSQL's programs; the password is in none of its arguments."""
    settings = connection.settings_dict
    environment = {**os.environ, "PGDATABASE": database or settings["NAME"]}
    for key, of in {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}.items():
        if settings[of]:
            environment[key] = str(settings[of])
    environment |= {OPTIONS[key]: str(value) for key, value in settings["OPTIONS"].items() if key in OPTIONS}
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen([find_tool(name), *arguments], env=environment, stdout=said, stderr=said) as process:
            try:
                # Pages are answered first.
                os.setpriority(os.PRIO_PROCESS, process.pid, 10)
                while process.poll() is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(timeout=1)
                    tick()
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            said.seek(0)
            raise BackupFailed(f"{name} failed: {said.read()[-1000:].decode(errors='replace').strip()}")


def find_tool(name: str) -> str:
    """Find the newest installed version: an older one refuses a newer server."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    if not found:
        raise BackupFailed(
            f"{name} was not found. Install PostgreSQL's programs (Debian: apt-get install postgresql-client)."
        )
    return found


def is_empty() -> bool:
    """Whether the database of this studio has no tables yet."""
    if connection.vendor == "postgresql":
        with _connected() as database:
            return not database.execute(TABLES).fetchall()
    path = pathlib.Path(connection.settings_dict["NAME"])
    return not path.exists() or not path.stat().st_size


def restore_database(source: pathlib.Path, tick: Tick) -> None:
    """Restore into the empty database of this studio, completely or not at all."""
    if connection.vendor == "postgresql":
        _restore_postgresql(source, tick)
        return
    path = pathlib.Path(connection.settings_dict["NAME"])
    # Leftovers of another database with this name would be used as this one's log.
    for end in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    fresh = path.with_name(path.name + ".restoring")
    shutil.copyfile(source, fresh)
    with open(fresh, "rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)


def _restore_postgresql(source: pathlib.Path, tick: Tick, name: str = "") -> None:
    database = name or connection.settings_dict["NAME"]
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", f"--dbname={database}"]
    run_tool("pg_restore", [*options, str(source)], tick, database)


@contextlib.contextmanager
def restore_for_check(source: pathlib.Path, scratch: pathlib.Path) -> Iterator[str]:
    """The alias of a connection to a copy, which is removed at the end."""
    with _scratch_sqlite(source, scratch) if connection.vendor == "sqlite" else _scratch_postgresql(source) as name:
        connections.settings[ALIAS] = {**connections.settings["default"], "NAME": name, "CONN_MAX_AGE": 0}
        try:
            yield ALIAS
        finally:
            connections[ALIAS].close()
            del connections[ALIAS]
            del connections.settings[ALIAS]


@contextlib.contextmanager
def _scratch_sqlite(source: pathlib.Path, scratch: pathlib.Path) -> Iterator[str]:
    path = scratch / NAMES["sqlite"]
    shutil.copyfile(source, path)
    yield str(path)


@contextlib.contextmanager
def _scratch_postgresql(source: pathlib.Path) -> Iterator[str]:
    name = f"lazuli_check_{secrets.token_hex(4)}"
    with _connected(autocommit=True) as server:
        if not server.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()[
            0
        ]:
            raise BackupFailed(
                "A check restores into a separate database, which this role cannot create: run ALTER ROLE … CREATEDB."
            )
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            _restore_postgresql(source, lambda: None, name)
            yield name
        finally:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def find_damage(alias: str) -> list[str]:
    """Find damage of a restored database in SQLite; PostgreSQL would have refused it."""
    if connections[alias].vendor != "sqlite":
        return []
    with connections[alias].cursor() as cursor:
        said = [text for (text,) in cursor.execute("PRAGMA integrity_check(5)").fetchall() if text != "ok"]
        lost = cursor.execute("PRAGMA foreign_key_check").fetchmany(5)
    return [f"The database is damaged: {text}" for text in said] + [
        f"Row {row[1]} of {row[0]} refers to a row of {row[2]} that does not exist." for row in lost
    ]


def count_rows(alias: str, names: list[str]) -> dict[str, int]:
    connections[alias].ensure_connection()
    found: dict[str, int] = {}
    present = set(connections[alias].introspection.table_names())
    with connections[alias].cursor() as cursor:
        for name in names:
            if name in present:
                cursor.execute(f"SELECT COUNT(*) FROM {connections[alias].ops.quote_name(name)}")
                found[name] = cursor.fetchone()[0]
    return found
