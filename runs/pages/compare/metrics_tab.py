"""The tab *Metrics*: a row for each metric, with the best run marked and the difference to the baseline."""

import math

from django.db.models import Count
from django.utils.safestring import SafeString, mark_safe

from runs import metric_order
from runs.models import MetricSeries
from runs.pages.compare import table_export, table_rows
from runs.pages.compare.query import VALUES, UnknownName
from runs.pages.compare.selection import RunSelection
from runs.pages.compare.table_rows import TableRow
from studio.formats import MINUS, PAD, format_differences, format_exact, format_numbers

CHARTED = (MetricSeries.Kind.SCALAR, MetricSeries.Kind.LIST)
FIELDS = ("name", "run", "shown", "last", "min", "max", "last_step", "min_step", "max_step")
# Metrics in the first tab.
FIRST_ROWS = 5
# A greater part of the baseline is not shown as a percentage.
MAX_SHARE = 10
FIELD = {"last": "last", "min": "min", "max": "max"}


def build_context(selected: RunSelection, query) -> dict:
    found = load_summaries(selected)
    narrow = _build_rows(selected, found, query)
    page = table_rows.get_page(narrow, query)
    base = selected.runs.index(selected.base)
    for row in page:
        _render_row(row, base, _better_direction(row.name, query, selected), query)
    more = {"page": page, "differences": sum(row.differs for row in narrow), "values": VALUES}
    return {**more, "has_metrics": bool(found), "visible": ("q", "only")}


def build_first_rows(selected: RunSelection, query) -> list[TableRow]:
    """The rows of the metrics that matter most, for the first tab."""
    found = load_summaries(selected, FIRST_ROWS)
    names = {stat: set(query[stat]) for stat in VALUES}
    rows = [_build_row(selected, found, name, names, query) for name in found]
    for row in rows:
        _render_row(row, selected.runs.index(selected.base), _better_direction(row.name, query, selected), query)
    return rows


def build_table(selected: RunSelection, query) -> table_export.Table:
    """The table with all its pages; values other than the last are labelled."""
    found = _build_rows(selected, load_summaries(selected), query)
    names = [row.name if row.more["stat"] == "last" else f"{row.name} ({row.more['stat']})" for row in found]
    cells = [[name, *row.more["values"]] for name, row in zip(names, found, strict=True)]
    return [["Metric", *table_export.list_column_names(selected)], *cells]


def _build_rows(selected: RunSelection, found: dict, query) -> list[TableRow]:
    """The rows that match the search; afterwards the runs are in the requested order."""
    names = {stat: set(query[stat]) for stat in VALUES}
    if name := query["sort"].removeprefix("-"):
        _sort_runs(selected, found, query, names, name)
    return table_rows.filter_rows([_build_row(selected, found, name, names, query) for name in found], query)


def load_summaries(selected: RunSelection, limit: int | None = None) -> dict[str, dict[int, tuple]]:
    """{metric: {run: its summary}} of all metrics of numbers, or the first `limit`, what matters first; read from what is kept at ingest."""
    series = MetricSeries.objects.filter(run__in=selected.pks, kind__in=CHARTED).order_by()
    names: list[str] = []
    if limit:
        counts = dict(series.values_list("name").annotate(number=Count("pk")))
        names = metric_order.sort_metrics(counts, selected.objective.name)[:limit]
        series = series.filter(name__in=names)
    found: dict[str, dict[int, tuple]] = {}
    for one in series.values_list(*FIELDS, named=True):
        found.setdefault(one.name, {})[one.run] = one
    if not limit:
        counts = {name: len(of_runs) for name, of_runs in found.items()}
        names = metric_order.sort_metrics(counts, selected.objective.name)
    return {name: found[name] for name in names}


def _row_stat(name: str, names: dict[str, set], query) -> str:
    return next((stat for stat in VALUES if name in names[stat]), query["value"])


def _stat_value(summary: tuple | None, stat: str):
    """A number, or the text of a metric that has no numbers."""
    if summary is None:
        return None
    value = getattr(summary, FIELD[stat])
    return summary.shown or None if value is None else value


