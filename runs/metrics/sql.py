"""The statements of every batch, in SQL that SQLite and PostgreSQL share.

Django would spend twice as long on building them as the database on running them, and scripts log one point at a time.
"""

import datetime as dt

from django.db import connection
from django.utils import timezone

from compute.models import Work
from runs import attempts
from runs.models import MetricBatch, MetricChunk, MetricSeries, Run

SUMMARY = [
    "values", "count", "loose", "last", "last_step", "last_at", "min", "min_step", "max", "max_step",
    "first_step", "shown",
]  # fmt: skip
LOCK = f'UPDATE "{Run._meta.db_table}" SET revision = revision + 1 WHERE id = %s'
LOCK_IF_HELD = f"{LOCK} AND {attempts.STILL_HELD}"
BATCH = f'INSERT INTO "{MetricBatch._meta.db_table}" (run_id, batch_id, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING'
CHUNK = f'INSERT INTO "{MetricChunk._meta.db_table}" (series_id, start, count, data) VALUES (%s, %s, %s, %s)'
SERIES = f'UPDATE "{MetricSeries._meta.db_table}" SET {", ".join(f"{chr(34)}{f}{chr(34)} = %s" for f in SUMMARY)} WHERE id = %s'

FIELDS = [field.attname for field in MetricSeries._meta.concrete_fields]
COLUMNS = ", ".join(f'"{field.column}"' for field in MetricSeries._meta.concrete_fields)
FIND = f'SELECT {COLUMNS} FROM "{MetricSeries._meta.db_table}" WHERE run_id = %s AND name IN ({{}})'


def find_series(run: Run, names) -> dict[str, MetricSeries]:
    """Those series of the run that are there, by name."""
    with connection.cursor() as cursor:
        cursor.execute(FIND.format(", ".join(["%s"] * len(names))), [run.pk, *names])
        rows = [MetricSeries.from_db(connection.alias, FIELDS, row) for row in cursor.fetchall()]
    for row in rows:
        row.run = run
        if isinstance(row.last_at, str):
            # SQLite keeps moments as texts.
            row.last_at = dt.datetime.fromisoformat(row.last_at).replace(tzinfo=dt.UTC)
    return {row.name: row for row in rows}


def lock_run(run: Run) -> None:
    """Raise the run's revision; until the transaction ends, other batches of this run wait here."""
    with connection.cursor() as cursor:
        if run.writer is None:
            cursor.execute(LOCK, [run.pk])
            return
        work_id, attempt = run.writer
        cursor.execute(LOCK_IF_HELD, [run.pk, Work._meta.pk.get_db_prep_value(work_id, connection), attempt])
        if not cursor.rowcount:
            raise attempts.stale_attempt_error(run)


def add_batch(run: Run, batch_id: str) -> bool:
    """False if a batch of this id was stored before."""
    with connection.cursor() as cursor:
        cursor.execute(BATCH, [run.pk, batch_id, _time(timezone.now())])
        return cursor.rowcount == 1


def add_chunks(chunks: list[MetricChunk]) -> None:
    with connection.cursor() as cursor:
        rows: list[tuple] = [(c.series_id, c.start, c.count, c.data) for c in chunks]
        cursor.executemany(CHUNK, rows)


def save_summaries(changed: list[MetricSeries]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(SERIES, [[*_summary(series), series.pk] for series in changed])


def _summary(series: MetricSeries) -> list:
    values = [getattr(series, field) for field in SUMMARY]
    values[SUMMARY.index("last_at")] = _time(series.last_at)
    return values


def _time(moment):
    return moment and connection.ops.adapt_datetimefield_value(moment)
