"""The SQL of storing a batch, for both SQLite and PostgreSQL.

Django would need twice as long to build the statements as the database to run them, and scripts log single points.
"""

from django.db import connection
from django.utils import timezone

from runs.models import MetricBatch, MetricChunk, MetricSeries, Run
from studio import statements

SUMMARY = [
    "values", "count", "loose", "last", "last_step", "last_at", "min", "min_step", "max", "max_step",
    "first_step", "shown",
]  # fmt: skip
BATCH = f'INSERT INTO "{MetricBatch._meta.db_table}" (run_id, batch_id, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING id'
SERIES = f'UPDATE "{MetricSeries._meta.db_table}" SET {", ".join(f"{chr(34)}{f}{chr(34)} = %s" for f in SUMMARY)} WHERE id = %s'

COUNT = f'SELECT COUNT(*) FROM "{MetricSeries._meta.db_table}" WHERE run_id = %s'
NEW = ["run", "name", "kind", *SUMMARY]


def find_series(run: Run, names) -> dict[str, MetricSeries]:
    """The existing series of the run, by name."""
    rows = statements.read_rows(MetricSeries, run=run.pk, name=list(names))
    for row in rows:
        row.run = run
    return {row.name: row for row in rows}


def count_series(run: Run) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [run.pk])
        (count,) = cursor.fetchone()
    return count


def add_series(fresh: list[MetricSeries]) -> None:
    """Store new series with their summaries; they get their keys."""
    rows = [[row.run_id, *(getattr(row, name) for name in NEW[1:])] for row in fresh]
    for row, key in zip(fresh, statements.insert_rows(MetricSeries, NEW, rows), strict=True):
        row.pk = key


def add_batch(run: Run, batch_id: str) -> bool:
    """False if a batch with this id was stored before."""
    with connection.cursor() as cursor:
        cursor.execute(BATCH, [run.pk, batch_id, _time(timezone.now())])
        return cursor.fetchone() is not None


def add_chunks(chunks: list[MetricChunk]) -> None:
    for chunk in chunks:
        # Its series may have got its key only now.
        chunk.series_id = chunk.series.pk
    rows = [(chunk.series_id, chunk.start, chunk.count, chunk.data) for chunk in chunks]
    statements.add_rows(MetricChunk, ["series", "start", "count", "data"], rows)


def save_summaries(changed: list[MetricSeries]) -> None:
    if not changed:
        return
    with connection.cursor() as cursor:
        if len(changed) == 1:
            cursor.execute(SERIES, [*_summary(changed[0]), changed[0].pk])
        else:
            cursor.executemany(SERIES, [[*_summary(series), series.pk] for series in changed])


def _summary(series: MetricSeries) -> list:
    values = [getattr(series, field) for field in SUMMARY]
    values[SUMMARY.index("last_at")] = _time(series.last_at)
    return values


def _time(moment):
    return moment and connection.ops.adapt_datetimefield_value(moment)
