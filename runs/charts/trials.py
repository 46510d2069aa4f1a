"""The objective of the children of a run in their order, with the best value so far."""

import itertools
from typing import Any

from runs.charts import figures


def draw_trials(trials: list[tuple[Any, float]], name: str, better: str) -> dict:
    """`trials` are runs, in their order, with their last value; `better` is higher or lower."""
    values = [value for _, value in trials]
    best = list(itertools.accumulate(values, max if better == "higher" else min))
    numbers = list(range(1, len(values) + 1))
    names = [figures.escape_text(run.display_name[:80]) for run, _ in trials]
    points = {
        **figures.build_trace("scatter", "markers"),
        **{"x": numbers, "y": figures.finite_or_none(values), "text": names, "colour": 0, "marker": {"size": 8}},
        "customdata": [run.get_absolute_url() for run, _ in trials],
        "hovertemplate": figures.close_hover("%{text}", "%{y:.4~g}"),
    }
    line = {
        **figures.build_trace("scatter", "lines"),
        **{"x": numbers, "y": figures.finite_or_none(best), "colour": 2, "line": {"shape": "hv", "width": 2}},
        "hovertemplate": figures.close_hover("best so far", "%{y:.4~g}"),
    }
    return figures.build_figure([line, points], "Child job", name, height=260, hovermode="closest")
