"""Plotly figures as plain data; static/js/shared/charts.js draws them in the colours of the theme.

plotly.graph_objects checks and builds each kind of figure once; after that only numbers are put in.
"""

import copy
import functools
import html
import itertools
import math
from collections.abc import Iterable
from typing import Any

from runs.charts.colours import DARK, LIGHT

# Shorter lines show each of their points.
MARKED = 30
SCALE = {"light": [[0, "#eef4fc"], [1, "#1550a6"]], "dark": [[0, "#22303f"], [1, "#2d6cd0"]]}


def _plotly():
    # Imported here to save half a second and 18 MB in processes that draw no charts.
    import plotly.graph_objects

    return plotly.graph_objects


@functools.cache
def build_templates() -> dict[str, dict]:
    """The light and the dark template."""
    return {
        "light": _template(LIGHT, "#242424", "#e4e6ea", "#ffffff", SCALE["light"]),
        "dark": _template(DARK, "#f0f1f3", "#3a3f47", "#2c3037", SCALE["dark"]),
    }


def _template(colours, text, grid, hover, scale) -> dict:
    go = _plotly()
    lines = {"gridcolor": grid, "zerolinecolor": grid, "linecolor": grid, "tickcolor": grid}
    # Else an axis has 1796 beside 1,796.5.
    axis = {**lines, "automargin": True, "separatethousands": True}
    layout = go.Layout(
        colorway=colours,
        font={"family": "Segoe UI, system-ui, sans-serif", "size": 12, "color": text},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis=axis,
        yaxis=axis,
        hoverlabel={"bgcolor": hover, "bordercolor": grid, "font": {"color": text}},
        hovermode="x unified",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return go.layout.Template(layout=layout, data={"heatmap": [go.Heatmap(colorscale=scale)]}).to_plotly_json()


@functools.cache
def _layout(x: str, y: str) -> dict:
    go = _plotly()
    return go.Layout(
        margin={"l": 48, "r": 12, "t": 8, "b": 36},
        height=260,
        uirevision="kept",
        showlegend=False,
        dragmode="zoom",
        xaxis={"title": {"text": x, "standoff": 6}},
        yaxis={"title": {"text": y, "standoff": 6}},
    ).to_plotly_json()


@functools.cache
def build_trace(kind: str, mode: str = "") -> dict:
    go = _plotly()
    build = {"scatter": go.Scatter, "bar": go.Bar, "heatmap": go.Heatmap}[kind]
    return {**build(**({"mode": mode} if mode else {})).to_plotly_json(), "type": kind}


def build_figure(traces: list[dict], x: str = "", y: str = "", **layout) -> dict:
    """A figure of traces with these axis titles; `layout` overrides the defaults."""
    return {"data": traces, "layout": {**copy.deepcopy(_layout(x, y)), **layout}}


def escape_text(text) -> str:
    """Escapes a text for Plotly, which takes `<` for a tag."""
    return html.escape(str(text), quote=False)


def format_hover(title: str, lines: list[str]) -> str:
    """The hover text, in which Plotly also reads %{…}; close_hover adds its end."""
    first, *rest = [escape_text(text).replace("%{", "% {") for text in (title, *lines)]
    return "<br>".join([f"<b>{first}</b>", *rest])


def close_hover(text: str, value: str) -> str:
    """With the value, which Plotly fills in; without the trace's name in a second box."""
    return f"{text}<br>{value}<extra></extra>"


def is_crowded(figure: dict) -> bool:
    """Whether a figure's legend or classes need more space than a line chart."""
    return (len(figure["data"]) > 2 and figure["layout"]["showlegend"]) or _classes(figure) > 5


def is_very_large(figure: dict) -> bool:
    return _classes(figure) > 16


def _classes(figure: dict) -> int:
    return max((len(trace.get("z") or ()) for trace in figure["data"]), default=0)


def finite_or_none(values) -> list[float | int | None]:
    """For JSON, in full precision; values that are not finite become gaps."""
    values = values.tolist() if hasattr(values, "tolist") else values
    return [_number(value) for value in values]


# Digits of a value in a small chart, which shows four of them.
SMALL_DIGITS = 5


def shorten_values(values) -> list[float | int | None]:
    """The values for a small chart with as many digits as tell them apart: half of the bytes of such a list of charts."""
    found = finite_or_none(values)
    present = [value for value in found if value is not None]
    spread = max(present) - min(present) if present else 0
    ratio = max(map(abs, present)) / spread if spread else math.inf
    if not math.isfinite(ratio) or not ratio:
        return found
    # Values that are large beside what they differ by need more of them.
    digits = min(17, SMALL_DIGITS + max(0, math.floor(math.log10(ratio))))
    return [None if value is None else float(f"{value:.{digits}g}") for value in found]


def _number(value):
    if isinstance(value, int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else None


def build_empty_line() -> dict:
    """The base of all line charts on the metrics tab; static/js/metrics/figure.js adds the numbers."""
    spikes = {"showspikes": True, "spikemode": "across", "spikesnap": "cursor", "spikethickness": 1, "spikedash": "dot"}
    drawn = build_figure([{**build_trace("scatter", "lines"), "connectgaps": False}], "Step")
    drawn["layout"]["xaxis"] |= spikes
    return drawn


def draw_run_lines(series: list[tuple[str, int, Any, Any]]) -> dict:
    """A line for each run: (name, colour, steps, values)."""
    traces = []
    for name, colour, steps, values in series:
        mode = "markers" if len(values) == 1 else "lines"
        look = {"mode": mode, "line": {"width": 1.5}, "marker": {"size": 7}, "colour": colour}
        look["shown"] = "%{y:.4~g} at step %{x}"
        traces.append(
            {
                **build_trace("scatter"),
                **look,
                "name": escape_text(name),
                "x": steps.tolist(),
                "y": shorten_values(values),
            }
        )
    return build_figure(traces, "Step", height=220)


def choose_ticks(values: Iterable[float | None]) -> dict:
    """One tick for equal values; of others few, which a narrow chart does not have to turn."""
    different = {value for value in values if value is not None and math.isfinite(value)}
    return {"tickangle": 0, **({"tickvals": list(different)} if len(different) == 1 else {"nticks": 4})}


def draw_run_points(points: list[tuple[str, int, float | None]]) -> dict:
    """A strip with one point for each run, for a metric of which every run has a single value: (name, colour, value)."""
    traces = []
    for index, (name, colour, value) in enumerate(points):
        # Equal values are stacked.
        look = {"marker": {"size": 9}, "colour": colour, "shown": "%{x:.4~g}"}
        at = {"x": finite_or_none([value]), "y": [index * 0.618 % 1]}
        traces.append({**build_trace("scatter", "markers"), **look, **at, "name": escape_text(name)})
    hidden = {"visible": False, "fixedrange": True, "range": [-0.15, 1.15]}
    return build_figure(traces, yaxis=hidden, xaxis=choose_ticks(value for _, _, value in points))


def draw_run_values(points: list[tuple[str, int, float | None]]) -> dict:
    """A point for each run, side by side, for a metric with a single value in every run: (name, colour, value)."""
    names, colours, values = zip(*points, strict=True)
    # Runs may have the same display name; their points must still be side by side.
    positions = list(range(len(names)))
    trace = {
        **build_trace("scatter", "markers"),
        "x": positions,
        "y": finite_or_none(list(values)),
        "text": [escape_text(name) for name in names],
        "colours": list(colours),
    }
    trace |= {"hovertemplate": "%{text}: %{y}<extra></extra>", "marker": {"size": 11}}
    return build_figure([trace], height=220, xaxis={"showticklabels": False, "fixedrange": True}, hovermode="closest")


def draw_table(rows: list[dict]) -> list[dict]:
    """The views of a logged table: its columns of numbers over one that only rises, and over the rows.

    Two columns of numbers are drawn as y over x whatever they contain, as in Azure.
    """
    names = [name for name in dict.fromkeys(key for row in rows for key in row) if _is_numeric(rows, name)]
    if len(rows) < 2 or not names:
        return []
    axes = names[:1] if len(names) == 2 else [name for name in names if _rises(rows, name)]
    views = [_view(rows, names, axis) for axis in axes if len(names) > 1]
    return [*views, {"key": "rows", "label": "over rows", "figure": _over(rows, names, None)}]


def _view(rows: list[dict], names: list[str], axis: str) -> dict:
    others = [name for name in names if name != axis]
    return {"key": f"over {axis}", "label": f"over {axis}", "figure": _over(rows, others, axis)}


def _over(rows: list[dict], names: list[str], axis: str | None) -> dict:
    xs = list(range(len(rows))) if axis is None else _column(rows, axis)
    mode = "lines+markers" if len(rows) <= MARKED else "lines"
    traces = [
        {**build_trace("scatter", mode), "name": escape_text(name), "x": xs, "y": _column(rows, name)} for name in names
    ]
    y = escape_text(names[0]) if len(names) == 1 else ""
    return build_figure(traces, "Row" if axis is None else escape_text(axis), y, showlegend=len(traces) > 1)


def _column(rows: list[dict], name: str) -> list:
    return finite_or_none([row.get(name) for row in rows])


def _rises(rows: list[dict], name: str) -> bool:
    values = _column(rows, name)
    return None not in values and all(one < other for one, other in itertools.pairwise(values))


def _is_numeric(rows: list[dict], name: str) -> bool:
    values = [row[name] for row in rows if row.get(name) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
