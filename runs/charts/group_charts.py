"""The charts of a grouped list: for each group the mean of all of its runs, with a band around it."""

import dataclasses
from typing import Any

import numpy as np

from runs.charts import figures, mean_curves, run_charts
from runs.charts.colours import SYMBOLS
from runs.charts.run_charts import HEIGHT, HOVER_LABEL, MAX_BRIGHT
from runs.metrics import packing
from studio.formats import format_count, format_number, format_spread

# The limits of one chart. Beyond them the means of the last values are drawn, which the database computes.
MAX_CURVES = 4_000
MAX_POINTS = 2_000_000
BANDS = {"ci": "95 % confidence", "std": "standard deviation", "none": "no band"}


@dataclasses.dataclass(frozen=True)
class GroupMean:
    """A group and the last values of one metric of its runs; `count` of them have any."""

    value: str
    label: str
    number: int
    colour: int
    dash: str
    mean: float
    spread: float | None
    count: int

    @property
    def key(self) -> str:
        """The id of its row in the table."""
        return f"group-row-{self.number}"

    @property
    def trace_style(self) -> dict:
        return {"colour": self.colour, "meta": self.key}


def draw_group_chart(runs, metric, groups: list[GroupMean], band: str, is_curve: bool) -> dict:
    """A chart of one metric, by its column. `runs` are all runs, with their group as `group_key`; `is_curve` says whether
    new ones have several points."""
    # The last line is drawn on top: the best.
    by_number = {group.number: group for group in groups}
    order = run_charts.rank_by_value([(group.number, group.mean) for group in groups], metric.better)
    groups = [by_number[number] for number in order]
    few = sum(group.count for group in groups) <= MAX_CURVES
    if few:
        longest, points = _count_points(runs, metric.name)
        is_curve, few = longest > 1, points <= MAX_POINTS
    if is_curve and few:
        figure = _draw_lines(groups, _read_curves(runs, metric.name, groups), band)
    else:
        figure = _draw_points(groups, band)
        if is_curve:
            figure["note"] = "Last values: there are too many points for curves"
    figure["layout"] |= {"height": HEIGHT, "hovermode": "closest", "hoverdistance": 40, "hoverlabel": HOVER_LABEL}
    return figure


def _count_points(runs, name: str) -> tuple[int, int]:
    """The greatest number of points of a run, and the number of all points."""
    counted = runs.filter(metrics__name=name, metrics__last__isnull=False).values_list("metrics__count", flat=True)
    counts = list(counted)
    return max(counts, default=0), sum(counts)


def _read_curves(runs, name: str, groups: list[GroupMean]) -> dict[str, dict[int, list]]:
    """The stored points of every run of the groups, by group and series: one statement."""
    keyed = runs.filter(metrics__name=name, metrics__last__isnull=False, metrics__chunks__isnull=False)
    found: dict[str, dict[int, list]] = {group.value: {} for group in groups}
    rows = keyed.values_list("group_key", "metrics__chunks__series", "metrics__chunks__start", "metrics__chunks__data")
    for value, series, start, data in rows:
        if value in found:
            found[value].setdefault(series, []).append((start, bytes(data)))
    return found


def _join_curve(parts: list[tuple[int, bytes]]) -> tuple[Any, Any]:
    pieces = [packing.unpack_columns(data)[1] for _, data in sorted(parts)]
    return np.concatenate([p[0] for p in pieces]), np.concatenate([packing.as_floats(p[2]) for p in pieces])


def _draw_lines(groups: list[GroupMean], found: dict[str, dict[int, list]], band: str) -> dict:
    traces = []
    for index, group in enumerate(groups):
        curves = [_join_curve(parts) for parts in found[group.value].values()]
        if curves:
            line = mean_curves.mean_of_curves(curves, band)
            is_bright = index >= len(groups) - MAX_BRIGHT
            traces += _line_of_group(group, line, band if is_bright and group.count > 1 else "none")
            traces[-1]["opacity"] = 1 if is_bright else 0.3
    return figures.build_figure(traces, "Step")


def _line_of_group(group: GroupMean, line: tuple, band: str) -> list[dict]:
    x, mean, half, counts = line
    common = {"type": "scatter", **group.trace_style, "x": figures.finite_or_none(x)}
    mode = "lines" if len(x) > 1 else "markers"
    middle = {**common, "mode": mode, "line": {"width": 2, "dash": group.dash}, "marker": {"size": 7}}
    middle |= {"y": figures.finite_or_none(mean), "name": figures.escape_text(group.label)}
    middle["text"] = mean_curves.describe_counts(counts, group.count)
    value = "%{y:.4~g} at step %{x}"
    edges = []
    if band != "none":
        edge = {**common, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "band": True}
        low, high = figures.finite_or_none(mean - half), figures.finite_or_none(mean + half)
        edges = [{**edge, "y": low}, {**edge, "y": high, "fill": "tonexty"}]
        middle["customdata"] = figures.finite_or_none(half)
        value = "%{y:.4~g} ± %{customdata:.2~g} at step %{x}"
    title = figures.format_hover(group.label, [])
    return [*edges, {**middle, "hovertemplate": figures.close_hover(title, f"{value}, mean of %{{text}}")}]


def _draw_points(groups: list[GroupMean], band: str) -> dict:
    """The mean of the last values of each group, one below the other, with its band as a bar."""
    traces = []
    for row, group in enumerate(groups):
        half = 0.0 if group.spread is None or band == "none" else mean_curves.half_band(group.spread, group.count, band)
        text = format_spread(group.mean, float(half)) if half else format_number(group.mean)
        title = figures.format_hover(group.label, [f"mean of {format_count(group.count, 'job')}"])
        traces.append(
            {
                **figures.build_trace("scatter", "markers"),
                **group.trace_style,
                "marker": {"size": 8, "symbol": SYMBOLS[group.dash]},
                "x": figures.finite_or_none([group.mean]),
                "y": [row],
                "error_x": {"type": "data", "array": figures.finite_or_none([float(half)]), "thickness": 2, "width": 0},
                "opacity": 1 if row >= len(groups) - MAX_BRIGHT else 0.45,
                "name": figures.escape_text(group.label),
                "hovertemplate": figures.close_hover(title, figures.escape_text(text)),
            }
        )
    range_ = [-0.6, max(len(groups), 1) - 0.4]
    ticks = figures.choose_ticks(group.mean for group in groups)
    return figures.build_figure(traces, xaxis=ticks, yaxis={"visible": False, "fixedrange": True, "range": range_})
