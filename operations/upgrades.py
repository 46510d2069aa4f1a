"""The plan of an upgrade of the database, and the reason why it may not begin, before anything is changed."""

import dataclasses
import shutil
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations import Migration, RunPython, RunSQL, operations
from django.db.migrations.executor import MigrationExecutor

from backups.models import Backup
from compute.machine_checks import is_old
from compute.models import Host, Work
from studio import database_history
from studio.formats import format_bytes, format_count

# Rows beyond this number are not counted.
MAX_COUNTED = 1_000_000
# A rewritten table of SQLite is a second copy of it, and its log a third.
COPIES = 2
REWRITES = (operations.AddField, operations.AlterField, operations.RemoveField, operations.AddConstraint)


@dataclasses.dataclass(frozen=True)
class Step:
    """A migration that is not applied, in words, and the largest number of rows of the tables that it touches."""

    name: str
    effects: list[str]
    rows: int

    def __str__(self):
        number = f"more than {MAX_COUNTED:,} rows" if self.rows > MAX_COUNTED else format_count(self.rows, "row")
        return f"{self.name}: {'; '.join(self.effects) or 'nothing in the database'} ({number})"


def list_steps() -> list[Step]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    tables = set(connection.introspection.table_names())
    return [_describe(migration, tables) for migration, _ in plan]


def _describe(migration: Migration, tables: set[str]) -> Step:
    effects, touched = [], set()
    for operation in migration.operations:
        effects.append(_name_effect(operation))
        model = getattr(operation, "model_name", "")
        touched.add(f"{migration.app_label}_{model}".lower())
    rows = max((_count_rows(table) for table in touched & tables), default=0)
    return Step(f"{migration.app_label}.{migration.name}", list(dict.fromkeys(effects)), rows)


def _name_effect(operation) -> str:
    if isinstance(operation, RunPython | RunSQL):
        return "changes rows"
    if isinstance(operation, operations.AddIndex):
        return f"builds an index of {operation.model_name}"
    if isinstance(operation, REWRITES) and connection.vendor == "sqlite":
        return f"rewrites {operation.model_name}"
    if isinstance(operation, REWRITES):
        return f"locks {operation.model_name} for a moment"
    return operation.describe()[:1].lower() + operation.describe()[1:]


def _count_rows(table: str) -> int:
    name = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM (SELECT 1 FROM {name} LIMIT {MAX_COUNTED + 1}) AS counted")
        return cursor.fetchone()[0]


def find_refusal(steps: list[Step]) -> str:
    """The reason why the upgrade may not begin, as a sentence with what to do; otherwise empty."""
    if problem := database_history.problem_with(connection):
        return problem
    needed = COPIES * _read_size() if steps else 0
    free = shutil.disk_usage(settings.DATA_DIR).free
    if connection.vendor == "sqlite" and free < needed:
        return (
            f"Only {format_bytes(free)} are free on the disk of {settings.DATA_DIR}, and the migrations may need "
            f"{format_bytes(needed)}. Empty the trash, or move DATA_DIR to a larger disk."
        )
    return ""


def _read_size() -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return cursor.fetchone()[0]


def list_notes() -> Iterator[str]:
    """Other facts to know before an upgrade."""
    yield f"The database has {format_bytes(_read_size())}."
    yield f"{format_bytes(shutil.disk_usage(settings.DATA_DIR).free)} are free on the disk of {settings.DATA_DIR}."
    try:
        last = Backup.objects.last_good()
        yield (
            f"The last verified backup is {format_count(last.age.days, 'day')} old."
            if last
            else "There is no verified backup yet."
        )
        old = [host.name for host in Host.objects.filter(detached_at=None) if is_old(host)]
        running = Work.objects.held().count()
    except DatabaseError:
        yield "Backups, machines and jobs are not shown, because their tables change."
        return
    if old:
        yield f"Machines to upgrade afterwards (pip install --upgrade lazuli-sdk): {', '.join(old[:10])}."
    if running:
        yield f"{format_count(running, 'job')} running. With STOP=wait, stopping the studio lets them end first."
