"""The runs of a list from one place to another in its order, without reading what lies before."""

import sys

from django.db.models import F, FilteredRelation, Q
from django.db.models.lookups import GreaterThanOrEqual, IsNull

from runs.models import Run
from runs.pages.lists.columns import METRIC_COLUMNS, TEXTS, Column, Sort, order_runs
from studio.search import concatenated
from studio.search.db_functions import AsNumber, ValueStart

# SQLite finds "is a number" in the index only as a comparison.
LEAST = -sys.float_info.max


def slice_runs(runs, sorts: list[Sort], start: int, stop: int) -> list[tuple[int, int]]:
    """Key and revision of each."""
    parts = _ordered_parts(runs, sorts) if sorts and sorts[0].column.is_row else [order_runs(runs, sorts)]
    return concatenated.taken([part.values_list("pk", "revision") for part in parts], start, stop - start)


def _ordered_parts(runs, sorts: list[Sort]) -> list:
    """The runs that have what the list is sorted by first, in the order of its indexes, numbers before texts; then the others."""
    first, rest = sorts[0], sorts[1:]
    rows, value, orders = _sort_source(first.column)
    joined = runs.alias(row=FilteredRelation(rows, condition=Q(**{f"{rows}__name": first.column.name})))
    parts = []
    for condition, order in orders:
        keys = [key.desc() if first.descending else key.asc() for key in order]
        parts.append(order_runs(joined.filter(condition), rest, *keys))
    model = Run._meta.get_field(rows).related_model
    have = model.objects.filter(name=first.column.name, **{f"{value}__isnull": False}).values("run")
    return [*parts, order_runs(runs.exclude(pk__in=have), rest)]


def _sort_source(one: Column) -> tuple[str, str, list[tuple]]:
    """Where a column's rows are, their value, and as what it is sorted: a condition and an order of an index for each."""
    if one.is_metric:
        value = METRIC_COLUMNS[one.kind]
        return "metrics", value, [(Q(**{f"row__{value}__isnull": False}), [F(f"row__{value}")])]
    number, text, there = AsNumber("row__value"), F("row__value"), Q(row__value__isnull=False)
    numbers = (there & Q(GreaterThanOrEqual(number, LEAST)), [number])
    texts = (there & Q(IsNull(number, True)), [ValueStart(text), text])
    return TEXTS[one.kind], "value", [numbers, texts]
