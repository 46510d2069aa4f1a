"""Plotly figures as plain data; static/js/charts.js draws them, in the colours of the reader's theme.

plotly.graph_objects checks and builds each kind of figure once; after that only numbers are put in. It is imported with
the first chart, so that a process that draws none stays small.
"""

import copy
import functools
import itertools
import math

from runs.colours import DARK, GREY, LIGHT

DIGITS = 7
SCALE = {"light": [[0, "#eef4fc"], [1, "#1550a6"]], "dark": [[0, "#22303f"], [1, "#2d6cd0"]]}


@functools.cache
def templates() -> dict[str, dict]:
    """What makes a chart light or dark."""
    return {
        "light": _template(LIGHT, "#242424", "#e4e6ea", "#ffffff", SCALE["light"]),
        "dark": _template(DARK, "#f0f1f3", "#3a3f47", "#2c3037", SCALE["dark"]),
    }


def _template(colours, text, grid, hover, scale) -> dict:
    import plotly.graph_objects as go

    axis = {"gridcolor": grid, "zerolinecolor": grid, "linecolor": grid, "tickcolor": grid, "automargin": True}
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
    import plotly.graph_objects as go

    return go.Layout(
        margin={"l": 48, "r": 12, "t": 8, "b": 36},
        height=260,
        uirevision="kept",
        showlegend=False,
        dragmode="zoom",
        xaxis={"title": {"text": x, "standoff": 6}},
        yaxis={"title": {"text": y}},
    ).to_plotly_json()


@functools.cache
def _trace(kind: str, mode: str = "") -> dict:
    import plotly.graph_objects as go

    build = {"scatter": go.Scatter, "bar": go.Bar, "heatmap": go.Heatmap}[kind]
    return {**build(**({"mode": mode} if mode else {})).to_plotly_json(), "type": kind}


def figure(traces: list[dict], x: str = "", y: str = "", **layout) -> dict:
    """Traces on axes with these titles; `layout` changes what is usual."""
    return {"data": traces, "layout": {**copy.deepcopy(_layout(x, y)), **layout}}


def numbers(values) -> list[float | int | None]:
    """For JSON: what is no finite number is a gap; as many digits as a chart can show."""
    values = values.tolist() if hasattr(values, "tolist") else values
    return [_number(value) for value in values]


def _number(value):
    if isinstance(value, int):
        return value
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")


def line(name: str, steps, times, values) -> dict:
    """A series over its steps. The times go along, so that the axis can be changed without asking again."""
    mode = "lines" if len(values) > 30 else "lines+markers"
    trace = {
        **_trace("scatter", mode),
        "name": name,
        "x": steps.tolist(),
        "y": numbers(values),
        "line": {"width": 2},
        "marker": {"size": 5},
        "connectgaps": False,
    }
    return {**figure([trace], "Step"), "times": times.tolist()}


def lines_of_runs(series: list[tuple[str, int, object, object]]) -> dict:
    """One line for each run: (name, colour, steps, values)."""
    traces = []
    for name, colour, steps, values in series:
        mode = "markers" if len(values) == 1 else "lines"
        look = {"mode": mode, "line": {"width": 1.5}, "marker": {"size": 7}, "colour": colour}
        traces.append({**_trace("scatter"), **look, "name": name, "x": steps.tolist(), "y": numbers(values)})
    return figure(traces, "Step", height=220)


def bars_of_runs(bars: list[tuple[str, int, float]]) -> dict:
    """One bar for each run, for a metric of which every run has a single value."""
    names, colours, values = zip(*bars, strict=True)
    # Runs may have the same display name; their bars still stand side by side.
    places = list(range(len(names)))
    trace = {**_trace("bar"), "x": places, "y": numbers(list(values)), "text": list(names), "colours": list(colours)}
    trace |= {"hovertemplate": "%{text}: %{y}<extra></extra>", "textposition": "none"}
    return figure([trace], height=220, xaxis={"showticklabels": False, "fixedrange": True}, hovermode="closest")


