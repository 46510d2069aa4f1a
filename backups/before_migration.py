"""Copies the database before the start migrates it, so that the version before can have it back."""

import contextlib
import pathlib
import shutil
import sqlite3
import time

from django.conf import settings
from django.core.management import CommandError
from django.db import connection
from django.utils import timezone

from backups import database_copies
from backups.models import BackupFailed
from studio.formats import format_bytes

FOLDER, SUFFIXES = "before-migrations", {"sqlite": ".sqlite3", "postgresql": ".dump"}
KEPT = 3
REMEDY = "Nothing was changed. Correct that, or start without a copy: make up COPY_BEFORE_MIGRATION=0"


def copy_before_migration() -> str:
    """Copy the database into the folder of backups, and return a line that says so; a CommandError says why not."""
    if not settings.COPY_BEFORE_MIGRATION:
        return ""
    folder, began = settings.BACKUP_DIR / FOLDER, time.monotonic()
    path = folder / f"{timezone.now():%Y-%m-%dT%H-%M-%SZ}{SUFFIXES[connection.vendor]}"
    part = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _copy(part)
        part.rename(path)
    except (BackupFailed, OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise CommandError(
            f"The database has to be migrated, and could not be copied before: {error} {REMEDY}"
        ) from error
    for old in sorted(folder.glob("*Z.*"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return f"Copied the database to {path} ({format_bytes(path.stat().st_size)}, {time.monotonic() - began:.1f} s)."


def _copy(path: pathlib.Path) -> None:
    if connection.vendor == "postgresql":
        database_copies.run_tool("pg_dump", [*database_copies.DUMP_OPTIONS, f"--file={path}"], lambda: None)
        return
    source = pathlib.Path(connection.settings_dict["NAME"])
    needed, free = source.stat().st_size, shutil.disk_usage(path.parent).free
    if free < needed + settings.DISK_RESERVE_BYTES:
        raise BackupFailed(f"it has {format_bytes(needed)}, and {format_bytes(free)} are free in {path.parent}.")
    with (
        contextlib.closing(sqlite3.connect(source)) as found,
        contextlib.closing(sqlite3.connect(path)) as copy,
    ):
        found.backup(copy, pages=database_copies.PAGES)
        # A single file without a log.
        copy.execute("PRAGMA journal_mode=DELETE")
