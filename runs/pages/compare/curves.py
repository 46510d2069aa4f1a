"""The tab *Charts*: a chart for each selected metric, with a line for each run or the mean of each group of runs."""

import dataclasses
from typing import Any

import numpy as np

from runs.charts import figures, mean_curves, run_charts
from runs.charts.colours import SYMBOLS
from runs.metrics import downsampled
from runs.models import MetricSeries, Run
from runs.pages.compare import dimensions, groups, labels
from runs.pages.compare.metrics_tab import CHARTED
from runs.pages.compare.query import UnknownName
from runs.pages.compare.selection import FIRST_CHARTS, RunSelection
from studio.errors import Invalid
from studio.formats import format_count

# The width of a card in pixels; the runs share the maximum number of points of a chart.
WIDTH = 640
MAX_POINTS = 12_000
HEIGHT = 300
AXES = {"step": "Step", "relative": "Seconds since the first value", "time": "Time"}
# With more lines than this, the tooltip shows one at a time.
UNIFIED = 8


def build_context(selected: RunSelection, query) -> dict:
    names = dimensions.list_series_names(selected)
    shown = list(query["show"]) or names[:FIRST_CHARTS]
    if unknown := [name for name in query["show"] if name not in names]:
        raise UnknownName("show", unknown[0], "none of the runs has a metric of this name with numbers.")
    return {
        "names": names,
        "shown": shown,
        "best_first": _list_best_first(selected, shown[0]) if shown else selected.runs,
        "groups": groups.list_group_keys(selected),
        "members": groups.group_runs(selected, query["group"]) if query["group"] else [],
        "templates": figures.build_templates(),
        "visible": ("x", "y", "smooth", "group", "show"),
    }


def _list_best_first(selected: RunSelection, name: str) -> list[Run]:
    """The runs for the legend, by their last values of the metric; as they were selected if no direction is better."""
    better = selected.objective.direction(name)
    if not better:
        return selected.runs
    series = MetricSeries.objects.filter(run__in=selected.pks, name=name, last__isnull=False)
    values: Any = series.values_list("run", "last")
    worst_first = run_charts.rank_by_value(list(values), better)
    ranks = {pk: rank for rank, pk in enumerate(worst_first)}
    return sorted(selected.runs, key=lambda run: -ranks.get(run.pk, -1))


