"""The small charts above the runs of an experiment: one for each metric, with a line for each run shown."""

from typing import Any

from runs.charts import figures
from runs.metric_order import better_direction
from runs.metrics import downsampled
from runs.models import MetricSeries, Run, RunParameter

MAX_CHARTS = 12
MAX_RUNS = 50
WIDTH = 160
HEIGHT = 160
# More lines than these cannot be told apart: the best of them stand out.
MAX_BRIGHT = 8
# Parameters that the name of a line goes with, and characters of each.
MAX_PARAMETERS, MAX_LENGTH = 4, 24


def draw_run_charts(runs: list[Any], names: list[str]) -> list[dict]:
    """`{"name", "figure"}` for the first few of these names; no figure if none of the runs has a number of that name."""
    runs = runs[:MAX_RUNS]
    by_run = {run.pk: run for run in runs}
    found = MetricSeries.objects.filter(run__in=runs, name__in=names[:MAX_CHARTS], last__isnull=False)
    by_name: dict[str, list[MetricSeries]] = {}
    for series in sorted(found, key=lambda series: -series.run_id):
        by_name.setdefault(series.name, []).append(series)
    drawn = downsampled.read_lines([one for series in by_name.values() for one in series], WIDTH)
    labels = _label_runs(runs)
    return [
        {"name": name, "figure": _draw_metric(by_name[name], by_run, labels, drawn) if name in by_name else None}
        for name in names[:MAX_CHARTS]
    ]


def _label_runs(runs: list[Run]) -> dict[int, str]:
    """The name of each, and the parameters that set it apart from the others."""
    values: dict[str, dict[int, str]] = {}
    written = RunParameter.objects.filter(run__in=runs).order_by("name")
    for key, name, value in written.values_list("run_id", "name", "value"):
        values.setdefault(name, {})[key] = value
    varying = [name for name, of_runs in values.items() if len(set(of_runs.values())) > 1]
    labels = {}
    for run in runs:
        own = [f"{name} = {values[name][run.pk]}" for name in varying if run.pk in values[name]][:MAX_PARAMETERS]
        labels[run.pk] = figures.format_hover(run.display_name[:80], [_shorten(text) for text in own])
    return labels


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_LENGTH * 2 else f"{text[: MAX_LENGTH * 2]}…"


def _draw_metric(found: list[MetricSeries], by_run: dict[int, Any], labels: dict[int, str], drawn: dict) -> dict:
    # What is drawn last lies on top: the best.
    falls = better_direction(found[0].name) != "lower"
    found = sorted(found, key=lambda one: one.last or 0.0, reverse=not falls)
    if all(series.count == 1 for series in found):
        figure = figures.draw_run_points(
            [(by_run[one.run_id].display_name, by_run[one.run_id].colour, one.last) for one in found]
        )
    else:
        lines = [(by_run[one.run_id], drawn[one.pk]) for one in found]
        figure = figures.draw_run_lines(
            [(run.display_name, run.colour, line.steps, line.values) for run, line in lines]
        )
    for trace, series in zip(figure["data"], found, strict=True):
        trace["meta"] = series.run_id
        trace["hovertemplate"] = figures.close_hover(labels[series.run_id], trace.pop("shown"))
    for trace in figure["data"][:-MAX_BRIGHT]:
        trace["opacity"] = 0.3
    figure["layout"] |= {"height": HEIGHT, "hovermode": "closest", "hoverdistance": 40}
    return figure
