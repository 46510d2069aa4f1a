"""Runs of a list grouped by a parameter, tag, property or attribute."""

import dataclasses
from typing import Any

from django.db.models import Case, F, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.utils.safestring import SafeString

from runs.charts import colours, run_charts
from runs.models.job_types import job_type, types_with_label
from runs.pages.lists import group_sums, list_query
from runs.pages.lists.columns import (
    ATTRIBUTES,
    Column,
    Sort,
    join_value,
    parse_column,
    render_group_cell,
    render_mean,
)
from runs.pages.lists.group_sums import MetricSum, RunBlocks
from studio.errors import Invalid
from studio.templatetags.studio import WORDS

# Maximum number of groups, and of runs shown in an expanded group.
MAX_GROUPS = 1000
ROWS = 25
# Several types of jobs have this label.
COMMAND = Case(When(run_type__in=types_with_label("Command"), then=Value("Command")), default=F("run_type"))
BY = ["experiment", "status", "by", "target", "type", "node"]


@dataclasses.dataclass
class RunGroup:
    """`value` is empty for runs without one; `means` maps a column to mean, standard deviation and number of values."""

    value: str
    count: int
    means: dict[str, tuple]
    # The greatest number of points of a run, and of points of all runs, by column.
    points: dict[str, tuple[int, int]]
    # Its position among all groups in the order of their values.
    number: int = 0
    colour: int = 0
    dash: str = "solid"
    is_open: bool = False
    rows: list = dataclasses.field(default_factory=list)
    cells: str = ""
    # The filter that selects its runs; empty if the query language cannot express it.
    clause: str = ""
    # Links to expand or collapse it, and to all of its runs.
    url: str = ""
    all_url: str = ""
    # The value in the words of the list's cells.
    label: str = ""


def parse_group_column(word: str) -> Column:
    one = parse_column(word)
    if one.is_metric or (one.kind == "attribute" and one.name not in BY):
        raise Invalid(
            f"group={word!r}: write param-NAME, tag-NAME, property-NAME or one of {', '.join(BY)}.", target="group"
        )
    return one


def _annotate_key(runs, one: Column):
    if one.id == "type":
        value: Any = COMMAND
    elif one.kind == "attribute":
        value = F(ATTRIBUTES[one.name][1])
    elif one.kind == "property":
        value = KeyTextTransform(one.name, "properties")
    else:
        runs, value = join_value(runs, one, "grouped")
    return runs, Coalesce(Cast(value, TextField()), Value(""), output_field=TextField())


def group_members(runs, one: Column, value: str):
    """The runs of a group."""
    runs, key = _annotate_key(runs, one)
    return runs.alias(group_key=key).filter(group_key=value)


def runs_of_groups(runs, one: Column, values: list[str]):
    """The runs of several groups, with their group as `group_key`."""
    runs, key = _annotate_key(runs.order_by(), one)
    return runs.annotate(group_key=key).filter(group_key__in=values)


def load_groups(
    runs, one: Column, columns: list[Column], sorts: list[Sort], blocks: RunBlocks, workspace=None
) -> list[RunGroup]:
    """The largest groups first, or in the order of the list; at most MAX_GROUPS + 1."""
    runs, metrics = _prepare_sums(runs, one, columns, sorts)
    sums = group_sums.sum_groups(runs, metrics, blocks, MAX_GROUPS + 1, workspace)
    ids = [other.id for other in metrics]
    found = [_build_group(one, value, count, dict(zip(ids, of_group, strict=True))) for value, count, of_group in sums]
    for number, group in enumerate(sorted(found, key=lambda group: group.value)):
        group.number = number
    return _sort_groups(found, one, sorts[0] if sorts else None)


def are_known(runs, one: Column, columns: list[Column], sorts: list[Sort], blocks: RunBlocks) -> bool:
    """Whether `load_groups` takes only a moment."""
    runs, metrics = _prepare_sums(runs, one, columns, sorts)
    return group_sums.are_known(runs, metrics, blocks)


def store_sums(runs, one: Column, columns: list[Column], sorts: list[Sort], blocks: RunBlocks, workspace) -> None:
    """Store what `load_groups` adds up."""
    runs, metrics = _prepare_sums(runs, one, columns, sorts)
    group_sums.store_sums(runs, metrics, blocks, workspace)


def _prepare_sums(runs, one: Column, columns: list[Column], sorts: list[Sort]) -> tuple[Any, list[Column]]:
    """The runs with their group as `group_key`, and the metrics that are added up."""
    metrics = list({other.id: other for other in columns if other.is_metric}.values())
    first = sorts[0] if sorts else None
    if first and first.column.is_metric and first.column.id not in [other.id for other in metrics]:
        metrics.append(first.column)
    runs, key = _annotate_key(runs.order_by(), one)
    return runs.annotate(group_key=key), metrics


def _build_group(one: Column, value: str, count: int, sums: dict[str, MetricSum]) -> RunGroup:
    means: dict[str, tuple] = {name: (found.mean, found.spread, found.count) for name, found in sums.items()}
    points = {name: (found.longest, found.points) for name, found in sums.items()}
    label = _describe_value(one, value)
    # A query has the labels of types, and its own words for the status.
    word = label if one.id == "type" else value
    clause = "" if one.kind == "property" or one.id == "node" else list_query.format_equality(one.kind, one.name, word)
    return RunGroup(value, count, means, points, clause=clause, label=label)


def _describe_value(one: Column, value: str) -> str:
    if one.id == "type" and value:
        return job_type(value)
    return WORDS.get(value, value) if one.id == "status" else value


def _sort_groups(groups: list[RunGroup], one: Column, first: Sort | None) -> list[RunGroup]:
    if first and first.column.is_metric:
        mean = first.column.id
        there = [group for group in groups if group.means[mean][0] is not None]
        there.sort(key=lambda group: group.means[mean][0], reverse=first.descending)
        return there + [group for group in groups if group.means[mean][0] is None]
    if first and first.column.id == one.id:
        return sorted(groups, key=lambda group: group.value, reverse=first.descending)
    return groups


def assign_colours(groups: list[RunGroup], charts: list[Column]) -> None:
    """Groups with highlighted lines in the same chart get different colours, others of one colour different dashes."""
    bright = []
    for one in charts:
        means = [(group.number, group.means[one.id][0]) for group in groups if group.means[one.id][0] is not None]
        bright.append(run_charts.rank_by_value(means, one.better)[-run_charts.MAX_BRIGHT :])
    own = colours.spread_colours([group.number for group in groups], bright, {})
    dashes = colours.assign_dashes(own, bright)
    for group in groups:
        group.colour, group.dash = own[group.number], dashes[group.number]


def fill_groups(groups: list[RunGroup], columns: list[Column]) -> None:
    """The HTML of the cells after the name."""
    for group in groups:
        group.cells = SafeString("")
    for one in columns:
        if one.is_metric:
            for group in groups:
                group.cells += render_group_cell(one, render_mean(*group.means[one.id]))
        elif one.id != "name":
            empty = render_group_cell(one, "")
            for group in groups:
                group.cells += empty
