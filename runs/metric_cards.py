"""The metrics tab: one card for each series, and what a live page is sent when there is more."""

import dataclasses
import json

from runs import artifacts, charts, metrics
from runs.models import Artifact, MetricSeries, Run

# Metrics that are shown at first; the others can be ticked.
FIRST = 24
MOST_SHOWN = 200
# About the pixels that a card is wide.
WIDTH = 700
MOST_ROWS = 100
JSON_MOST = 8 * 1024 * 1024
CHARTED = (MetricSeries.Kind.SCALAR, MetricSeries.Kind.LIST)


@dataclasses.dataclass
class Card:
    """`look` picks the piece of template: chart, number, texts, table, figure, image or problem."""

    series: MetricSeries
    look: str
    figure: dict | None = None
    columns: list[str] = dataclasses.field(default_factory=list)
    rows: list[list] = dataclasses.field(default_factory=list)
    value: object = ""
    problem: str = ""

    @property
    def is_wide(self) -> bool:
        return self.look == "table" and len(self.columns) > 4


def cards(run: Run, shown: list[MetricSeries]) -> list[Card]:
    return [card(run, series) for series in shown]


def card(run: Run, series: MetricSeries) -> Card:
    if series.kind in CHARTED:
        return _numbers(series)
    if series.kind == MetricSeries.Kind.TABLE:
        return _table(series)
    if series.kind == MetricSeries.Kind.IMAGE:
        paths = [path_of(value) for value in metrics.as_sdk_values(series)]
        return Card(series, "image", value=paths[-1])
    return _of_file(run, series)


def _numbers(series: MetricSeries) -> Card:
    if series.values == MetricSeries.Values.JSON:
        values = metrics.as_sdk_values(series)
        return Card(
            series, "number" if len(values) == 1 else "texts", value=values[0], rows=[[v] for v in values[-MOST_ROWS:]]
        )
    if series.count == 1:
        return Card(series, "number", value=series.last if series.last is not None else series.shown)
    steps, times, values, _ = metrics.thinned(series, WIDTH)
    return Card(series, "chart", charts.line(series.name, steps, times, values))


def _table(series: MetricSeries) -> Card:
    rows = metrics.rows(series)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[row.get(column) for column in columns] for row in rows[:MOST_ROWS]]
    return Card(series, "table", charts.table(rows[: 4 * WIDTH]), columns, cells)


def _of_file(run: Run, series: MetricSeries) -> Card:
    """A confusion matrix and its like lie in a file; only the first of a name counts, as in Azure."""
    path = path_of(metrics.as_sdk_values(series)[0])
    file = Artifact.objects.filter(run=run, path=path).first()
    if file is None or file.size > JSON_MOST:
        return Card(
            series, "problem", value=path, problem="its file is not there" if file is None else "its file is too large"
        )
    try:
        content = json.loads(artifacts.content(file))
        return Card(series, "figure", charts.of_artifact(series.kind, content), value=path)
    except (ValueError, RecursionError) as error:
        return Card(series, "problem", value=path, problem=f"its JSON cannot be drawn: {error}")


def path_of(value) -> str:
    """From `aml://artifactId/ExperimentRun/dcid.<run>/<path>`, or a bare path, to the path."""
    text = str(value)
    return text.partition("/dcid.")[2].partition("/")[2] if text.startswith("aml://") else text


def news(run: Run, known: dict[int, int]) -> dict:
    """What came after the ordinals that the page has: points of charts, and the ids of cards to be fetched anew."""
    points, anew = [], []
    for series in MetricSeries.objects.filter(run=run):
        after = known.get(series.pk)
        if after is not None and after < 0:
            # The page knows it and does not show it.
            continue
        if after is None or (series.count > after and not _grows(series, after)):
            anew.append(series.pk)
        elif series.count > after:
            points.append(_points(series, after))
    return {"points": points, "anew": anew}


def _grows(series: MetricSeries, after: int) -> bool:
    """A chart that is drawn already only gets longer."""
    return series.kind in CHARTED and series.values != MetricSeries.Values.JSON and after > 1


def _points(series: MetricSeries, after: int) -> dict:
    steps, times, values = metrics.points(series, after)
    end = after + len(steps)
    if len(steps) > 2 * WIDTH:
        steps, times, values, end = metrics.thinned(series, 2 * WIDTH)
        return _as_json(series, 0, end, steps, times, values)
    return _as_json(series, after, end, steps, times, values)


def _as_json(series, after: int, end: int, steps, times, values) -> dict:
    return {
        "id": series.pk,
        "after": after,
        "count": end,
        "steps": steps.tolist(),
        "times": times.tolist(),
        "values": charts.numbers(values),
    }
