"""The tabs *Scatter* and *Parallel coordinates*: each run as a point, and as a line across several axes."""

from runs.charts import figures
from runs.compare import labels
from runs.compare.chosen import Chosen
from runs.compare.keys import Key, Keys
from runs.templatetags.runs import number

MOST_AXES = 12
FIRST_PARAMS, FIRST_METRICS = 4, 2


def scatter_context(chosen: Chosen, asked) -> dict:
    keys = Keys(chosen)
    x, y = _pair(keys, asked)
    colour = keys.key(asked["sc"], "sc") if asked["sc"] else None
    if x is None:
        return {"nothing": True, "visible": ()}
    return {
        "choices": keys.words,
        "x": x,
        "y": y,
        "colour": colour,
        "figure": _scatter(chosen, x, y, colour),
        "table": _table(chosen, [key for key in (x, y, colour) if key]),
        "left_out": sum(None in pair for pair in zip(x.values, y.values, strict=True)),
        "templates": figures.templates(),
        "visible": ("sx", "sy", "sc"),
    }


def _pair(keys: Keys, asked) -> tuple[Key | None, Key | None]:
    """What the address names; else a parameter that varies and the metric that most runs have."""
    usual = [*keys.varying[:1], *keys.most_common, "duration", "created"]
    x = asked["sx"] or next(iter([*keys.varying[:1], *keys.most_common[1:], "created"]))
    y = asked["sy"] or next((word for word in [*keys.most_common, *usual] if word != x), "duration")
    return keys.key(x, "sx"), keys.key(y, "sy")


def _scatter(chosen: Chosen, x: Key, y: Key, colour: Key | None) -> dict:
    names = [labels.plain(run.display_name) for run in chosen.runs]
    hover = f"<b>%{{text}}</b><br>{labels.plain(x.label)} %{{x}}<br>{labels.plain(y.label)} %{{y}}<extra></extra>"
    trace = {"type": "scatter", "mode": "markers", "x": x.values, "y": y.values, "text": names, "hovertemplate": hover}
    trace["customdata"] = [run.get_absolute_url() for run in chosen.runs]
    traces = [{**trace, "marker": {"size": 11}, "colours": [run.colour for run in chosen.runs]}]
    if colour is not None:
        traces = [_shaded(trace, colour)] if colour.is_numeric else _by_value(trace, colour)
    drawn = figures.figure(
        traces,
        labels.short(x.label),
        labels.short(y.label),
        height=460,
        hovermode="closest",
        showlegend=len(traces) > 1,
    )
    for axis, key in (("xaxis", x), ("yaxis", y)):
        drawn["layout"][axis]["type"] = "date" if key.word == "created" else "linear" if key.is_numeric else "category"
    return drawn


def _shaded(trace: dict, key: Key) -> dict:
    bar = {"title": {"text": labels.short(key.label)}, "thickness": 12, "outlinewidth": 0}
    return {
        **trace,
        "marker": {"size": 11, "color": key.values, "colorscale": "Viridis", "showscale": True, "colorbar": bar},
    }


def _by_value(trace: dict, key: Key) -> list[dict]:
    """A trace for each text, so that the legend names them."""
    traces = []
    for place, value in enumerate(dict.fromkeys(key.values)):
        chosen = [index for index, one in enumerate(key.values) if one == value]
        part = {name: [trace[name][index] for index in chosen] for name in ("x", "y", "text", "customdata")}
        traces.append({**trace, **part, "name": labels.plain(value or "none"), "colour": place, "marker": {"size": 11}})
    return traces


def parallel_context(chosen: Chosen, asked) -> dict:
    keys = Keys(chosen)
    words = list(asked["axis"]) or keys.varying[:FIRST_PARAMS] + keys.most_common[:FIRST_METRICS]
    if len(words) < 2:
        words = [*words, "duration", "created"][:2]
    axes = [keys.key(word, "axis") for word in words[:MOST_AXES]]
    return {
        "choices": keys.words,
        "axes": axes,
        "words": [key.word for key in axes],
        "left_out": len(words) - len(axes),
        "table": _table(chosen, axes),
        "plot": {"axes": [_axis(key) for key in axes], "runs": [_line(run) for run in chosen.runs]},
        "visible": ("axis",),
    }


def _axis(key: Key) -> dict:
    values = figures.numbers(key.values) if key.is_numeric else key.values
    return {"word": key.word, "label": key.label, "numeric": key.is_numeric, "values": values}


def _line(run) -> dict:
    return {"id": run.run_id, "name": run.display_name, "colour": run.colour, "url": run.get_absolute_url()}


def _table(chosen: Chosen, columns: list[Key]) -> dict:
    """The same as text, for those who cannot see the drawing."""
    rows = zip(chosen.runs, *[key.values for key in columns], strict=True)
    return {
        "labels": [key.label for key in columns],
        "rows": [(run, [number(value) if value != "" else None for value in values]) for run, *values in rows],
    }