def table(rows: list[dict]) -> dict | None:
    """A line for each column of numbers of a logged table, over its rows; None if there is nothing to draw."""
    columns = [name for name in dict.fromkeys(key for row in rows for key in row) if _is_numeric(rows, name)]
    if len(rows) < 2 or not columns:
        return None
    places = list(range(len(rows)))
    traces = [
        {**_trace("scatter", "lines"), "name": name, "x": places, "y": numbers([row.get(name) for row in rows])}
        for name in columns
    ]
    return figure(traces, "Row", showlegend=len(traces) > 1)


def _is_numeric(rows: list[dict], name: str) -> bool:
    values = [row[name] for row in rows if row.get(name) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def confusion_matrix(data: dict) -> dict:
    """Rows are the true classes, columns what was predicted."""
    labels = [str(label) for label in data["class_labels"]]
    matrix = data["matrix"]
    trace = {**_trace("heatmap"), "x": labels, "y": labels, "z": matrix, "texttemplate": "%{z}", "showscale": False}
    trace |= {"hovertemplate": "true %{y}, predicted %{x}: %{z}<extra></extra>", "xgap": 1, "ygap": 1}
    drawn = figure([trace], "Predicted label", "True label", hovermode="closest")
    drawn["layout"]["xaxis"] |= {"type": "category", "showgrid": False}
    drawn["layout"]["yaxis"] |= {"type": "category", "autorange": "reversed", "showgrid": False}
    return drawn


def residuals(data: dict) -> dict:
    """How often the prediction was off by how much."""
    trace = {**_trace("bar"), **_bins(data["bin_edges"]), "y": data["bin_counts"], "name": "Count"}
    return figure([trace], "Residual", "Count", bargap=0.02)


def predictions(data: dict) -> dict:
    """The mean prediction for each bin of true values with its error, beside the ideal."""
    edges = data["bin_edges"]
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    mean = {**_trace("scatter", "lines+markers"), "name": "Average prediction", "x": middles}
    mean |= {"y": data["bin_averages"], "error_y": {"type": "data", "array": data.get("bin_errors") or []}}
    ideal = {**_trace("scatter", "lines"), "name": "Ideal", "x": [edges[0], edges[-1]], "y": [edges[0], edges[-1]]}
    ideal |= {"line": {"dash": "dash", "width": 1}, "colour": GREY}
    return figure([mean, ideal], "True value", "Predicted value", showlegend=True)


def _bins(edges: list) -> dict:
    pairs = list(itertools.pairwise(edges))
    return {"x": [(low + high) / 2 for low, high in pairs], "width": [high - low for low, high in pairs]}


def roc(data: dict) -> dict:
    """One curve for each class, from its counts [TP, FP, TN, FN] at each threshold of probability."""
    traces = []
    for label, counts in zip(data["class_labels"], data["probability_tables"], strict=False):
        curve = sorted((_rate(fp, tn), _rate(tp, fn)) for tp, fp, tn, fn in counts)
        trace = {
            **_trace("scatter", "lines"),
            "name": str(label),
            "x": [x for x, _ in curve],
            "y": [y for _, y in curve],
        }
        traces.append(trace)
    chance = {
        "colour": GREY,
        **_trace("scatter", "lines"),
        "name": "Chance",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"dash": "dash", "width": 1},
    }
    return figure([*traces, chance], "False positive rate", "True positive rate", showlegend=True)


def _rate(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else 0.0


OF_KIND = {
    "confusion_matrix": confusion_matrix,
    "residuals": residuals,
    "predictions": predictions,
    "accuracy_table": roc,
}


def of_artifact(kind: str, content) -> dict:
    """The figure of a confusion matrix or its like; ValueError says what its JSON lacks."""
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, dict):
        raise ValueError('it has no object "data"')
    try:
        return OF_KIND[kind](data)
    except KeyError as error:
        raise ValueError(f"its data lacks {error}") from error
    except (TypeError, IndexError) as error:
        raise ValueError(f"its data has another shape: {error}") from error
