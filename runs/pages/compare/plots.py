"""The tabs *Scatter* and *Parallel coordinates*: each run as a point, and as a line across several axes."""

import datetime as dt

from runs.charts import figures
from runs.pages.compare import labels, table_export
from runs.pages.compare.dimensions import CREATED, DURATION, Key, Keys
from runs.pages.compare.selection import Chosen

MOST_AXES = 12
FIRST_PARAMS, FIRST_METRICS = 4, 2


def scatter_context(chosen: Chosen, asked) -> dict:
    keys = Keys(chosen)
    columns = _chosen_keys(keys, asked)
    x, y, colour = [*columns, None][:3]
    return {
        "choices": keys.words,
        "x": x,
        "y": y,
        "colour": colour,
        "figure": _scatter(chosen, x, y, colour),
        "columns": columns,
        "rows": _rows(chosen, columns),
        "left_out": sum(None in pair for pair in zip(x.values, y.values, strict=True)),
        "templates": figures.templates(),
        "visible": ("sx", "sy", "sc"),
    }


def _chosen_keys(keys: Keys, asked) -> list[Key]:
    """x, y and, if one is asked for, what colours the points."""
    return [*_pair(keys, asked), *([keys.key(asked["sc"], "sc")] if asked["sc"] else [])]


def _pair(keys: Keys, asked) -> tuple[Key, Key]:
    """What the address names; else a parameter that varies and the metric that most runs have."""
    usual = [*keys.varying[:1], *keys.most_common, DURATION, CREATED]
    x = asked["sx"] or next(iter([*keys.varying[:1], *keys.most_common[1:], CREATED]))
    y = asked["sy"] or next((word for word in [*keys.most_common, *usual] if word != x), DURATION)
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
        drawn["layout"][axis]["type"] = _scale(key)
    return drawn


def _scale(key: Key) -> str:
    """Learning rates and their like lie apart only on a logarithmic axis."""
    if key.word == CREATED:
        return "date"
    if not key.is_numeric:
        return "category"
    found = sorted(value for value in key.values if value is not None)
    is_wide = found[0] > 0 and found[-1] >= 100 * found[0] and found[len(found) // 2] <= found[-1] / 10
    return "log" if is_wide else "linear"


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
    axes, left_out = _axes(keys, asked)
    colour = keys.key(asked["sc"], "sc") if asked["sc"] else None
    return {
        "choices": keys.words,
        "axes": axes,
        "words": [key.word for key in axes],
        "left_out": left_out,
        "colour": colour,
        "columns": axes,
        "rows": _rows(chosen, axes),
        "plot": {
            "axes": [_axis(key) for key in axes],
            "runs": [_line(run) for run in chosen.runs],
            "colour": _axis(colour) if colour else None,
        },
        "visible": ("axis", "sc"),
    }


def _axes(keys: Keys, asked) -> tuple[list[Key], int]:
    """The axes that the address names, or that tell most; and how many more it names than fit."""
    words = list(asked["axis"]) or keys.varying[:FIRST_PARAMS] + keys.most_common[:FIRST_METRICS]
    if len(words) < 2:
        words = [*words, DURATION, CREATED][:2]
    return [keys.key(word, "axis") for word in words[:MOST_AXES]], max(0, len(words) - MOST_AXES)


def _axis(key: Key) -> dict:
    values = figures.numbers(key.values) if key.is_numeric else key.values
    if key.word == CREATED:
        values = [dt.datetime.fromisoformat(value).timestamp() for value in key.values]
    scale = _scale(key)
    more = {"numeric": scale != "category", "log": scale == "log", "time": scale == "date"}
    return {"word": key.word, "label": key.label, "values": values, **more}


def _line(run) -> dict:
    return {"id": run.run_id, "name": run.display_name, "colour": run.colour, "url": run.get_absolute_url()}


def _rows(chosen: Chosen, columns: list[Key]) -> list[tuple]:
    """Each run with its values, and whether they are numbers: the same as a table, for those who cannot see the drawing."""
    cells = zip(*[[(value, key.is_numeric) for value in key.values] for key in columns], strict=True)
    return list(zip(chosen.runs, cells, strict=True))


def scatter_table(chosen: Chosen, asked) -> table_export.Table:
    return _table(chosen, _chosen_keys(Keys(chosen), asked))


def parallel_table(chosen: Chosen, asked) -> table_export.Table:
    return _table(chosen, _axes(Keys(chosen), asked)[0])


def _table(chosen: Chosen, columns: list[Key]) -> table_export.Table:
    head = ["Job", *[key.label for key in columns]]
    return [head, *zip(table_export.heads(chosen), *[key.values for key in columns], strict=True)]
