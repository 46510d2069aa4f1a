"""The small charts above the runs of an experiment: one per metric, with a line for each shown run."""

from runs.charts import colours, figures
from runs.metrics import downsampled
from runs.models import MetricSeries, Run

MAX_CHARTS = 12
MAX_RUNS = 50
WIDTH = 160
HEIGHT = 160


def draw_run_charts(runs: list[Run], names: list[str]) -> list[dict]:
    """`{"name", "figure"}` for the first few of these names; no figure if none of the runs has a number of that name."""
    runs = runs[:MAX_RUNS]
    by_run = {run.pk: run for run in runs}
    found = MetricSeries.objects.filter(run__in=runs, name__in=names[:MAX_CHARTS], last__isnull=False)
    by_name: dict[str, list[MetricSeries]] = {}
    for series in sorted(found, key=lambda series: -series.run_id):
        by_name.setdefault(series.name, []).append(series)
    drawn = downsampled.read_lines([one for series in by_name.values() for one in series], WIDTH)
    return [{"name": name, "figure": _figure(by_name.get(name), by_run, drawn)} for name in names[:MAX_CHARTS]]


def _figure(found: list[MetricSeries] | None, by_run: dict[int, Run], drawn: dict) -> dict | None:
    if not found:
        return None
    figure = _drawn(found, by_run, drawn)
    figure["layout"]["height"] = HEIGHT
    return figure


def _drawn(found: list[MetricSeries], by_run: dict[int, Run], drawn: dict) -> dict:
    if all(series.count == 1 for series in found):
        bars = [(by_run[one.run_id].display_name, colours.colour_index(one.run_id), one.last) for one in found]
        return figures.draw_run_bars(bars)
    lines = []
    for series in found:
        line = drawn[series.pk]
        lines.append((by_run[series.run_id].display_name, colours.colour_index(series.run_id), line.steps, line.values))
    return figures.draw_run_lines(lines)