def build_figure(selected: RunSelection, name: str, query, within: tuple[float, float] | None = None) -> dict:
    """The chart of a metric, or of a range of its axis. Its size is bounded for any number of runs and points."""
    series = MetricSeries.objects.filter(run__in=selected.pks, name=name, kind__in=CHARTED, last__isnull=False)
    by_run = {one.run_id: one for one in series}
    if not by_run:
        raise Invalid(f"name={name!r}: none of the runs has a metric of this name with numbers.", target="name")
    if all(one.count == 1 for one in by_run.values()):
        return (
            _build_group_points(selected, by_run, query["group"]) if query["group"] else _build_points(selected, by_run)
        )
    if query["group"]:
        traces = _build_means(selected, by_run, query, within)
    else:
        width = min(WIDTH, max(40, MAX_POINTS // len(by_run)))
        lines = {line.run.pk: line for line in _load_curves(selected, by_run, query, width, within)}
        traces = _build_traces(lines, by_run, selected.objective.direction(name))
    return _line_figure(traces, query["x"])


def _line_figure(traces: list[dict], axis: str) -> dict:
    lines = sum(not trace.get("band") for trace in traces)
    drawn = figures.build_figure(
        traces, AXES[axis], height=HEIGHT, hovermode="x unified" if lines <= UNIFIED else "closest"
    )
    drawn["layout"]["xaxis"]["type"] = "date" if axis == "time" else "linear"
    drawn["layout"] |= {"hoverlabel": {"namelength": -1}, "hoverdistance": 80}
    return drawn


@dataclasses.dataclass
class RunCurve:
    run: Run
    # Arrays of numpy, which is imported late.
    x: Any
    y: Any


def _load_curves(selected: RunSelection, by_run: dict[int, MetricSeries], query, width: int, within) -> list[RunCurve]:
    """The downsampled curve of each run."""
    axis = query["x"]
    if within and axis == "relative":
        raise Invalid("from: times since each run's first value cannot be limited to a range.", target="from")
    part = downsampled.Range(axis, *within) if within else None
    found = downsampled.read_lines(list(by_run.values()), width, part)
    lines = [(run, found[by_run[run.pk].pk]) for run in selected.runs if run.pk in by_run]
    return [RunCurve(run, _axis_values(line, axis), line.values) for run, line in lines]


def _axis_values(line, axis: str):
    if axis == "relative":
        return (line.times - (line.times.min() if len(line.times) else 0)) / 1000
    return line.steps if axis == "step" else line.times


def _build_traces(lines: dict[int, RunCurve], by_run: dict[int, MetricSeries], better: str) -> list[dict]:
    """A line for each run, the best last and so on top; of more than can be distinguished the others are pale."""
    order = run_charts.rank_by_value([(pk, by_run[pk].last or 0.0) for pk in lines], better)
    traces = [_build_trace(lines[pk]) for pk in order]
    for trace in traces[: -run_charts.MAX_BRIGHT]:
        trace["opacity"] = 0.3
    return traces


def _build_trace(line: RunCurve) -> dict:
    mode = "lines" if len(line.x) > 1 else "markers"
    look = {"line": {"width": 1.75, "dash": line.run.dash}, "marker": {"size": 7}, "colour": line.run.colour}
    name = {"name": labels.escape_plotly(line.run.display_name), "meta": line.run.run_id}
    return {"type": "scatter", "mode": mode, **name, **look, "x": _to_list(line.x), "y": figures.finite_or_none(line.y)}


def _to_list(x) -> list:
    return x.tolist() if x.dtype.kind == "i" else figures.finite_or_none(x)


def _build_points(selected: RunSelection, by_run: dict[int, MetricSeries]) -> dict:
    runs = [run for run in selected.runs if run.pk in by_run]
    points = [(labels.escape_plotly(run.display_name), run.colour, by_run[run.pk].last) for run in runs]
    return _draw_points(points, [run.dash for run in runs], ids=[run.run_id for run in runs])


def _draw_points(points: list[tuple], dashes: list[str], **more) -> dict:
    drawn = figures.draw_run_values(points)
    drawn["data"][0]["marker"]["symbol"] = [SYMBOLS[dash] for dash in dashes]
    drawn["data"][0] |= more
    drawn["layout"] |= {"height": HEIGHT, "hoverlabel": {"namelength": -1}}
    return drawn


def _build_group_points(selected: RunSelection, by_run: dict[int, MetricSeries], word: str) -> dict:
    """The mean of each group with its confidence interval."""
    points, dashes, errors, ids = [], [], [], []
    for member in groups.group_runs(selected, word):
        values = [[by_run[pk].last] for pk in sorted(member["pks"]) if pk in by_run]
        if values:
            mean, error = mean_curves.mean_of_rows(np.array(values))
            points.append((_label_group(member, len(values)), member["colour"], float(mean[0])))
            dashes.append(member["dash"])
            errors.append(float(error[0]))
            ids.append(member["label"])
    return _draw_points(points, dashes, ids=ids, error_y={"type": "data", "array": errors})


def _label_group(member: dict, count: int) -> str:
    return f"{labels.escape_plotly(member['shown'])} ({format_count(count, 'job')})"


def _build_means(selected: RunSelection, by_run: dict[int, MetricSeries], query, within) -> list[dict]:
    """The mean of each group with its 95 % confidence band."""
    # As far as possible all points are read: extremes alone would give a different mean.
    lines = _load_curves(selected, by_run, query, downsampled.EXACT, within)
    traces = []
    for member in groups.group_runs(selected, query["group"]):
        of_group = [line for line in lines if line.run.pk in member["pks"]]
        if of_group:
            traces += _build_mean_and_band(of_group, member)
    return traces


def _build_mean_and_band(lines: list[RunCurve], member: dict) -> list[dict]:
    x, mean, error, counts = mean_curves.mean_of_curves([(line.x, line.y) for line in lines])
    name = _label_group(member, len(lines))
    common = {"type": "scatter", "mode": "lines", "x": _to_list(x), "colour": member["colour"], "meta": member["label"]}
    middle = {
        **common,
        "name": name,
        "y": figures.finite_or_none(mean),
        "line": {"width": 2.25, "dash": member["dash"]},
    }
    if len(lines) == 1:
        return [middle]
    middle |= {"customdata": figures.finite_or_none(error), "text": mean_curves.describe_counts(counts, len(lines))}
    middle["hovertemplate"] = "%{y:.4~g} ± %{customdata:.2~g}, mean of %{text}"
    edge = {**common, "line": {"width": 0}, "hoverinfo": "skip", "band": True, "name": name, "showlegend": False}
    low, high = {**edge, "y": figures.finite_or_none(mean - error)}, {**edge, "y": figures.finite_or_none(mean + error)}
    return [low, {**high, "fill": "tonexty"}, middle]
