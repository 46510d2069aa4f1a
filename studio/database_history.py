"""Whether the database was made by this version: an older or newer one is refused in words, not by a failing migration."""

import pathlib

from django.apps import apps
from django.conf import settings
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.loader import MigrationLoader


def problem_with(connection) -> str:
    """Why this version cannot work with the database and what to do, as a sentence or two; empty if it can."""
    loader = MigrationLoader(connection)
    try:
        loader.check_consistent_history(connection)
    except InconsistentMigrationHistory:
        # Before the first release the migrations began anew; what was applied then lacks what all now depend on.
        return f"{_what(connection)} was made by an earlier pre-release, whose tables differ. {_remedy(connection)}"
    replaced = {key for migration in loader.replacements.values() for key in migration.replaces}
    unknown = set(loader.applied_migrations) - set(loader.disk_migrations) - replaced
    ours = sorted(f"{app}.{name}" for app, name in unknown if app in _our_apps())
    if ours:
        return (
            f"{_what(connection)} was changed by another version of Lazuli Studio ({', '.join(ours[:3])}), which this one "
            f"does not know. Start that version. Or begin anew: {_remedy(connection)}"
        )
    return ""


def _our_apps() -> set[str]:
    here = pathlib.Path(settings.BASE_DIR)
    return {config.label for config in apps.get_app_configs() if pathlib.Path(config.path).parent == here}


def _what(connection) -> str:
    if connection.vendor == "sqlite":
        return f"The data folder {settings.DATA_DIR}"
    return f"The database {connection.settings_dict['NAME']} of DATABASE_URL"


def _remedy(connection) -> str:
    if connection.vendor == "sqlite":
        return "Move it away, or delete it with `make clean`; then start again."
    return (
        f"Name an empty database in DATABASE_URL and move the data folder {settings.DATA_DIR} away; then start again."
    )
