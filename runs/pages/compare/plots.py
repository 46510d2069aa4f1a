"""The tabs *Scatter* and *Parallel coordinates*: each run as a point, or as a line across several axes."""

import datetime as dt

from runs.charts import figures
from runs.charts.colours import SYMBOLS
from runs.pages.compare import labels, table_export
from runs.pages.compare.dimensions import CREATED, DURATION, METRICS, PARAMS, TAGS, Dimension, Dimensions
from runs.pages.compare.selection import RunSelection
from studio.formats import format_exact, format_given, format_numbers

MAX_AXES = 12
FIRST_PARAMS, FIRST_METRICS = 4, 2
# The height of the scatter plot, of a name in its legend, and of what is above and below them; and how many names it has.
HEIGHT, NAME_HEIGHT, AROUND = 460, 19, 90
MAX_NAMES = 30


def build_scatter_context(selected: RunSelection, query) -> dict:
    dimensions = Dimensions(selected)
    columns = _scatter_dimensions(dimensions, query)
    x, y, *rest = columns
    colour = rest[0] if rest else None
    return {
        "choices": dimensions.choices,
        "x": x,
        "y": y,
        "colour": colour,
        "figure": _build_scatter(selected, x, y, colour),
        "columns": columns,
        "rows": _table_rows(selected, columns),
        "left_out": sum(None in pair for pair in zip(x.values, y.values, strict=True)),
        "templates": figures.build_templates(),
        "visible": ("sx", "sy", "sc"),
    }


def _scatter_dimensions(dimensions: Dimensions, query) -> list[Dimension]:
    """The dimensions x, y and, if requested, the colour of the points."""
    return [*_choose_axes(dimensions, query), *([dimensions.get(query["sc"], "sc")] if query["sc"] else [])]


def _choose_axes(dimensions: Dimensions, query) -> tuple[Dimension, Dimension]:
    """The axes in the URL; by default a varying parameter and the most common metric."""
    usual = [*dimensions.varying_parameters[:1], *dimensions.telling_metrics, DURATION, CREATED]
    x = query["sx"] or next(iter([*dimensions.varying_parameters[:1], *dimensions.telling_metrics[1:], CREATED]))
    y = query["sy"] or next((word for word in [*dimensions.telling_metrics, *usual] if word != x), DURATION)
    return dimensions.get(x, "sx"), dimensions.get(y, "sy")


def _build_scatter(selected: RunSelection, x: Dimension, y: Dimension, colour: Dimension | None) -> dict:
    names = [labels.escape_plotly(run.display_name) for run in selected.runs]
    hover = f"<b>%{{text}}</b><br>{labels.escape_plotly(x.label)} %{{x}}<br>{labels.escape_plotly(y.label)} %{{y}}<extra></extra>"
    trace = {"type": "scatter", "mode": "markers", "x": x.values, "y": y.values, "text": names, "hovertemplate": hover}
    trace["customdata"] = [run.get_absolute_url() for run in selected.runs]
    if colour is None:
        traces = _traces_by_run(trace, selected, y)
    else:
        traces = [_trace_by_number(trace, colour)] if colour.is_numeric else _traces_by_text(trace, colour)
    drawn = figures.build_figure(
        traces,
        labels.shorten_title(x.label),
        labels.shorten_title(y.label),
        # A legend that does not fit would get a scrollbar.
        height=max(HEIGHT, AROUND + NAME_HEIGHT * min(len(traces), MAX_NAMES)),
        hovermode="closest",
        showlegend=len(traces) > 1,
        legend={"orientation": "v", "x": 1.02, "xanchor": "left", "y": 1, "yanchor": "top", "traceorder": "reversed"},
    )
    for axis, dimension in (("xaxis", x), ("yaxis", y)):
        drawn["layout"][axis]["type"] = _axis_scale(dimension)
    return drawn


