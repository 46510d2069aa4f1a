"""Runs of a list folded into groups that have the same parameter, tag, property or attribute."""

import dataclasses
import math

from django.db.models import Avg, Count, F, FilteredRelation, FloatField, Q, Sum, TextField, Value
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
        value = F(ATTRIBUTES[one.name][1])
    elif one.kind == "property":
        value = KeyTextTransform(one.name, "properties")
    else:
        runs, value = related(runs, one, "grouped")
    return runs, Coalesce(Cast(value, TextField()), Value(""), output_field=TextField())


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
    rows = list(_by_key(runs, one, metrics)[: MOST + 1])
    groups = [_group(row, one, metrics) for row in rows]
    if metrics:
        _add_spread(groups, runs, one, metrics)
    return _sorted(groups, one, first)


def _by_key(runs, one: Column, metrics: list[Column], figures=None):
    """A row for each group: its key, number of runs, and mean and count of each metric (or what `figures` asks for)."""
    runs, key = _keyed(runs.order_by(), one)
    relations = {f"m{n}": FilteredRelation("metrics", condition=Q(metrics__name=m.name)) for n, m in enumerate(metrics)}
    asked = {}
    for place, other in enumerate(metrics):
        asked |= (figures or _means)(place, F(f"m{place}__{METRIC_COLUMNS[other.kind]}"))
    grouped = runs.alias(**relations).annotate(group_key=key).values("group_key")
    return grouped.annotate(total=Count("pk"), **asked).order_by("-total", "group_key")


def _means(place: int, value) -> dict:
    return {f"mean{place}": Avg(value), f"n{place}": Count(value)}


def _group(row: dict, one: Column, metrics: list[Column]) -> Group:
    means = {other.id: (row[f"mean{n}"], None, row[f"n{n}"]) for n, other in enumerate(metrics)}
    value = row["group_key"]
    clause = "" if one.kind == "property" or one.id == "node" else clauses.equal(one.kind, one.name, value)
    return Group(value, row["total"], means, clause=clause)


def _add_spread(groups: list[Group], runs, one: Column, metrics: list[Column]) -> None:
    """From sums of squares, of distances from the mean of all: of the values themselves they would cancel out digits."""
    middle = [_middle([group.means[other.id] for group in groups]) for other in metrics]

    def sums(place: int, value) -> dict:
        away = value - Value(middle[place], output_field=FloatField())
        return {f"away{place}": Sum(away), f"squares{place}": Sum(away * away, output_field=FloatField())}

    rows = {row["group_key"]: row for row in _by_key(runs, one, metrics, sums)[: MOST + 1]}
    for group in groups:
        for place, other in enumerate(metrics):
            mean, _, count = group.means[other.id]
            row = rows.get(group.value)
            if count > 1 and row and row[f"away{place}"] is not None:
                variance = (row[f"squares{place}"] - row[f"away{place}"] ** 2 / count) / (count - 1)
                group.means[other.id] = (mean, math.sqrt(max(0.0, variance)), count)


def _middle(means: list[tuple]) -> float:
    number = sum(count for _, _, count in means)
    return sum(mean * count for mean, _, count in means if count) / number if number else 0.0


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
