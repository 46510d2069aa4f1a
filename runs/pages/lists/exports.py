"""A list of runs as CSV, line by line, with constant memory."""

from collections.abc import Iterator

from runs.models import Run
from runs.pages.lists.columns import CellValues, slice_runs
from runs.pages.lists.tables import LEFT_OUT, RunTable

BATCH = 500


def iterate_rows(table: RunTable, shown_only: bool) -> Iterator[list]:
    """The columns of the list with the run id first; all matching runs in order, or only the shown rows."""
    columns = [one for one in table.columns if one.id != "id"]
    yield ["Run ID", *[one.label for one in columns]]
    for rows in [table.rows] if shown_only else _iterate_batches(table):
        values = CellValues(rows, columns)
        for run in rows:
            yield [run.run_id, *[values.get(run, one) for one in columns]]


def _iterate_batches(table: RunTable) -> Iterator[list[Run]]:
    # All keys are read first, so that the order stays the same while rows are written.
    pks = [pk for pk, _ in slice_runs(table.matching, table.sorts, 0, table.matching.count())]
    runs = Run.objects.select_related("experiment", "created_by").prefetch_related("tag_rows").defer(*LEFT_OUT)
    for start in range(0, len(pks), BATCH):
        part = pks[start : start + BATCH]
        found = runs.in_bulk(part)
        yield [found[pk] for pk in part if pk in found]
