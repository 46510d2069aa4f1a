"""Runs of a list folded into groups that have the same parameter, tag, property or attribute."""

import dataclasses

from django.db.models import Avg, CharField, Count, F, FilteredRelation, Q, StdDev, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from runs import cells, clauses
from runs.columns import ATTRIBUTES, METRIC_COLUMNS, Column, Sort, column, related
from studio.errors import Invalid

# Groups that are counted, and runs of one that an unfolded group shows.
MOST = 1000
ROWS = 25
BY = ["experiment", "status", "by", "target", "type", "node"]


@dataclasses.dataclass
class Group:
    """`value` is empty for the runs that have none; `means` is by column: mean, spread and number of values."""

    value: str
    count: int
    means: dict[str, tuple]
    is_open: bool = False
    rows: list = dataclasses.field(default_factory=list)
    cells: list = dataclasses.field(default_factory=list)
    # Conditions that find its runs; empty if the query box cannot say it.
    clause: str = ""
    # To fold or unfold it, and to all of its runs.
    url: str = ""
    all_url: str = ""


def key_column(word: str) -> Column:
    one = column(word)
    if one.is_metric or (one.kind == "attribute" and one.name not in BY):
        raise Invalid(
            f"group={word!r}: write param-NAME, tag-NAME, property-NAME or one of {', '.join(BY)}.", target="group"
        )
    return one


def _keyed(runs, one: Column):
    if one.kind == "attribute":
        return runs, Coalesce(ATTRIBUTES[one.name][1], Value(""), output_field=CharField())
    if one.kind == "property":
        return runs, Coalesce(Cast(KeyTextTransform(one.name, "properties"), TextField()), Value(""))
    runs, value = related(runs, one, "grouped")
    return runs, Coalesce(value, Value(""))


def members(runs, one: Column, value: str):
    """The runs of one group."""
    runs, key = _keyed(runs, one)
    return runs.alias(group_key=key).filter(group_key=value)


def of(runs, one: Column, columns: list[Column], sorts: list[Sort]) -> list[Group]:
    """The largest first, or in the order of what the list is sorted by; at most so many and one more."""
    metrics = [other for other in columns if other.is_metric]
    first = sorts[0] if sorts else None
    if first and first.column.is_metric and first.column.id not in [other.id for other in metrics]:
        metrics.append(first.column)
    rows = list(_counted(runs, one, metrics)[: MOST + 1])
    groups = [_group(row, one, metrics) for row in rows]
    return _sorted(groups, one, first)


def _counted(runs, one: Column, metrics: list[Column]):
    runs, key = _keyed(runs.order_by(), one)
    relations = {f"m{n}": FilteredRelation("metrics", condition=Q(metrics__name=m.name)) for n, m in enumerate(metrics)}
    figures = {}
    for place, other in enumerate(metrics):
        value = F(f"m{place}__{METRIC_COLUMNS[other.kind]}")
        figures |= {f"mean{place}": Avg(value), f"spread{place}": StdDev(value, sample=True), f"n{place}": Count(value)}
    grouped = runs.alias(**relations).annotate(group_key=key).values("group_key")
    return grouped.annotate(total=Count("pk"), **figures).order_by("-total", "group_key")


def _group(row: dict, one: Column, metrics: list[Column]) -> Group:
    means = {other.id: (row[f"mean{n}"], row[f"spread{n}"], row[f"n{n}"]) for n, other in enumerate(metrics)}
    value = row["group_key"]
    clause = "" if one.kind == "property" or one.id == "node" else clauses.equal(one.kind, one.name, value)
    return Group(value, row["total"], means, clause=clause)


def _sorted(groups: list[Group], one: Column, first: Sort | None) -> list[Group]:
    if first and first.column.is_metric:
        mean = first.column.id
        there = [group for group in groups if group.means[mean][0] is not None]
        there.sort(key=lambda group: group.means[mean][0], reverse=first.descending)
        return there + [group for group in groups if group.means[mean][0] is None]
    if first and first.column.id == one.id:
        return sorted(groups, key=lambda group: group.value, reverse=first.descending)
    return groups


def fill(groups: list[Group], columns: list[Column]) -> None:
    """The HTML of the cells after that of the name."""
    for group in groups:
        group.cells = [
            cells.of_group(one, cells.mean(*group.means[one.id]) if one.is_metric else "")
            for one in columns
            if one.id != "name"
        ]
