"""The chart of the cost page: a stacked bar for each day."""

import datetime as dt
from typing import Any

from costs.report import Line
from runs.charts import figures

# How many names have their own colour; the others are combined.
MAX_SERIES = 8


def draw_days(found: dict[Any, dict[dt.date, Line]], days: list[dt.date], *, by_cost: bool) -> dict:
    """`found` has the lines of each name by day."""

    def amount(line: Line | None) -> float:
        return 0 if line is None else (line.cost or 0) if by_cost else line.node_hours

    totals = {name: sum(amount(line) for line in lines.values()) for name, lines in found.items()}
    names = sorted((name for name in totals if totals[name]), key=lambda name: -totals[name])
    series = {str(name): [amount(found[name].get(day)) for day in days] for name in names[:MAX_SERIES]}
    if others := names[MAX_SERIES:]:
        series[f"{len(others)} others"] = [sum(amount(found[name].get(day)) for name in others) for day in days]
    unit = "%{y:$.2f}" if by_cost else "%{y:.2f} h"
    traces = [
        {
            **figures.build_trace("bar"),
            "x": [day.isoformat() for day in days],
            "y": values,
            "name": figures.escape_text(name),
            "colour": number,
            "hovertemplate": unit,
        }
        for number, (name, values) in enumerate(series.items())
    ]
    axis = {"title": {"text": "US dollars" if by_cost else "Node-hours", "standoff": 6}, "rangemode": "tozero"}
    more: dict[str, Any] = {"barmode": "stack", "showlegend": True, "yaxis": axis, "bargap": 0.3}
    more["xaxis"] = {"type": "date", "tickformat": "%b %-d", "fixedrange": True}
    if len(days) < 8:
        more["xaxis"] |= {"tickvals": [day.isoformat() for day in days]}
    return figures.build_figure(traces, height=300, margin={"l": 56, "r": 12, "t": 8, "b": 36}, **more)
