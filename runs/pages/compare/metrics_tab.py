"""The tab *Metrics*: a row for each metric, the best run marked, and how far each is from the baseline."""

import math

from django.utils.safestring import SafeString, mark_safe

from runs.models import MetricSeries
from runs.pages.compare import table_export, table_rows
from runs.pages.compare.metric_goal import lower_is_better
from runs.pages.compare.query import VALUES, Absent
from runs.pages.compare.selection import Chosen
from runs.pages.compare.table_rows import Row
from studio.formats import format_exact, format_number

CHARTED = (MetricSeries.Kind.SCALAR, MetricSeries.Kind.LIST)
FIELDS = ("name", "run", "shown", "last", "least", "most", "last_step", "least_step", "most_step")
FIELD = {"last": "last", "min": "least", "max": "most"}


def context(chosen: Chosen, asked) -> dict:
    found = summaries(chosen)
    narrow = _rows(chosen, found, asked)
    page = table_rows.page_of(narrow, asked)
    base = chosen.runs.index(chosen.base)
    for row in page:
        _write(row, base, asked)
    more = {"page": page, "differences": sum(row.differs for row in narrow), "values": VALUES}
    return {**more, "has_metrics": bool(found), "visible": ("q", "only")}


def table(chosen: Chosen, asked) -> table_export.Table:
    """All pages of it; a value that is not the last one is named."""
    found = _rows(chosen, summaries(chosen), asked)
    names = [row.name if row.more["stat"] == "last" else f"{row.name} ({row.more['stat']})" for row in found]
    cells = [[name, *row.more["values"]] for name, row in zip(names, found, strict=True)]
    return [["Metric", *table_export.heads(chosen)], *cells]


def _rows(chosen: Chosen, found: dict, asked) -> list[Row]:
    """Those that the search leaves; the runs are in the order that the address asks for afterwards."""
    names = {stat: set(asked[stat]) for stat in VALUES}
    if name := asked["sort"].removeprefix("-"):
        _sort(chosen, found, asked, names, name)
    return table_rows.narrowed([_row(chosen, found, name, names, asked) for name in found], asked)


def summaries(chosen: Chosen) -> dict[str, dict[int, tuple]]:
    """{metric: {run: its summary}} of all metrics of numbers, from the summaries that are kept at ingest: one query."""
    series = MetricSeries.objects.filter(run__in=chosen.pks, kind__in=CHARTED).order_by("name")
    found: dict[str, dict[int, tuple]] = {}
    for one in series.values_list(*FIELDS, named=True):
        found.setdefault(one.name, {})[one.run] = one
    return found


def _stat(name: str, names: dict[str, set], asked) -> str:
    return next((stat for stat in VALUES if name in names[stat]), asked["value"])


def _value(summary: tuple | None, stat: str):
    """A number, or the text of a metric that has no numbers."""
    if summary is None:
        return None
    value = getattr(summary, FIELD[stat])
    return summary.shown or None if value is None else value


def _step(summary: tuple | None, stat: str) -> int | None:
    return summary and getattr(summary, f"{FIELD[stat]}_step")


def _sort(chosen: Chosen, found, asked, names, name: str) -> None:
    """Columns by a row: those without a value stand last."""
    if name not in found:
        raise Absent("sort", asked["sort"], "none of the runs has a metric of this name.")
    stat, down = _stat(name, names, asked), asked["sort"].startswith("-")
    values = {run.pk: _value(found[name].get(run.pk), stat) for run in chosen.runs}
    having = [run for run in chosen.runs if _is_number(values[run.pk])]
    without = [run for run in chosen.runs if not _is_number(values[run.pk])]
    chosen.runs[:] = sorted(having, key=lambda run: values[run.pk], reverse=down) + without
    chosen.pks[:] = [run.pk for run in chosen.runs]


def _row(chosen: Chosen, found, name: str, names, asked) -> Row:
    stat = _stat(name, names, asked)
    values = [_value(found[name].get(pk), stat) for pk in chosen.pks]
    shown = [None if value is None else format_number(value) for value in values]
    steps = [_step(found[name].get(pk), stat) for pk in chosen.pks]
    return Row(name, shown, more={"stat": stat, "values": values, "steps": steps})


def _write(row: Row, base: int, asked) -> None:
    lower = row.name in asked["down"] or (row.name not in asked["up"] and lower_is_better(row.name))
    values = row.more["values"]
    row.more["lower"] = lower
    row.more["order"] = {row.name: "ascending", f"-{row.name}": "descending"}.get(asked["sort"], "")
    row.more["has_numbers"] = any(map(_is_number, values))
    row.cells = _cells(row, base, lower)


def _cells(row: Row, base: int, lower: bool) -> SafeString:
    values = row.more["values"]
    best, wanted = _best(values, lower), values[base]
    cells = []
    for place, value in enumerate(values):
        marks = "number is-base" if place == base else "number"
        html = table_rows.written(row.texts[place])
        if best is not None and value == best:
            marks += " is-best"
            html = f'<b>{html}<span class="visually-hidden"> (best)</span></b>'
        delta = "" if place == base else _delta(value, wanted, lower)
        cells.append(f'<td class="{marks}"{_title(value, row.more["steps"][place])}>{html}{delta}</td>')
    return mark_safe("".join(cells))


def _title(value, step: int | None) -> str:
    """All digits and the step, for whoever hovers."""
    return f' title="{format_exact(value)} at step {step}"' if _is_number(value) and step is not None else ""


def _best(values: list, lower: bool) -> float | None:
    """None if all are alike: then no run is better than the others."""
    numbers = [value for value in values if _is_number(value)]
    if len(set(numbers)) < 2:
        return None
    return min(numbers) if lower else max(numbers)


def _delta(value, base, lower: bool) -> str:
    """`+0.02 (+3.1%)`, and whether that is better."""
    if not (_is_number(value) and _is_number(base)):
        return ""
    change = value - base
    if not change:
        return '<small class="same">±0</small>'
    mark = "better" if (change < 0) == lower else "worse"
    sign = "+" if change > 0 else "−"
    part = f" ({sign}{abs(change / base):.1%})" if base else ""
    return f'<small class="{mark}">{sign}{format_number(abs(change))}{part}</small>'


def _is_number(value) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
