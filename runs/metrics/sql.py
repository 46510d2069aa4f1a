"""The SQL of storing a batch, for both SQLite and PostgreSQL.

Django would need twice as long to build the statements as the database to run them, and scripts log single points.
"""

import dataclasses
import functools
from collections.abc import Iterable

from django.db import connection
from django.utils import timezone

from runs.models import MetricBatch, MetricChunk, MetricSeries, Run
from studio import statements
from studio.database import prepared_cursor

SUMMARY = [
    "values", "count", "loose", "last", "last_step", "last_at", "min", "min_step", "max", "max_step",
    "first_step", "shown",
]  # fmt: skip
BATCH = f'INSERT INTO "{MetricBatch._meta.db_table}" (run_id, batch_id, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING id'
COUNT = f'SELECT COUNT(*) FROM "{MetricSeries._meta.db_table}" WHERE run_id = %s'
NEW = ["run", "name", "kind", *SUMMARY]
T = f'"{MetricChunk._meta.db_table}"'
SHORTER = f"SELECT start, count, data FROM {T} WHERE series_id = %s AND count < %s ORDER BY start"
DELETE = f"DELETE FROM {T} WHERE series_id = %s AND start BETWEEN %s AND %s"


@dataclasses.dataclass(slots=True)
class Chunk:
    """A MetricChunk in a tenth of the time that a model needs."""

    series: MetricSeries
    start: int
    count: int
    data: bytes


def find_series(run: Run, names) -> dict[str, MetricSeries]:
    """The existing series of the run, by name."""
    rows = statements.read_rows(MetricSeries, run=run.pk, name=list(names))
    for row in rows:
        row.run, row.stored = run, _summary(row)
    return {row.name: row for row in rows}


def count_series(run: Run) -> int:
    with prepared_cursor() as cursor:
        cursor.execute(COUNT, [run.pk])
        (count,) = cursor.fetchone()
    return count


def add_series(fresh: list[MetricSeries]) -> None:
    """Store new series with their summaries; they get their keys."""
    if not fresh:
        return
    rows = [[row.run_id, *(getattr(row, name) for name in NEW[1:])] for row in fresh]
    for row, key in zip(fresh, statements.insert_rows(MetricSeries, NEW, rows), strict=True):
        row.pk = key


def add_batch(run: Run, batch_id: str) -> bool:
    """False if a batch with this id was stored before."""
    with prepared_cursor() as cursor:
        cursor.execute(BATCH, [run.pk, batch_id, _time(timezone.now())])
        return cursor.fetchone() is not None


def read_shorter_chunks(series: MetricSeries, count: int) -> list[Chunk]:
    with prepared_cursor() as cursor:
        cursor.execute(SHORTER, [series.pk, count])
        return [Chunk(series, *row) for row in cursor.fetchall()]


def add_chunks(chunks: list[Chunk]) -> None:
    # A series may have got its key only now.
    rows = [(chunk.series.pk, chunk.start, chunk.count, chunk.data) for chunk in chunks]
    statements.add_rows(MetricChunk, ["series", "start", "count", "data"], rows)


def replace_chunks(chunks: list[Chunk], merged: Chunk) -> None:
    """All of one series."""
    with prepared_cursor() as cursor:
        cursor.execute(DELETE, [merged.series.pk, chunks[0].start, chunks[-1].start])
    add_chunks([merged])


def reset_loose(series: MetricSeries) -> None:
    series.loose = 0
    with prepared_cursor() as cursor:
        cursor.execute(_update(("loose",)), [0, series.pk])


def save_summaries(changed: list[MetricSeries]) -> None:
    """Columns with other values than `find_series` has read: SQLite writes the indexes of all columns that it is given."""
    alike: dict[tuple, list[list]] = {}
    for series in changed:
        names = tuple(name for name, was in zip(SUMMARY, series.stored, strict=True) if getattr(series, name) != was)
        if names:
            alike.setdefault(names, []).append([*(_prepare(series, name) for name in names), series.pk])
        series.stored = _summary(series)
    for names, rows in alike.items():
        with prepared_cursor() as cursor:
            if len(rows) == 1:
                cursor.execute(_update(names), rows[0])
            else:
                cursor.executemany(_update(names), rows)


@functools.cache
def _update(names: Iterable[str]) -> str:
    """One of a few: of the many possible sets of names, points that are logged one after another change only some."""
    columns = ", ".join(f'"{name}" = %s' for name in names)
    return f'UPDATE "{MetricSeries._meta.db_table}" SET {columns} WHERE id = %s'


def _summary(series: MetricSeries) -> list:
    return [getattr(series, name) for name in SUMMARY]


def _prepare(series: MetricSeries, name: str):
    value = getattr(series, name)
    return _time(value) if name == "last_at" else value


def _time(moment):
    return moment and connection.ops.adapt_datetimefield_value(moment)
