"""The columns of a list of runs: their names in the URL, their sort keys and their cells.

name, status, created, …       attributes of the run (ATTRIBUTES)
metric-loss, min-loss, max-loss   the last, smallest or largest value of a metric
param-lr, tag-team, property-x    by name
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Case, F, FilteredRelation, Q, TextField, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Now
from django.db.models.lookups import Exact, GreaterThanOrEqual, IsNull
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from runs.metric_order import NO_OBJECTIVE, Objective
from runs.models import MetricSeries, Run, RunParameter
from runs.models.job_types import job_type
from runs.pages.lists.group_means import Mean
from studio import numbers
from studio.errors import Invalid
from studio.formats import (
    PAD,
    are_numbers,
    count_missing_decimals,
    format_exact,
    format_given,
    format_number,
    format_numbers,
    format_spread,
)
from studio.numbers import FINITE
from studio.search import concatenated
from studio.search.db_functions import INDEXED, AsNumber, SecondsBetween, ValueStart
from studio.templatetags.studio import cut_markdown, dash, status, ticking, when

MAX_COLUMNS = 60
# Allowed widths in pixels.
MIN_WIDTH, MAX_WIDTH = 60, 900
# Default widths of pinned columns.
PINNED_WIDTH, PINNED_NAME_WIDTH = 160, 300
# attribute → label and sort key.
ATTRIBUTES = {
    "name": ("Display name", "display_name"),
    "experiment": ("Experiment", "experiment__name"),
    "status": ("Status", "status"),
    "created": ("Created on", "created_at"),
    "started": ("Started on", "started_at"),
    "ended": ("Ended on", "ended_at"),
    "duration": ("Duration", "taken"),
    "by": ("Created by", "created_by__username"),
    "target": ("Compute target", "target_name"),
    "node": ("Node", "node_name"),
    "type": ("Job type", "run_type"),
    "number": ("Number", "number"),
    "id": ("Run ID", "run_id"),
    "description": ("Description", "description"),
    "tags": ("Tags", ""),
}
METRIC_COLUMNS = {"metric": "last", "min": "min", "max": "max"}
METRIC_WORDS = {"metric": "Last value", "min": "Minimum", "max": "Maximum"}
TEXTS = {"param": "parameter_rows", "tag": "tag_rows"}
KINDS = [*METRIC_COLUMNS, *TEXTS, "property"]
KIND_WORDS = {"param": "Parameter", "tag": "Tag", "property": "Property"}
NUMERIC_ATTRIBUTES = {"duration", "number"}
DEFAULT_COLUMNS = ["name", "experiment", "status", "created", "duration", "by", "target", "type", "tags"]


@dataclasses.dataclass(frozen=True)
class Column:
    """`kind` is one of KINDS, or "attribute"; `name` is that of the metric, tag and so on."""

    id: str
    kind: str
    name: str
    width: int = 0
    # The left offset of a pinned column; None if it scrolls.
    left: int | None = None
    # For a metric: whether "higher" or "lower" is better.
    better: str = ""
    # For a parameter: whether all values shown are numbers.
    has_numbers: bool = False

    @property
    def label(self) -> str:
        if self.kind == "attribute":
            return ATTRIBUTES[self.name][0]
        return f"{self.name} ({self.kind})" if self.kind in ("min", "max") else self.name

    @property
    def title(self) -> str:
        """A description, because two columns may have the same label."""
        if self.kind == "attribute":
            return self.label
        return f"{METRIC_WORDS[self.kind]} of {self.name}" if self.is_metric else f"{KIND_WORDS[self.kind]} {self.name}"

    @property
    def is_metric(self) -> bool:
        return self.kind in METRIC_COLUMNS

    @property
    def is_row(self) -> bool:
        """Whether the value is in another table, with an index for sorting."""
        return self.is_metric or self.kind in TEXTS

    @property
    def is_numeric(self) -> bool:
        if self.kind == "param":
            return self.has_numbers
        return self.is_metric or (self.name in NUMERIC_ATTRIBUTES and self.kind == "attribute")

    @property
    def is_sortable(self) -> bool:
        return self.id != "tags"

    @property
    def falls_first(self) -> bool:
        """Whether the first sort order is descending: for metrics that are better when higher, or without a
        direction."""
        return self.is_metric and self.better != "lower"

    @property
    def style(self) -> str:
        width = f"width:{self.width}px;min-width:{self.width}px;max-width:{self.width}px" if self.width else ""
        return f"left:{self.left}px;{width}" if self.left is not None else width

    @property
    def classes(self) -> str:
        return " ".join(
            filter(
                None,
                [
                    "number" if self.is_numeric else "",
                    "pinned" if self.left is not None else "",
                    "sized" if self.width else "",
                ],
            )
        )


def find_column(word: str, objective: Objective = NO_OBJECTIVE) -> Column | None:
    """The column of a word; None if there is no such column."""
    if word in ATTRIBUTES:
        return Column(word, "attribute", word)
    kind, dash, name = word.partition("-")
    if dash and name and kind in KINDS and len(name) <= 256:
        return Column(word, kind, name, better=objective.direction(name) if kind in METRIC_COLUMNS else "")
    return None


def parse_column(word: str, objective: Objective = NO_OBJECTIVE) -> Column:
    if found := find_column(word, objective):
        return found
    allowed = ", ".join(ATTRIBUTES)
    raise Invalid(f"{word!r} is not a column: write {allowed}, or {'-NAME, '.join(KINDS)}-NAME.", target="col")


def shown_columns(
    options: dict, usual: list[str], queried: Sequence[str] = (), objective: Objective = NO_OBJECTIVE
) -> list[Column]:
    """The columns in the URL, else the default; always with the name, pinned ones first. `queried`: those of the query."""
    words = options["col"] or usual
    if len(words) > MAX_COLUMNS:
        raise Invalid(f"{len(words)} columns are selected; {MAX_COLUMNS} are allowed.", target="col")
    words = words if "name" in words else ["name", *words]
    # Columns of the query come right after name and status.
    first = len([word for word in words[:2] if word in ("name", "status")])
    if not options["col"]:
        words = [word for word in words if word not in queried]
    missing = [word for word in queried if word not in words][: MAX_COLUMNS - len(words)]
    words = [*words[:first], *missing, *words[first:]]
    widths, pinned = _parse_widths(options["width"]), set(options["pin"])
    if strange := pinned - set(words):
        raise Invalid(f"pin={sorted(strange)[0]!r}: only a column that is shown can be pinned.", target="pin")
    found = [dataclasses.replace(parse_column(word, objective), width=widths.get(word, 0)) for word in words]
    return _position_pinned([one for one in found if one.id in pinned]) + [one for one in found if one.id not in pinned]


def _position_pinned(found: list[Column]) -> list[Column]:
    """Each pinned column has a width, which gives the offset of the next."""
    # After the column of checkboxes.
    left, placed = 40, []
    for one in found:
        width = one.width or (PINNED_NAME_WIDTH if one.id == "name" else PINNED_WIDTH)
        placed.append(dataclasses.replace(one, left=left, width=width))
        left += width
    return placed


def _parse_widths(words: list[str]) -> dict[str, int]:
    """Parses `240:metric-loss`."""
    widths = {}
    for word in words:
        width, colon, name = word.partition(":")
        pixels = numbers.int_or_none(width)
        if not colon or pixels is None or not MIN_WIDTH <= pixels <= MAX_WIDTH:
            raise Invalid(
                f"width={word!r}: write PIXELS:COLUMN with {MIN_WIDTH} to {MAX_WIDTH} pixels, such as 240:name.",
                target="width",
            )
        widths[name] = pixels
    return widths


# ---- order


@dataclasses.dataclass(frozen=True)
class Sort:
    column: Column
    descending: bool


MAX_SORTS = 5


def parse_sorts(words: list[str]) -> list[Sort]:
    if len(words) > MAX_SORTS:
        raise Invalid(f"{len(words)} columns to sort by; {MAX_SORTS} are allowed.", target="sort")
    found = []
    for word in words:
        try:
            one = Sort(parse_column(word.removeprefix("-")), word.startswith("-"))
        except Invalid as error:
            raise Invalid(
                f"sort={word!r}: {error.message} A - before it sorts the other way round.", target="sort"
            ) from error
        if not one.column.is_sortable:
            raise Invalid("sort='tags': sort by one of the tags: tag-NAME.", target="sort")
        found.append(one)
    if len({one.column.id for one in found}) < len(found):
        raise Invalid("Each column can be sorted by only once.", target="sort")
    return found


def order_runs(runs, wanted: list[Sort], *before):
    """Order by these after `before`, then the newest first."""
    keys = list(before)
    for index, sort in enumerate(wanted):
        runs, expressions = _sort_expressions(runs, sort.column, f"sort{index}")
        keys += [
            one.desc(nulls_last=True) if sort.descending else one.asc(nulls_last=True)
            for one in expressions
        ]  # fmt: skip
    last = [] if any(sort.column.id == "created" for sort in wanted) else ["-created_at"]
    return runs.order_by(*keys, *last, "-pk")


def _sort_expressions(runs, one: Column, alias: str):
    if one.kind == "attribute":
        if one.name == "duration":
            runs = runs.alias(taken=SecondsBetween(F("started_at"), Coalesce("ended_at", Now())))
        return runs, [F(ATTRIBUTES[one.name][1])]
    if one.kind == "property":
        value = Cast(KeyTextTransform(one.name, "properties"), TextField())
    else:
        runs, value = join_value(runs, one, alias)
        if one.is_metric:
            return runs, [Case(When(**{f"{value.name}__range": FINITE}, then=value))]
    # Numbers in numeric order, then texts.
    return runs, [AsNumber(value), value]


def join_value(runs, one: Column, alias: str):
    """The runs joined with a metric, parameter or tag, and its value."""
    rows = _row_relation(one)
    relation = FilteredRelation(rows, condition=Q(**{f"{rows}__name": one.name}))
    return runs.alias(**{alias: relation}), F(f"{alias}__{value_field(one)}")


# If more runs than these have the same value, the first ones are found by the next sort key instead of sorting all.
MANY_EQUAL = 1_000


def slice_runs(runs, sorts: list[Sort], start: int, stop: int) -> list[tuple[int, int]]:
    """Primary key and revision of each run."""
    if not sorts or not sorts[0].column.is_row:
        parts = [order_runs(runs, sorts)]
    elif stop <= MANY_EQUAL and (equal := _find_shared_value(runs, sorts[0])) is not None:
        return slice_runs(equal, sorts[1:], start, stop)
    else:
        parts = _ordered_parts(runs, sorts)
    return concatenated.take_rows([part.values_list("pk", "revision") for part in parts], start, stop - start)


def _ordered_parts(runs, sorts: list[Sort]) -> list:
    """First the runs with a value of the sort column, in the order of its index, numbers before texts; then the others."""
    first, rest = sorts[0], sorts[1:]
    column = first.column
    joined, _ = join_value(runs, column, "row")
    parts = [
        order_runs(joined.filter(there), rest, *[key.desc() if first.descending else key.asc() for key in keys])
        for there, keys in _value_parts(column, "row__")
    ]
    have = value_rows(column).filter(**{f"{value_field(column)}__isnull": False}).values("run")
    return [*parts, order_runs(runs.exclude(pk__in=have), rest)]


def _find_shared_value(runs, sort: Sort):
    """The runs with the first parameter or tag, if more than MANY_EQUAL have it; else None. Metrics are seldom equal."""
    column = sort.column
    if column.is_metric:
        return None
    joined, _ = join_value(runs, column, "row")
    for (there, (key, *_)), (_, (own, *_)) in zip(_value_parts(column, "row__"), _value_parts(column, ""), strict=True):
        values = joined.filter(there).order_by(key.desc() if sort.descending else key.asc()).values_list(key, flat=True)
        for value in values[:1]:
            # The index has only the start of a longer text.
            is_whole = not isinstance(value, str) or len(value) < INDEXED
            if is_whole and list(values[MANY_EQUAL : MANY_EQUAL + 1]) == [value]:
                return runs.filter(pk__in=value_rows(column).filter(Exact(own, value)).values("run"))
            return None
    return None


def _row_relation(one: Column) -> str:
    return "metrics" if one.is_metric else TEXTS[one.kind]


def value_rows(one: Column):
    """The rows of a column, of all runs."""
    model: Any = Run._meta.get_field(_row_relation(one)).related_model
    return model.objects.filter(name=one.name)


def value_field(one: Column) -> str:
    return METRIC_COLUMNS[one.kind] if one.is_metric else "value"


# Infinite values come after the others in either order, as NaN does: they are never the best.
METRIC_PARTS = [("range", FINITE), ("lt", FINITE[0]), ("gt", FINITE[1])]


def _value_parts(one: Column, prefix: str) -> list[tuple[Q, list]]:
    """Conditions on the value of a column with orders that match its indexes; its fields start with `prefix`."""
    field = f"{prefix}{value_field(one)}"
    there = Q(**{f"{field}__isnull": False})
    if one.is_metric:
        return [(Q(**{f"{field}__{part}": bound}), [F(field)]) for part, bound in METRIC_PARTS]
    # SQLite uses the index for "is a number" only with a comparison.
    number, text = AsNumber(field), F(field)
    numbers = (there & Q(GreaterThanOrEqual(number, FINITE[0])), [number])
    texts = (there & Q(IsNull(number, True)), [ValueStart(text), text])
    return [numbers, texts]


# ---- cells, rendered in Python because a page has thousands

TAGS_SHOWN = 3
NOTHING = "--"


class CellValues:
    """The metrics and parameters for some columns and runs, by one query each."""

    def __init__(self, rows: list[Run], columns: list[Column]):
        metrics = {one.name for one in columns if one.is_metric}
        parameters = {one.name for one in columns if one.kind == "param"}
        self.series: dict[tuple[int, str], MetricSeries] = {}
        self.parameters: dict[tuple[int, str], str] = {}
        if metrics:
            fields = ["run_id", "name", "kind", "last", "min", "max", "shown"]
            found = MetricSeries.objects.filter(run__in=rows, name__in=metrics).only(*fields)
            self.series = {(one.run_id, one.name): one for one in found}
        if parameters:
            # Without its usual order, for which SQLite would read the parameters of every run.
            written = RunParameter.objects.filter(run__in=rows, name__in=parameters).order_by()
            values = written.values_list("run_id", "name", "value")
            self.parameters = {(run, name): value for run, name, value in values}

    def get(self, run: Run, column: Column):
        """The value; None if the run has none."""
        if column.is_metric:
            series = self.series.get((run.pk, column.name))
            if series is None:
                return None
            return (
                (series.shown or series.last)
                if column.kind == "metric"
                else getattr(series, METRIC_COLUMNS[column.kind])
            )
        if column.kind == "param":
            return self.parameters.get((run.pk, column.name))
        if column.kind == "tag":
            return next((row.value for row in run.tag_rows.all() if row.name == column.name), None)
        return run.properties.get(column.name) if column.kind == "property" else PLAIN[column.name](run)


PLAIN = {
    "name": lambda run: run.display_name,
    "experiment": lambda run: run.experiment.name,
    "status": lambda run: run.status,
    "created": lambda run: run.created_at,
    "started": lambda run: run.started_at,
    "ended": lambda run: run.ended_at,
    "duration": lambda run: run.duration,
    "by": lambda run: run.created_by.username if run.created_by else None,
    "target": lambda run: run.target_name,
    "node": lambda run: run.node_name,
    "type": lambda run: job_type(run.run_type),
    "number": lambda run: run.number,
    "id": lambda run: run.run_id,
    "description": lambda run: run.description,
    "tags": lambda run: "; ".join(f"{row.name}: {row.value}" if row.value else row.name for row in run.tag_rows.all()),
}


def fill_cells(rows: Iterable[Run], columns: list[Column]) -> set[str]:
    """Set the HTML of the cells of each run; the template renders the name, with tree and star. Returns the parameters
    whose values are all numbers."""
    rows, numeric = list(rows), set()
    values = CellValues(rows, columns)
    for run in rows:
        run.cells, run.best_columns = SafeString(""), []
    for one in columns:
        if one.kind == "attribute" and one.name in HTML:
            opening = _open_cell(one)
            for run in rows:
                run.cells += format_html("{}{}</td>", opening, HTML[one.name](run))
        elif one.kind == "param":
            found = [values.get(run, one) for run in rows]
            column = dataclasses.replace(one, has_numbers=are_numbers(found))
            numeric.update([one.id] if column.has_numbers else [])
            _fill_parameters(rows, column, found)
        elif one.id != "name":
            _fill_column(rows, one, [values.get(run, one) for run in rows])
    return numeric


def _fill_parameters(rows: list[Run], column: Column, found: list[str | None]) -> None:
    """The cells of a parameter: numbers by the rule of numbers, other texts as they are."""
    texts = ["" if value is None else format_given(value) for value in found]
    pads = count_missing_decimals(texts) if column.has_numbers else [0] * len(texts)
    for run, value, text, pad in zip(rows, found, texts, pads, strict=True):
        style = f"--pad:{pad}" if pad and text else ""
        run.cells += format_html("{}{}</td>", _open_cell(column, "", style), _render_text(text, value))


def _fill_column(rows: list[Run], column: Column, found: list) -> None:
    if not column.is_numeric:
        opening = _open_cell(column)
        for run, value in zip(rows, found, strict=True):
            run.cells += format_html("{}{}</td>", opening, _render_text(value))
        return
    best = find_best(column, found)
    for run, value, text in zip(rows, found, format_numbers(found), strict=True):
        is_best = best is not None and value == best
        if is_best:
            run.best_columns.append(column.id)
        run.cells += _render_number(column, value, text, is_best)


def find_best(column: Column, found: list) -> float | None:
    """None if the metric has no direction, or all values are equal."""
    better = column.better
    numbers = {value for value in found if isinstance(value, int | float) and math.isfinite(value)}
    if not better or len(numbers) < 2:
        return None
    return min(numbers) if better == "lower" else max(numbers)


@functools.lru_cache(maxsize=2_000)
def _open_cell(column: Column, classes: str = "", style: str = "", title: str = ""):
    styles = ";".join(filter(None, [column.style, style]))
    attributes = [("class", f"{column.classes} {classes}".strip()), ("style", styles), ("title", title)]
    return format_html("<td{}>", format_html_join("", ' {}="{}"', [pair for pair in attributes if pair[1]]))


def _render_text(value, title=None):
    if value is None or value == "":
        return NOTHING
    return format_html('<span class="cut" title="{}">{}</span>', title or value, value)


def _render_number(column: Column, value, text: str, is_best: bool):
    """Decimal points of a column are aligned: `--pad` is the number of missing decimals."""
    if value is None or isinstance(value, str):
        return format_html("{}{}</td>", _open_cell(column), _render_text(value and format_number(value)))
    shown = text.rstrip(PAD)
    pad = f"--pad:{len(text) - len(shown)}" if len(text) > len(shown) else ""
    exact = format_exact(value)
    if is_best:
        opening = _open_cell(column, "best", pad, f"{exact}, the best of the jobs shown")
        return format_html('{}<b>{}<span class="visually-hidden"> (best)</span></b></td>', opening, shown)
    return format_html("{}{}</td>", _open_cell(column, "", pad, exact if exact != shown else ""), shown)


def _render_status(run: Run):
    return status(run.status, run.error.get("message", "") if isinstance(run.error, dict) else "")


def _render_experiment(run: Run):
    url = reverse("runs:experiment_detail", args=[run.workspace.slug, run.experiment.experiment_id])
    return format_html('<a class="cut" href="{}" title="{}">{}</a>', url, run.experiment.name, run.experiment.name)


def _render_tags(run: Run):
    tags = list(run.tag_rows.all())
    if not tags:
        return NOTHING
    words = [f"{tag.name} : {tag.value}" if tag.value else tag.name for tag in tags]
    chips = format_html_join(
        "",
        '<li class="chip" title="{0}"><span class="cut">{0}</span></li>',
        [(word[:300],) for word in words[:TAGS_SHOWN]],
    )
    more = format_html(
        '<li class="chip" title="{}">+{}</li>', ", ".join(words[TAGS_SHOWN:])[:1000], len(words) - TAGS_SHOWN
    )
    return format_html('<ul class="chips chips-line">{}{}</ul>', chips, more if len(words) > TAGS_SHOWN else "")


HTML = {
    "status": _render_status,
    "experiment": _render_experiment,
    "created": lambda run: when(run.created_at),
    "started": lambda run: when(run.started_at),
    "ended": lambda run: when(run.ended_at),
    "duration": lambda run: format_html('<span class="nowrap">{}</span>', ticking(run.started_at, run.ended_at)),
    "by": lambda run: format_html(
        '<span class="cut">{}</span>', dash(run.created_by.label if run.created_by else None)
    ),
    "tags": _render_tags,
    "description": lambda run: cut_markdown(run.description),
}


def render_mean(found: Mean):
    """The cell of a group: `0.913 ± 0.004`."""
    value, spread, count = found.mean, found.spread, found.count
    if value is None:
        return NOTHING
    text = format_spread(value, spread) if spread else format_number(value)
    words = f"{format_exact(value)}, the mean" + (
        f" ± {format_exact(spread)}, the standard deviation," if spread else ""
    )
    return format_html('<span title="{} of {} job{}">{}</span>', words, count, "" if count == 1 else "s", text)


def render_group_cell(column: Column, text):
    return format_html("{}{}</td>", _open_cell(column), text)
