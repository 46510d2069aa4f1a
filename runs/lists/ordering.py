"""The runs of a list from one place to another in its order, without reading what lies before."""

from django.db.models import F, FilteredRelation, Q

from runs.lists.columns import Sort, ordered
from runs.models import MetricSeries


def places(runs, sorts: list[Sort], start: int, stop: int) -> list[tuple[int, int]]:
    """Key and revision of each."""
    if sorts and sorts[0].is_by_last:
        return _by_metric(runs, sorts[0], sorts[1:], start, stop)
    return list(ordered(runs, sorts).values_list("pk", "revision")[start:stop])


def _by_metric(runs, first: Sort, rest: list[Sort], start: int, stop: int) -> list[tuple[int, int]]:
    """Those with a number there in the order of its index, then those without."""
    series = FilteredRelation("metrics", condition=Q(metrics__name=first.column.name))
    numbers = runs.alias(series=series).filter(series__last__isnull=False)
    last = F("series__last")
    numbers = ordered(numbers, rest, last.desc() if first.descending else last.asc()).values_list("pk", "revision")
    found = list(numbers[start:stop])
    if len(found) == stop - start:
        return found
    before = start + len(found) if found or not start else numbers.count()
    have = MetricSeries.objects.filter(name=first.column.name, last__isnull=False).values("run")
    others = ordered(runs.exclude(pk__in=have), rest).values_list("pk", "revision")
    skip = max(0, start - before)
    return found + list(others[skip : skip + stop - start - len(found)])
