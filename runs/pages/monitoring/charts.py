"""The cards of resource use: a Plotly figure for each measured quantity."""

import dataclasses
import datetime as dt
import itertools
from typing import Any

from compute import monitoring
from runs.charts import figures

# A line for each of the columns, in one chart.
CARDS = [
    ("CPU", "cores in use", ["cpu"]),
    ("Memory", "GB", ["memory"]),
    ("GPU", "% busy", ["gpu"]),
    ("GPU memory", "GB", ["gpuMemory"]),
    ("GPU power", "W", ["gpuPower"]),
    ("GPU temperature", "°C", ["gpuTemperature"]),
    ("Disk", "MB per second", ["read", "written"]),
    ("Network", "MB per second", ["received", "sent"]),
    ("Free disk", "GB", ["disk"]),
]
# Ticks that are long enough to keep the first time apart from the 0 beside it.
TIME_AXIS = {"type": "date", "ticks": "outside", "ticklen": 9}
# A longer time shows means.
MAX_POINTS = 600
# No line is drawn over a longer time without samples.
GAP = 4


@dataclasses.dataclass(frozen=True)
class MonitoringCard:
    title: str
    last: str
    figure: dict[str, Any]


def build_cards(lines: dict[str, dict[str, list]], limits: dict[str, float]) -> list[MonitoringCard]:
    """Build the cards. `lines` has the columns of each machine or node by its name; `limits` has the available
    amounts."""
    coarse = {name: _fit(columns) for name, columns in lines.items()}
    found = []
    for title, unit, names in CARDS:
        traces = [
            _trace(columns, name, label, number)
            for number, (label, columns, name) in enumerate(
                (f"{node} {name}".strip() if len(names) > 1 else node, columns, name)
                for node, columns in coarse.items()
                for name in names
                if name in columns
            )
        ]
        if traces:
            found.append(_make_card(title, unit, traces, limits.get(names[0])))
    return found


def _make_card(title: str, unit: str, traces: list[dict], limit: float | None) -> MonitoringCard:
    values = [next((value for value in reversed(trace["y"]) if value is not None), None) for trace in traces]
    known = [f"{value:.4g}" for value in values if value is not None]
    last = " / ".join(known) if len(known) <= 2 else ""
    axis = {"title": {"text": unit, "standoff": 6}, "rangemode": "tozero"}
    shown = f" of {limit:g}" if limit and last else ""
    unit = unit.replace("cores", "core") if limit == 1 else unit
    figure = figures.build_figure(traces, yaxis=axis, xaxis=TIME_AXIS, showlegend=len(traces) > 1, height=240)
    return MonitoringCard(title, f"{last}{shown} {unit}" if last else "", figure)


def _trace(columns: dict[str, list], name: str, label: str, number: int) -> dict:
    return {
        **figures.build_trace("scatter", "lines"),
        "x": columns["x"],
        "y": columns[name],
        "name": figures.escape_text(label or name),
        "colour": number,
        "connectgaps": False,
    }


def _fit(columns: dict[str, list]) -> dict[str, list]:
    """Reduce to the points that a chart shows, with times for Plotly and gaps where nothing was measured."""
    times = columns["at"]
    if len(times) > MAX_POINTS:
        step = -(-int(times[-1] - times[0]) // MAX_POINTS)
        columns = monitoring.average_samples(columns, step)
        times = columns["at"]
    usual = sorted(after - before for before, after in itertools.pairwise(times))
    gap = GAP * usual[len(usual) // 2] if usual else 0
    breaks = [index for index in range(1, len(times)) if times[index] - times[index - 1] > gap]
    fitted: dict[str, list] = {"x": [_format(at) for at in times]}
    fitted |= {name: list(values) for name, values in columns.items() if name != "at"}
    for index in reversed(breaks):
        for name, values in fitted.items():
            values.insert(index, fitted["x"][index] if name == "x" else None)
    return fitted


def _format(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