def _stat_step(summary: tuple | None, stat: str) -> int | None:
    return None if summary is None else getattr(summary, f"{FIELD[stat]}_step")


def _sort_runs(selected: RunSelection, found, query, names, name: str) -> None:
    """Sorts the columns by a row; runs without a value come last."""
    if name not in found:
        raise UnknownName("sort", query["sort"], "none of the runs has a metric of this name.")
    stat, down = _row_stat(name, names, query), query["sort"].startswith("-")
    values = {run.pk: _stat_value(found[name].get(run.pk), stat) for run in selected.runs}
    having = [run for run in selected.runs if _is_number(values[run.pk])]
    without = [run for run in selected.runs if not _is_number(values[run.pk])]
    selected.runs[:] = sorted(having, key=lambda run: values[run.pk], reverse=down) + without
    selected.pks[:] = [run.pk for run in selected.runs]


def _build_row(selected: RunSelection, found, name: str, names, query) -> TableRow:
    stat = _row_stat(name, names, query)
    values = [_stat_value(found[name].get(pk), stat) for pk in selected.pks]
    texts = zip(values, format_numbers(values), strict=True)
    shown = [None if value is None else text.rstrip(PAD) for value, text in texts]
    steps = [_stat_step(found[name].get(pk), stat) for pk in selected.pks]
    return TableRow(name, shown, more={"stat": stat, "values": values, "steps": steps})


def _render_row(row: TableRow, base: int, better: str, query) -> None:
    values = row.more["values"]
    row.more["better"] = better
    row.more["order"] = {row.name: "ascending", f"-{row.name}": "descending"}.get(query["sort"], "")
    row.more["has_numbers"] = any(map(_is_number, values))
    row.cells = _render_cells(row, base, better)


def _better_direction(name: str, query, selected: RunSelection) -> str:
    """The direction in the URL, otherwise that of the objective or the name; otherwise empty."""
    if name in query["down"]:
        return "lower"
    return "higher" if name in query["up"] else selected.objective.direction(name)


def _render_cells(row: TableRow, base: int, better: str) -> SafeString:
    values = row.more["values"]
    best, deltas = _best_value(values, better), _render_deltas(values, base, better)
    cells = []
    for index, value in enumerate(values):
        marks = "number is-base" if index == base else "number"
        html = table_rows.render_text(row.texts[index])
        if best is not None and value == best:
            marks += " is-best"
            html = f'<b>{html}<span class="visually-hidden"> (best)</span></b>'
        cells.append(f'<td class="{marks}"{_cell_title(value, row.more["steps"][index])}>{html}{deltas[index]}</td>')
    return mark_safe("".join(cells))


def _cell_title(value, step: int | None) -> str:
    """All digits and the step, for the tooltip."""
    return f' title="{format_exact(value)} at step {step}"' if _is_number(value) and step is not None else ""


def _best_value(values: list, better: str) -> float | None:
    """None if all are equal, or if it is unknown whether higher or lower is better."""
    numbers = [value for value in values if _is_number(value)]
    if not better or len(set(numbers)) < 2:
        return None
    return min(numbers) if better == "lower" else max(numbers)


def _render_deltas(values: list, base: int, better: str) -> list[str]:
    """The differences to the base, which share their decimals."""
    wanted = values[base]
    changes = [
        value - wanted if index != base and _is_number(value) and _is_number(wanted) else None
        for index, value in enumerate(values)
    ]
    texts = format_differences([change and abs(change) for change in changes])
    return [_render_delta(change, text, wanted, better) for change, text in zip(changes, texts, strict=True)]


def _render_delta(change: float | None, text: str, base: float, better: str) -> str:
    """`+0.02 (+3.1%)`, and whether it is better."""
    if change is None:
        return ""
    if not change:
        return '<small class="same">±0</small>'
    mark = ("better" if (change < 0) == (better == "lower") else "worse") if better else "same"
    sign = "+" if change > 0 else MINUS
    # The percentage of a baseline near zero says nothing.
    part = f" ({sign}{abs(change / base):.1%})" if base and abs(change / base) < MAX_SHARE else ""
    return f'<small class="{mark}">{sign}{text}{part}</small>'


def _is_number(value) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
