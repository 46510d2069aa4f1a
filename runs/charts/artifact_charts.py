"""Figures of metrics whose content is a JSON file: confusion matrices, residuals, predictions and accuracy tables.

Each kind has one or more views of the same content: `{"key", "label", "figure"}`.
"""

import itertools
from collections.abc import Callable

from runs.charts.colours import GREY
from runs.charts.figures import build_figure, build_trace, escape_text

# The counts [TP, FP, TN, FN] from which each curve is made.
Counts = list[float]
# A larger matrix has a colour scale, because its numbers may not fit.
MAX_CLASSES_WITH_NUMBERS = 12
# With more classes, neither a matrix nor curves are readable, and a page would contain millions of numbers.
MAX_CLASSES = 100
MAX_NUMBERS_TOTAL = 100_000
DASHES = {"Micro average": "dot", "Macro average": "dashdot", "Weighted average": "longdash"}


def draw_artifact(kind: str, content) -> list[dict]:
    """The views of a file's content; ValueError says what is wrong with its JSON."""
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, dict):
        raise ValueError('it has no object "data"')
    _check_size(data)
    try:
        return [{"key": key, "label": label, "figure": draw(data)} for key, label, draw in OF_KIND[kind]]
    except KeyError as error:
        raise ValueError(f"its data lacks {error}") from error
    except (TypeError, IndexError, ValueError, ArithmeticError) as error:
        raise ValueError(f"its data has another shape: {error}") from error


def _check_size(data: dict) -> None:
    classes, points = data.get("class_labels"), sum(map(_size, data.values()))
    if isinstance(classes, list) and len(classes) > MAX_CLASSES:
        raise ValueError(f"it has {len(classes)} classes; {MAX_CLASSES} are drawn")
    if points > MAX_NUMBERS_TOTAL:
        raise ValueError(f"it has {points} numbers; {MAX_NUMBERS_TOTAL} are drawn")


def _size(part) -> int:
    return sum(map(_size, part)) if isinstance(part, list) else 1


def draw_confusion_matrix(data: dict, normalised: bool = False) -> dict:
    """Rows are the true classes, columns the predicted ones; if normalised, each row adds up to 1."""
    labels = [escape_text(label) for label in data["class_labels"]]
    counts = [list(row) for row in data["matrix"]]
    if len(counts) != len(labels) or any(len(row) != len(labels) for row in counts):
        raise TypeError(f"the matrix is not {len(labels)} by {len(labels)}, as there are labels")
    shares = [[count / (sum(row) or 1) for count in row] for row in counts]
    texts = [[f"{share:.1%}" for share in row] for row in shares] if normalised else counts
    look = {**build_trace("heatmap"), "x": labels, "y": labels, "z": shares if normalised else counts, "text": texts}
    look |= {"texttemplate": "%{text}", "customdata": counts, "xgap": 1, "ygap": 1}
    look |= {"showscale": len(labels) > MAX_CLASSES_WITH_NUMBERS, "colorbar": {"thickness": 10, "outlinewidth": 0}}
    look |= {"hovertemplate": "true %{y}, predicted %{x}: %{text}<br>%{customdata} cases<extra></extra>"}
    drawn = build_figure([look], "Predicted label", "True label", hovermode="closest")
    # Show the label of every class; Plotly would leave some out.
    axis = {"type": "category", "showgrid": False, "dtick": 1, "tickfont": {"size": 12 if len(labels) < 16 else 10}}
    drawn["layout"]["xaxis"] |= axis
    drawn["layout"]["yaxis"] |= {**axis, "autorange": "reversed"}
    return drawn


def draw_residuals(data: dict) -> dict:
    """A histogram of the residuals."""
    look = {**build_trace("bar"), **_bins(data["bin_edges"]), "y": data["bin_counts"], "name": "Count"}
    return build_figure([look], "Residual", "Count", bargap=0.02)


def draw_predictions(data: dict) -> dict:
    """The mean prediction with its error for each bin of true values, with the ideal and a histogram of true values."""
    edges = data["bin_edges"]
    bins = _bins(edges)
    mean = {
        **build_trace("scatter", "lines+markers"),
        "name": "Average prediction",
        "x": bins["x"],
        "y": data["bin_averages"],
    }
    mean |= {"error_y": {"type": "data", "array": data.get("bin_errors") or []}, "colour": 0}
    ideal = {**build_trace("scatter", "lines"), "name": "Ideal", "x": [edges[0], edges[-1]], "y": [edges[0], edges[-1]]}
    ideal |= {"line": {"dash": "dash", "width": 1}, "colour": GREY}
    drawn = build_figure([mean, ideal], "True value", "Predicted value", showlegend=True)
    if counts := data.get("bin_counts"):
        cases = {
            **build_trace("bar"),
            **bins,
            "y": counts,
            "name": "Cases",
            "yaxis": "y2",
            "colour": GREY,
            "opacity": 0.35,
        }
        drawn["data"] = [cases, *drawn["data"]]
        # The bars take the lower quarter, as a background.
        drawn["layout"]["yaxis2"] = {"overlaying": "y", "visible": False, "range": [0, 4 * max(counts)]}
    return drawn


def _bins(edges: list) -> dict:
    pairs = list(itertools.pairwise(edges))
    return {"x": [(low + high) / 2 for low, high in pairs], "width": [high - low for low, high in pairs]}


def draw_roc(data: dict) -> dict:
    return _curves(data, _false_positives, _true_positives, "False positive rate", "True positive rate", chance=[0, 1])


