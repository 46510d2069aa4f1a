"""Checks that the database is of this version and belongs to the files; otherwise the start ends with a message and
changes nothing."""

import pathlib
from collections.abc import Callable

from django.apps import apps
from django.conf import settings
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.loader import MigrationLoader

from studio import env, storage

# Called before the start migrates a database that has tables; each returns a line to print.
BEFORE_MIGRATION: list[Callable[[], str]] = []


def problem_with(connection) -> str:
    """Why this version cannot use the database and what to do about it; empty if it can."""
    loader = MigrationLoader(connection)
    if not loader.applied_migrations and not env.read_bool("START_OVER", False) and storage.has_files():
        return (
            f"{_name_database(connection)} is empty, but there are files of an earlier studio in {storage.get_shown_url()}. "
            f"Put the database back ({_describe_restore(connection)}) or correct DATA_DIR and DATABASE_URL; or move these files away. "
            "To start over without them: make up START_OVER=1"
        )
    try:
        loader.check_consistent_history(connection)
    except InconsistentMigrationHistory:
        # Migrations were restarted before the first release; older databases lack the ones that all now depend on.
        return f"{_name_data(connection)} was made by an earlier pre-release, whose tables differ. {_describe_remedy(connection)}"
    replaced = {key for migration in loader.replacements.values() for key in migration.replaces}
    unknown = set(loader.applied_migrations) - set(loader.disk_migrations) - replaced
    ours = sorted(f"{app}.{name}" for app, name in unknown if app in _our_apps())
    if ours:
        return (
            f"{_name_data(connection)} was changed by another version of Lazuli Studio ({', '.join(ours[:3])}), which this one "
            f"does not know. Start that version. Or start over: {_describe_remedy(connection)}"
        )
    return ""


def _our_apps() -> set[str]:
    here = pathlib.Path(settings.BASE_DIR)
    return {config.label for config in apps.get_app_configs() if pathlib.Path(config.path).parent == here}


def _name_database(connection) -> str:
    if connection.vendor == "sqlite":
        return f"The database {connection.settings_dict['NAME']}"
    return f"The database {connection.settings_dict['NAME']} of DATABASE_URL"


def _describe_restore(connection) -> str:
    if connection.vendor == "sqlite":
        return "copy studio.sqlite3 from the backup of the data folder"
    return "restore its dump"


def _name_data(connection) -> str:
    if connection.vendor == "sqlite":
        return f"The data folder {settings.DATA_DIR}"
    return f"The database {connection.settings_dict['NAME']} of DATABASE_URL"


def _describe_remedy(connection) -> str:
    if connection.vendor == "sqlite":
        return "Move it away, or delete it with `make clean`; then start again."
    return (
        f"Name an empty database in DATABASE_URL and move the data folder {settings.DATA_DIR} away; then start again."
    )