def _axis_scale(dimension: Dimension) -> str:
    """Values such as learning rates need a logarithmic axis."""
    if dimension.word == CREATED:
        return "date"
    if not dimension.is_numeric:
        return "category"
    found = sorted(value for value in dimension.values if value is not None)
    is_wide = found[0] > 0 and found[-1] >= 100 * found[0] and found[len(found) // 2] <= found[-1] / 10
    return "log" if is_wide else "linear"


def _traces_by_run(trace: dict, selected: RunSelection, y: Dimension) -> list[dict]:
    """A trace for each run, so that the legend names them: the best on top in both."""
    traces = []
    for index in _best_last(selected, y):
        run = selected.runs[index]
        part = {name: trace[name][index : index + 1] for name in ("x", "y", "text", "customdata")}
        look = {"name": part["text"][0], "colour": run.colour, "marker": {"size": 11, "symbol": SYMBOLS[run.dash]}}
        traces.append({**trace, **part, **look})
    # The table below has all of them.
    for one in traces[:-MAX_NAMES]:
        one["showlegend"] = False
    return traces


def _best_last(selected: RunSelection, y: Dimension) -> list[int]:
    """The indexes of the runs, so that the best of a metric are drawn last and lie on top; of others as they are."""
    indexes = list(reversed(range(len(selected.runs))))
    if not (y.is_numeric and y.word.startswith(METRICS)):
        return indexes
    sign = -1 if selected.objective.direction(y.label) == "lower" else 1
    return sorted(indexes, key=lambda index: (y.values[index] is not None, sign * (y.values[index] or 0)))


def _trace_by_number(trace: dict, dimension: Dimension) -> dict:
    bar = {"title": {"text": labels.shorten_title(dimension.label)}, "thickness": 12, "outlinewidth": 0}
    return {
        **trace,
        "marker": {"size": 11, "color": dimension.values, "colorscale": "Viridis", "showscale": True, "colorbar": bar},
    }


def _traces_by_text(trace: dict, dimension: Dimension) -> list[dict]:
    """A trace for each text, so that the legend names them."""
    traces = []
    for colour, value in enumerate(dict.fromkeys(dimension.values)):
        indexes = [index for index, one in enumerate(dimension.values) if one == value]
        part = {name: [trace[name][index] for index in indexes] for name in ("x", "y", "text", "customdata")}
        traces.append(
            {**trace, **part, "name": labels.escape_plotly(value or "none"), "colour": colour, "marker": {"size": 11}}
        )
    return traces


def build_parallel_context(selected: RunSelection, query) -> dict:
    dimensions = Dimensions(selected)
    axes, left_out = _parallel_axes(dimensions, query)
    colour = dimensions.get(query["sc"], "sc") if query["sc"] else None
    return {
        "choices": dimensions.choices,
        "axes": axes,
        "words": [dimension.word for dimension in axes],
        "left_out": left_out,
        "colour": colour,
        "columns": axes,
        "rows": _table_rows(selected, axes),
        "plot": {
            "axes": [_describe_axis(dimension) for dimension in axes],
            "runs": [_describe_run(run) for run in selected.runs],
            "colour": _describe_axis(colour) if colour else None,
            "order": _best_last(selected, _judging_axis(axes)),
        },
        "best_first": [selected.runs[index] for index in reversed(_best_last(selected, _judging_axis(axes)))],
        "visible": ("axis", "sc"),
    }


def _parallel_axes(dimensions: Dimensions, query) -> tuple[list[Dimension], int]:
    """The axes in the URL, or the most informative ones; and how many do not fit."""
    words = (
        list(query["axis"]) or dimensions.varying_parameters[:FIRST_PARAMS] + dimensions.telling_metrics[:FIRST_METRICS]
    )
    if len(words) < 2:
        words = [*words, DURATION, CREATED][:2]
    return [dimensions.get(word, "axis") for word in words[:MAX_AXES]], max(0, len(words) - MAX_AXES)


def _describe_axis(dimension: Dimension) -> dict:
    values = figures.finite_or_none(dimension.values) if dimension.is_numeric else dimension.values
    if dimension.word == CREATED:
        values = [dt.datetime.fromisoformat(value).timestamp() for value in dimension.values]
    scale = _axis_scale(dimension)
    more = {"numeric": scale != "category", "log": scale == "log", "time": scale == "date"}
    return {"word": dimension.word, "label": dimension.label, "values": values, **more}


def _judging_axis(axes: list[Dimension]) -> Dimension:
    """The first metric among the axes."""
    return next((one for one in axes if one.word.startswith(METRICS) and one.is_numeric), axes[-1])


def _describe_run(run) -> dict:
    return {
        "id": run.run_id,
        "name": run.display_name,
        "colour": run.colour,
        "dash": run.dash,
        "url": run.get_absolute_url(),
    }


def _table_rows(selected: RunSelection, columns: list[Dimension]) -> list[tuple]:
    """Each run with its values, their texts, and whether they are numbers, as an accessible table of the plot."""
    shown = []
    for dimension in columns:
        # A parameter is what somebody wrote, without further zeros.
        is_given = dimension.word.startswith((PARAMS, TAGS))
        texts = map(_format_given, dimension.values) if is_given else format_numbers(dimension.values)
        cells = [(value, text, dimension.is_numeric) for value, text in zip(dimension.values, texts, strict=True)]
        for index, text in dimension.unplaced.items():
            cells[index] = (text, text, True)
        shown.append(cells)
    return list(zip(selected.runs, zip(*shown, strict=True), strict=True))


def _format_given(value) -> str:
    return format_given(str(value)) if isinstance(value, float) else format_exact(value)


def _list_values(dimension: Dimension) -> list:
    return [dimension.unplaced.get(index, value) for index, value in enumerate(dimension.values)]


def build_scatter_table(selected: RunSelection, query) -> table_export.Table:
    return _build_table(selected, _scatter_dimensions(Dimensions(selected), query))


def build_parallel_table(selected: RunSelection, query) -> table_export.Table:
    return _build_table(selected, _parallel_axes(Dimensions(selected), query)[0])


def _build_table(selected: RunSelection, columns: list[Dimension]) -> table_export.Table:
    head = ["Job", *[dimension.label for dimension in columns]]
    return [
        head,
        *map(list, zip(table_export.list_column_names(selected), *map(_list_values, columns), strict=True)),
    ]