def draw_precision_recall(data: dict) -> dict:
    return _curves(data, _true_positives, _precision, "Recall", "Precision")


def draw_calibration(data: dict) -> dict:
    """The fraction of positives among cases with about the same predicted probability."""
    thresholds = data["probability_thresholds"]
    named = _tables(data, "probability_tables")
    if len(named) > 1:
        named.append(("Micro average", _together(named)))
    traces = [_curve(name, _calibrated(table, thresholds)) for name, table in named]
    return _with_line(traces, [0, 1], "Ideal", "Mean predicted probability", "Fraction of positives")


def _calibrated(table: list[Counts], thresholds: list[float]) -> list[tuple]:
    points = sorted(zip(thresholds, table, strict=True))
    found = []
    for (low, below), (high, above) in itertools.pairwise(points):
        cases = (below[0] + below[1]) - (above[0] + above[1])
        if cases > 0:
            found.append(((low + high) / 2, (below[0] - above[0]) / cases))
    return found


def draw_lift(data: dict) -> dict:
    """How many times more positives are among the most probable cases than among all cases."""
    return _curves(
        data, _share, _lift, "Share of the cases, most probable first", "Lift", best_first=True, chance=[1, 1]
    )


def draw_gain(data: dict) -> dict:
    """The share of all positives that is among the most probable cases."""
    return _curves(
        data, _share, _true_positives, "Share of the cases, most probable first", "Gain", best_first=True, chance=[0, 1]
    )


def _curves(data, across: Callable, up: Callable, x: str, y: str, *, best_first=False, chance=None) -> dict:
    """A curve for each class and their averages; by percentiles if the order of the cases matters."""
    key = "percentile_tables" if best_first and data.get("percentile_tables") else "probability_tables"
    named = _tables(data, key)
    curves = [(name, [(across(counts), up(counts)) for counts in table]) for name, table in named]
    if len(curves) > 1:
        curves += _averages(named, curves, [(across(counts), up(counts)) for counts in _together(named)])
    traces = [_curve(name, sorted(point for point in points if None not in point)) for name, points in curves]
    return _with_line(traces, chance, "Chance", x, y) if chance else build_figure(traces, x, y, showlegend=True)


def _tables(data: dict, key: str) -> list[tuple[str, list[Counts]]]:
    labels = [escape_text(label) for label in data["class_labels"]]
    tables = data[key]
    if len(tables) != len(labels):
        raise TypeError(f"{key} has {len(tables)} tables for {len(labels)} labels")
    return list(zip(labels, tables, strict=True))


def _together(named: list[tuple[str, list[Counts]]]) -> list[Counts]:
    """The counts of all classes at each threshold."""
    return [
        [sum(counts) for counts in zip(*at, strict=True)] for at in zip(*(table for _, table in named), strict=True)
    ]


def _averages(named: list, curves: list, micro: list[tuple]) -> list[tuple]:
    """Micro counts all cases alike, macro all classes alike, weighted each class by its positives."""
    rows = list(zip(*(points for _, points in curves), strict=True))
    positives = [table[0][0] + table[0][3] for _, table in named]
    macro = [_mean(row, [1] * len(row)) for row in rows]
    return [
        ("Micro average", micro),
        ("Macro average", macro),
        ("Weighted average", [_mean(r, positives) for r in rows]),
    ]


def _mean(points: tuple, weights: list[float]) -> tuple:
    if any(None in point for point in points) or not sum(weights):
        return None, None
    x, y = (sum(value * weight for value, weight in zip(of, weights, strict=True)) for of in zip(*points, strict=True))
    return x / sum(weights), y / sum(weights)


def _curve(name: str, points: list[tuple]) -> dict:
    look = {**build_trace("scatter", "lines"), "name": name, "x": [x for x, _ in points], "y": [y for _, y in points]}
    return look | ({"line": {"dash": DASHES[name], "width": 2}} if name in DASHES else {})


def _with_line(traces: list[dict], ends: list[float], name: str, x: str, y: str) -> dict:
    line = {**build_trace("scatter", "lines"), "name": name, "x": [0, 1], "y": ends, "colour": GREY}
    return build_figure([*traces, {**line, "line": {"dash": "dash", "width": 1}}], x, y, showlegend=True)


def _rate(part: float, rest: float, without: float | None = 0.0) -> float | None:
    return part / (part + rest) if part + rest else without


def _true_positives(counts: Counts) -> float | None:
    return _rate(counts[0], counts[3])


def _false_positives(counts: Counts) -> float | None:
    return _rate(counts[1], counts[2])


def _precision(counts: Counts) -> float | None:
    # Undefined without predicted positives.
    return _rate(counts[0], counts[1], without=None)


def _share(counts: Counts) -> float | None:
    true, false, *others = counts
    return _rate(true + false, sum(others))


def _lift(counts: Counts) -> float | None:
    share, found = _share(counts), _true_positives(counts)
    return found / share if share and found is not None else None


def _normalised(data: dict) -> dict:
    return draw_confusion_matrix(data, normalised=True)


OF_KIND = {
    "confusion_matrix": [("raw", "Counts", draw_confusion_matrix), ("normalised", "Normalised by row", _normalised)],
    "residuals": [("residuals", "Residuals", draw_residuals)],
    "predictions": [("predictions", "Predictions", draw_predictions)],
    "accuracy_table": [
        ("roc", "ROC", draw_roc),
        ("pr", "Precision and recall", draw_precision_recall),
        ("calibration", "Calibration", draw_calibration),
        ("lift", "Lift", draw_lift),
        ("gain", "Cumulative gain", draw_gain),
    ],
}
