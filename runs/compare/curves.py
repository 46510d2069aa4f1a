"""The tab *Charts*: a chart for each chosen metric, with a line for each run, or for each group of runs its mean."""

import dataclasses

from runs.charts import colours, figures
from runs.compare import keys
from runs.compare.chosen import DASHES, Chosen
from runs.compare.keys import PARAMS, TAGS
from runs.compare.measures import CHARTED
from runs.models import MetricSeries, Run
from studio.errors import Invalid

# Charts that are shown unless the address names some.
FIRST = 6
# The pixels that a card is wide; many runs share what one chart may carry.
WIDTH = 640
MOST_POINTS = 12_000
# Places of a group's mean.
PLACES = 200
AXES = {"step": "Step", "relative": "Seconds since the first value", "time": "Time"}
# Of Student's distribution: how many standard errors hold 95 % of the cases, by degrees of freedom.
T95 = [
    12.71,
    4.30,
    3.18,
    2.78,
    2.57,
    2.45,
    2.36,
    2.31,
    2.26,
    2.23,
    2.20,
    2.18,
    2.16,
    2.14,
    2.13,
    2.12,
    2.11,
    2.10,
    2.09,
    2.09,
]


def context(chosen: Chosen, asked) -> dict:
    names = [name for name, _ in keys.series_names(chosen)]
    if unknown := [name for name in asked["show"] if name not in names]:
        raise Invalid(f"show={unknown[0]!r}: none of the runs has a metric of this name with numbers.", target="show")
    groups = [PARAMS + name for name in chosen.parameters] + [TAGS + name for name in chosen.tags]
    return {
        "names": names,
        "shown": list(asked["show"]) or names[:FIRST],
        "groups": groups,
        "group_labels": _members(chosen, asked["group"]) if asked["group"] else [],
        "templates": figures.templates(),
        "visible": ("x", "y", "smooth", "group", "show"),
    }


def figure(chosen: Chosen, name: str, asked) -> dict:
    """The chart of one metric. Its size is bounded, however many runs and points there are."""
    series = MetricSeries.objects.filter(run__in=chosen.pks, name=name, kind__in=CHARTED, last__isnull=False)
    by_run = {one.run_id: one for one in series}
    runs = [run for run in chosen.runs if run.pk in by_run]
    if not runs:
        raise Invalid(f"name={name!r}: none of the runs has a metric of this name with numbers.", target="name")
    if all(one.count == 1 for one in by_run.values()):
        return _group_bars(chosen, by_run, asked["group"]) if asked["group"] else _bars(runs, by_run)
    lines = _lines(runs, by_run, asked["x"])
    traces = _means(chosen, lines, asked["group"]) if asked["group"] else [_trace(line) for line in lines]
    drawn = figures.figure(
        traces, AXES[asked["x"]], height=300, hovermode="x unified" if len(traces) <= 8 else "closest"
    )
    drawn["layout"]["xaxis"]["type"] = "date" if asked["x"] == "time" else "linear"
    return drawn


@dataclasses.dataclass
class Line:
    run: Run
    x: object
    y: object


