"""Runs of a list grouped by a parameter, tag, property or attribute."""

import dataclasses
from typing import Any

from django.db.models import Case, F, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.utils.safestring import SafeString

from runs.charts import colours, run_charts
from runs.models import Run
from runs.models.job_types import job_type, types_with_label
from runs.pages.lists import group_means, list_query
from runs.pages.lists.columns import (
    ATTRIBUTES,
    Column,
    Sort,
    find_column,
    join_value,
    render_group_cell,
    render_mean,
    value_field,
    value_rows,
)
from runs.pages.lists.group_means import GroupMeans, Mean
from runs.pages.lists.run_values import RunKeys, Source
from studio import numbers
from studio.errors import Invalid
from studio.formats import format_labels
from studio.templatetags.studio import WORDS

# Maximum number of groups, and of runs shown in an expanded group.
MAX_GROUPS = 1000
ROWS = 25
# Several types of jobs have this label.
COMMAND = Case(When(run_type__in=types_with_label("Command"), then=Value("Command")), default=F("run_type"))
BY = ["experiment", "status", "by", "target", "type", "node"]
KEYS = {"experiment": F("experiment"), "by": F("created_by")}


@dataclasses.dataclass
class RunGroup:
    """`value` is empty for runs without one; `means` are by column."""

    value: str
    count: int
    means: dict[str, Mean]
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
    one = find_column(word)
    if one is None or one.is_metric or (one.kind == "attribute" and one.name not in BY):
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
    runs: RunKeys, one: Column, columns: list[Column], sorts: list[Sort], workspace, patient: bool = True
) -> list[RunGroup] | None:
    """The MAX_GROUPS + 1 largest groups, in the order of the list or of their values. None if that takes long and nobody is
    patient."""
    metrics = list_metrics(columns, sorts)
    sources = [find_source(other) for other in metrics]
    read = group_means.read_groups(runs, find_source(one), sources, MAX_GROUPS + 1, workspace, patient)
    if read is None:
        return None
    values = _read_values(one, [group.example for group in read])
    # A run may have been deleted meanwhile.
    found = [_build_group(one, values[group.example], group, metrics) for group in read if group.example in values]
    for number, group in enumerate(sorted(found, key=lambda group: group.value)):
        group.number = number
    if one.kind == "param":
        for group, label in zip(found, format_labels([group.value for group in found]), strict=True):
            group.label = label
    # The one too many, which is not shown, stays last.
    shown, over = found[:MAX_GROUPS], found[MAX_GROUPS:]
    return _sort_groups(shown, one, sorts[0] if sorts else None) + over


def list_metrics(columns: list[Column], sorts: list[Sort]) -> list[Column]:
    """The metrics of which groups have means, each once."""
    wanted = [*columns, *[sort.column for sort in sorts[:1]]]
    return list({other.id: other for other in wanted if other.is_metric}.values())


def find_source(one: Column) -> Source:
    if one.is_row:
        field, rows = value_field(one), value_rows(one)
        if one.is_metric:
            return Source(one.id, rows.filter(**{f"{field}__isnull": False}), "run", field, is_text=False)
        return Source(one.id, rows, "run", field, is_text=True, is_indexed=True)
    # The names of people and experiments change without a change of their runs.
    if one.id in KEYS:
        rows = Run.objects.annotate(group_key=Cast(KEYS[one.id], TextField()))
    else:
        runs, key = _annotate_key(Run.objects.all(), one)
        rows = runs.annotate(group_key=key)
    return Source(one.id, rows, "pk", "group_key", is_text=True)


def _read_values(one: Column, examples: list[int]) -> dict[int, str]:
    runs, key = _annotate_key(Run.objects.filter(pk__in=examples).order_by(), one)
    return dict(runs.annotate(group_key=key).values_list("pk", "group_key"))


def _build_group(one: Column, value: str, group: GroupMeans, metrics: list[Column]) -> RunGroup:
    means = {other.id: found for other, found in zip(metrics, group.means, strict=True)}
    label = _describe_value(one, value)
    # A query has the labels of types, and its own words for the status.
    word = label if one.id == "type" else value
    clause = "" if one.kind == "property" or one.id == "node" else list_query.format_equality(one.kind, one.name, word)
    return RunGroup(value, group.total, means, clause=clause, label=label)


def _describe_value(one: Column, value: str) -> str:
    if one.id == "type" and value:
        return job_type(value)
    return WORDS.get(value, value) if one.id == "status" else value


def _sort_groups(groups: list[RunGroup], one: Column, first: Sort | None) -> list[RunGroup]:
    falls = bool(first and first.descending and first.column.id == one.id)
    there = sorted([group for group in groups if group.value], key=_value_key, reverse=falls)
    groups = there + [group for group in groups if not group.value]
    if first and first.column.is_metric:
        mean = first.column.id
        there = [group for group in groups if group.means[mean].is_finite]
        there.sort(key=lambda group: group.means[mean].mean or 0.0, reverse=first.descending)
        return there + [group for group in groups if not group.means[mean].is_finite]
    return groups


def _value_key(group: RunGroup) -> tuple:
    """Numbers by size, then texts."""
    number = numbers.float_or_none(group.value)
    return number is None, number or 0.0, group.label.lower(), group.value


def assign_colours(groups: list[RunGroup], charts: list[Column]) -> None:
    """Each group keeps its colour in any order; those of one colour get different dashes, highlighted lines first."""
    bright = []
    for one in charts:
        means = [(group.number, found.mean) for group in groups if (found := group.means[one.id]).mean is not None]
        bright.append(run_charts.rank_by_value(means, one.better)[-run_charts.MAX_BRIGHT :])
    own = colours.pick_colours([group.number for group in groups], {}, bright)
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
                group.cells += render_group_cell(one, render_mean(group.means[one.id]))
        elif one.id != "name":
            empty = render_group_cell(one, "")
            for group in groups:
                group.cells += empty
