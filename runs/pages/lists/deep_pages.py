"""Pages far down a long list that is sorted by a metric: the stored values say which runs are near, and only these are
sorted."""

import numpy as np

from runs.models import Run
from runs.pages.lists import groups, run_values

# So far down, and with so many runs of the same values, the database sorts as quickly.
FAR, MANY_EQUAL = 10_000, 1_000


def is_deep(table) -> bool:
    if table.group_by or not table.sorts[0].column.is_metric:
        return False
    return ((table.options["page"] or 1) - 1) * table.options["size"] >= FAR


def slice_runs(table, start: int, stop: int) -> list[tuple[int, int]] | None:
    """As columns.slice_runs; None if the values are not stored, the page has runs without a finite value, or other columns decide."""
    source = groups.find_source(table.sorts[0].column)
    values = run_values.read_values(source, table.keys, table.workspace, patient=False)
    if values is None:
        return None
    there = np.isfinite(values)
    ranks = -values[there] if table.sorts[0].descending else values[there]
    if stop > len(ranks):
        return None
    first, last = np.partition(ranks, [start, stop - 1])[[start, stop - 1]]
    is_near = (ranks >= first) & (ranks <= last)
    near = dict(zip(table.keys.keys[there][is_near].tolist(), ranks[is_near].tolist(), strict=True))
    if len(near) > MANY_EQUAL or (len(table.sorts) > 1 and len(set(near.values())) < len(near)):
        return None
    found = Run.objects.filter(pk__in=near).order_by("-created_at", "-pk").values_list("pk", "revision")
    before = int(np.count_nonzero(ranks < first))
    return sorted(found, key=lambda row: near[row[0]])[start - before : stop - before]
