"""The data of the charts of the metrics tab: lines as JSON, downsampled to their pixels, and their new points."""

import csv
import io

import numpy as np

from runs import metrics
from runs.charts import figures
from runs.metrics import downsampled
from runs.metrics.downsampled import SampledLine
from runs.models import MetricSeries, Run
from studio.formats import escape_formula, format_exact, format_number, from_millis
from studio.statements import read_rows

# If a poll has more new points than this, the whole line is sent again.
MAX_NEW_POINTS = 2000
CHARTED = (MetricSeries.Kind.SCALAR, MetricSeries.Kind.LIST)


def is_charted(series: MetricSeries) -> bool:
    return series.kind in CHARTED and series.values != MetricSeries.Values.JSON and series.count > 1


def read_lines(series: list[MetricSeries], width: int, within=None) -> list[dict]:
    """Each series, or its part within a range of the axis, in about `width` points."""
    found = downsampled.read_lines(series, width, within)
    return [_as_json(one.pk, 0, found[one.pk]) for one in series]


def over_metric(series: list[MetricSeries], other: MetricSeries, width: int) -> list[dict]:
    """Each series over the values of another metric at the same steps."""
    other_steps, _, other_values = metrics.read_points(other)
    lines = []
    for one in series:
        columns = metrics.read_points(one)
        _, mine, its = np.intersect1d(columns[0], other_steps, return_indices=True)
        steps, times, values = (np.asarray(column)[mine] for column in columns)
        chosen = metrics.downsample_points((np.arange(len(mine)), times, values), width)[0]
        line = SampledLine(steps[chosen], times[chosen], values[chosen], one.count, 0)
        xs = figures.finite_or_none(np.asarray(other_values)[its][chosen])
        lines.append({**_as_json(one.pk, 0, line), "xs": xs})
    return lines


def read_news(run: Run, known: dict[int, int], width: int) -> dict:
    """New points, cards to redraw and the number of metrics, for a page and the numbers of points that it has."""
    series = read_rows(MetricSeries, run=run.pk, ordered=True)
    changed = [one for one in series if one.count > known.get(one.pk, one.count)]
    growing = [one for one in changed if is_charted(one) and known[one.pk] > 1]
    far = [one for one in growing if one.count - known[one.pk] > MAX_NEW_POINTS]
    near = metrics.read_points_after({one.pk: known[one.pk] for one in growing if one not in far})
    points = [_new_points(pk, known[pk], columns) for pk, columns in near.items()]
    points += read_lines(far, width) if far else []
    last = {one.pk: {"last": format_number(one.last), "exact": format_exact(one.last)} for one in growing}
    redrawn = [one.pk for one in changed if one not in growing]
    points = [{**line, **last[line["id"]]} for line in points]
    return {"series": len(series), "points": points, "redrawn": redrawn}


def _new_points(pk: int, after: int, columns) -> dict:
    steps, times, values = columns
    gaps = int(np.count_nonzero(~np.isfinite(np.asarray(values, "<f8"))))
    return _as_json(pk, after, SampledLine(steps, times, values, after + len(steps), gaps))


def _as_json(pk: int, after: int, line) -> dict:
    return {
        "id": pk,
        "after": after,
        "count": line.count,
        "gaps": line.gaps,
        "steps": line.steps.tolist(),
        "times": line.times.tolist(),
        "values": figures.finite_or_none(line.values),
    }


def iterate_csv(series: list[MetricSeries]):
    """A CSV with every logged point of the series, in parts."""
    yield _csv([["metric", "step", "time", "value"]])
    for one in series:
        for steps, times, values in metrics.iterate_chunks(one):
            moments = [from_millis(ms).isoformat(timespec="milliseconds") for ms in times]
            values = values if isinstance(values, list) else values.tolist()
            yield _csv([one.name, *row] for row in zip(steps.tolist(), moments, values, strict=True))


def iterate_table_csv(series: MetricSeries):
    """The columns are those of any row, so the rows are read twice."""
    columns = list(dict.fromkeys(name for _, _, rows in metrics.iterate_chunks(series) for row in rows for name in row))
    yield _csv([columns])
    for _, _, rows in metrics.iterate_chunks(series):
        yield _csv([row.get(name) for name in columns] for row in rows)


def _csv(rows) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(map(escape_formula, row) for row in rows)
    return buffer.getvalue()
