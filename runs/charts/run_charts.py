"""The small charts above the runs of an experiment: each of one metric or several, with a line for each run shown."""

import math
from collections.abc import Iterable
from typing import Any

from django.db.models import Value
from django.db.models.functions import Coalesce

from runs.charts import figures
from runs.charts.colours import DASHES, SYMBOLS
from runs.metric_order import Objective, is_varying
from runs.metrics import downsampled
from runs.models import MetricSeries, Run, RunParameter
from studio.formats import format_given

MAX_CHARTS = 12
MAX_RUNS = 50
WIDTH = 160
HEIGHT = 160
# More lines than these cannot be distinguished: the best are highlighted.
MAX_BRIGHT = 8
# Lines with the parameters that the name of a run goes with, and characters of a line: a small card has to show its lines
# beside the text.
MAX_LINES, MAX_LENGTH = 2, 24
# The text at the pointer.
HOVER_LABEL = {"font": {"size": 10}, "align": "left"}


def draw_run_charts(runs: list[Any], charts: list[list[str]], objective: Objective) -> list[dict]:
    """`{"name", "names", "figure"}` for the metrics of each chart; no figure if none of the runs has a number of that name."""
    runs = runs[:MAX_RUNS]
    names = [name for chart in charts[:MAX_CHARTS] for name in chart]
    found = _find_series(runs, names)
    by_name: dict[str, list[MetricSeries]] = {}
    for series in sorted(found, key=lambda series: -series.run_id):
        by_name.setdefault(series.name, []).append(series)
    drawn = downsampled.read_lines([one for series in by_name.values() for one in series], WIDTH)
    labels, by_run = _label_runs(runs), {run.pk: run for run in runs}
    made = []
    for chart in charts[:MAX_CHARTS]:
        there = {name: by_name[name] for name in chart if name in by_name}
        better = objective.direction(next(iter(there), ""))
        figure = _draw_chart(there, better, by_run, labels, drawn) if there else None
        made.append({"name": format_title(chart), "names": chart, "figure": figure})
    return made


def find_bright(runs: list[Any], charts: list[list[str]], objective: Objective) -> list[list[int]]:
    """For each chart the keys of the runs whose lines stand out."""
    lasts: dict[str, list[Any]] = {}
    names = {name for chart in charts[:MAX_CHARTS] for name in chart}
    for name, pk, last in _find_series(runs[:MAX_RUNS], names).values_list("name", "run", "last"):
        lasts.setdefault(name, []).append((pk, last))
    firsts = [next((name for name in chart if name in lasts), None) for chart in charts[:MAX_CHARTS]]
    return [rank_by_value(lasts[name], objective.direction(name))[-MAX_BRIGHT:] for name in firsts if name]


def _find_series(runs: list[Any], names: Iterable[str]):
    """The series of runs that have a number. A condition on `name` itself makes SQLite read that series of every run."""
    found = MetricSeries.objects.alias(named=Coalesce("name", Value("")))
    return found.filter(run__in=runs, named__in=list(names), last__isnull=False)


def rank_by_value(values: list[tuple[int, float]], better: str) -> list[int]:
    """The keys of runs or groups by their values, the best last, infinite ones first; of equal ones the first last."""
    sign = -1 if better == "lower" else 1
    return [key for key, _ in sorted(values, key=lambda pair: (math.isfinite(pair[1]), sign * pair[1], -pair[0]))]


def format_title(names: list[str]) -> str:
    return ", ".join(names)


def _label_runs(runs: list[Run]) -> dict[int, str]:
    """The name of each, and the parameters that set it apart from the others."""
    values: dict[str, dict[int, str]] = {}
    written = RunParameter.objects.filter(run__in=runs).order_by("name")
    for key, name, value in written.values_list("run_id", "name", "value"):
        values.setdefault(name, {})[key] = value
    varying = [name for name, of_runs in values.items() if is_varying(of_runs.values())]
    labels = {}
    for run in runs:
        own = [f"{name} = {format_given(values[name][run.pk])}" for name in varying if run.pk in values[name]]
        labels[run.pk] = figures.format_hover(_shorten(run.display_name), _fill_lines(own))
    return labels


def _fill_lines(parts: list[str]) -> list[str]:
    """The parts that have room, as many in a line as fit."""
    lines: list[str] = []
    for part in map(_shorten, parts):
        if lines and len(lines[-1]) + len(part) + 2 <= MAX_LENGTH:
            lines[-1] += f", {part}"
        elif len(lines) < MAX_LINES:
            lines.append(part)
        else:
            break
    return lines


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"


def _draw_chart(by_name: dict[str, list[MetricSeries]], better: str, by_run: dict, labels: dict, drawn: dict) -> dict:
    """`better`: which values of the first metric are the best."""
    first = next(iter(by_name.values()))
    # The last line is drawn on top: the best.
    order = rank_by_value([(one.run_id, one.last or 0.0) for one in first], better)
    ranks = {pk: rank for rank, pk in enumerate(order)}
    found = [(one, number) for number, series in enumerate(by_name.values()) for one in series]
    found.sort(key=lambda pair: ranks.get(pair[0].run_id, -1))
    if len(by_name) == 1 and all(series.count == 1 for series, _ in found):
        points = [(by_run[one.run_id].display_name, by_run[one.run_id].colour, one.last) for one, _ in found]
        figure = figures.draw_run_points(points)
    else:
        lines = [(by_run[one.run_id], drawn[one.pk]) for one, _ in found]
        figure = figures.draw_run_lines(
            [(run.display_name, run.colour, line.steps, line.values) for run, line in lines]
        )
    for trace, (series, number) in zip(figure["data"], found, strict=True):
        trace["meta"] = f"run-{series.run_id}"
        value = trace.pop("shown") if len(by_name) == 1 else f"{figures.escape_text(series.name)}: {trace.pop('shown')}"
        trace["hovertemplate"] = figures.close_hover(labels[series.run_id], value)
        # Several metrics in a chart differ by their dashes; in a chart of one metric, runs of the same colour do.
        dash = by_run[series.run_id].dash if len(by_name) == 1 else DASHES[number % len(DASHES)]
        if dash != "solid":
            trace |= {"marker": trace.get("marker", {}) | {"symbol": SYMBOLS[dash]}}
            trace["line"] = trace.get("line", {}) | {"dash": dash}
        if ranks.get(series.run_id, -1) < len(order) - MAX_BRIGHT:
            trace["opacity"] = 0.3
    figure["layout"] |= {"height": HEIGHT, "hovermode": "closest", "hoverdistance": 40, "hoverlabel": HOVER_LABEL}
    return figure