def _lines(runs: list[Run], by_run: dict[int, MetricSeries], axis: str) -> list[Line]:
    """Of each run what can be seen of its series, however long it is."""
    # numpy comes with it: with the first chart, so that a process that draws none stays small.
    from runs.metrics import sketches

    width = min(WIDTH, max(40, MOST_POINTS // len(runs)))
    found = sketches.lines(list(by_run.values()), width)
    thin = [(run, found[by_run[run.pk].pk]) for run in runs]
    return [Line(run, _placed(line, axis), line.values) for run, line in thin]


def _placed(line, axis: str):
    if axis == "relative":
        return (line.times - (line.times.min() if len(line.times) else 0)) / 1000
    return line.steps if axis == "step" else line.times


def _trace(line: Line) -> dict:
    mode = "lines" if len(line.x) > 1 else "markers"
    look = {"line": {"width": 1.75, "dash": line.run.dash}, "marker": {"size": 7}, "colour": line.run.colour}
    name = {"name": line.run.display_name, "meta": line.run.run_id}
    return {"type": "scatter", "mode": mode, **name, **look, "x": _rounded(line.x), "y": figures.numbers(line.y)}


def _rounded(x) -> list:
    return x.tolist() if x.dtype.kind == "i" else figures.numbers(x)


def _bars(runs: list[Run], by_run: dict[int, MetricSeries]) -> dict:
    drawn = figures.bars_of_runs([(run.display_name, run.colour, by_run[run.pk].last) for run in runs])
    drawn["data"][0]["ids"] = [run.run_id for run in runs]
    drawn["layout"]["height"] = 300
    return drawn


def _group_bars(chosen: Chosen, by_run: dict[int, MetricSeries], word: str) -> dict:
    """The mean of each group, with how far the true one may be from it."""
    import numpy as np

    members, means, errors = [], [], []
    for member in _members(chosen, word):
        values = np.array([[by_run[pk].last] for pk in member["pks"] if pk in by_run])
        if len(values):
            mean, error = _mean(values)
            members, means, errors = [*members, member], [*means, float(mean[0])], [*errors, float(error[0])]
    drawn = figures.bars_of_runs(
        [(one["label"], one["colour"], mean) for one, mean in zip(members, means, strict=True)]
    )
    drawn["data"][0] |= {"ids": [one["label"] for one in members], "error_y": {"type": "data", "array": errors}}
    drawn["layout"]["height"] = 300
    return drawn


def _members(chosen: Chosen, word: str) -> list[dict]:
    """The groups in which the runs are, by the value of a parameter or tag: label, look and runs of each."""
    if not word.startswith((PARAMS, TAGS)):
        raise Invalid(f"group={word!r}: write params.NAME or tags.NAME.", target="group")
    of_runs = (chosen.parameters if word.startswith(PARAMS) else chosen.tags).get(word.partition(".")[2])
    if of_runs is None:
        raise Invalid(f"group={word!r}: none of the runs has this.", target="group")
    members: dict[str, list[int]] = {}
    for pk in chosen.pks:
        members.setdefault(of_runs.get(pk, "none"), []).append(pk)
    many = len(colours.LIGHT)
    return [
        {"label": label, "pks": set(pks), "colour": place % many, "dash": DASHES[place // many % len(DASHES)]}
        for place, (label, pks) in enumerate(sorted(members.items(), key=lambda item: _order(item[0])))
    ]


def _order(label: str):
    """Numbers by their size, texts after them."""
    value = keys.as_number(label)
    return (1, 0.0, value) if isinstance(value, str) else (0, value, "")


def _means(chosen: Chosen, lines: list[Line], word: str) -> list[dict]:
    """For each group a band, in which its true mean lies in 95 of 100 cases, and the mean itself."""
    traces = []
    for member in _members(chosen, word):
        of_group = [line for line in lines if line.run.pk in member["pks"]]
        if of_group:
            traces += _mean_and_band(of_group, member)
    return traces


def _mean_and_band(lines: list[Line], member: dict) -> list[dict]:
    x, mean, error = mean_of([(line.x, line.y) for line in lines])
    label = f"{member['label']} ({len(lines)} run{'s' if len(lines) > 1 else ''})"
    common = {"type": "scatter", "mode": "lines", "x": _rounded(x), "colour": member["colour"], "meta": member["label"]}
    middle = {**common, "name": label, "y": figures.numbers(mean), "line": {"width": 2.25, "dash": member["dash"]}}
    if len(lines) == 1:
        return [middle]
    edge = {**common, "line": {"width": 0}, "hoverinfo": "skip", "band": True, "name": label}
    low, high = (
        {**edge, "y": figures.numbers(mean - error)},
        {**edge, "y": figures.numbers(mean + error), "fill": "tonexty"},
    )
    return [low, high, middle]


def mean_of(curves: list[tuple]):
    """x, mean and half the 95 % interval of several curves, each counted only where it has values."""
    import numpy as np

    curves = [(x[np.isfinite(y)].astype(float), y[np.isfinite(y)]) for x, y in curves]
    curves = [(x[order], y[order]) for x, y in curves if len(x) for order in [np.argsort(x, kind="stable")]]
    if not curves:
        return np.empty(0), np.empty(0), np.empty(0)
    places = np.unique(np.concatenate([x for x, _ in curves]))
    if len(places) > PLACES:
        places = np.linspace(places[0], places[-1], PLACES)
    table = np.array([np.interp(places, x, y, left=np.nan, right=np.nan) for x, y in curves])
    return places, *_mean(table)


def _mean(table):
    """Mean and half the 95 % interval of each column, over what is there."""
    import numpy as np

    count = np.isfinite(table).sum(axis=0)
    total = np.maximum(count, 1)
    mean = np.nansum(table, axis=0) / total
    spread = np.sqrt(np.nansum((table - mean) ** 2, axis=0) / np.maximum(count - 1, 1))
    t = np.array([0.0, *T95, *[1.96] * len(table)])[np.maximum(count - 1, 0)]
    return np.where(count > 0, mean, np.nan), t * spread / np.sqrt(total)
