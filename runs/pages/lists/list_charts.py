"""The figures of the charts above a list, for the runs or groups of the page."""

from runs.charts import group_charts, run_charts
from runs.charts.group_charts import GroupMean
from runs.models import MetricSeries
from runs.pages.lists import groups
from runs.pages.lists.groups import RunGroup
from studio.search.db_functions import IsAmong


def draw_charts(table) -> list[dict]:
    """`{"name", "names", "figure"}` for each chart of the page."""
    if table.group_by:
        return table.remember("charts", lambda: _draw_groups(table))
    return run_charts.draw_run_charts(table.drawn_runs, table.charts, table.objective)


def _draw_groups(table) -> list[dict]:
    """A chart of a grouped list has one metric, because its lines are distinguished by group."""
    shown = table.coloured_groups
    runs = groups.runs_of_groups(table.matching, table.group_by, [group.value for group in shown])
    curves = MetricSeries.objects.filter(IsAmong("run", table.newest_keys), name__in=table.charted, count__gt=1)
    with_curves = set(curves.values_list("name", flat=True))
    band = table.options["band"] or "ci"
    drawn = []
    for column in table.chart_columns[: run_charts.MAX_CHARTS]:
        means = [_mean_of(group, column.id) for group in shown if group.means[column.id].mean is not None]
        is_curve = column.name in with_curves
        figure = group_charts.draw_group_chart(runs, column, means, band, is_curve) if means else None
        drawn.append({"name": column.name, "names": [column.name], "figure": figure})
    return drawn


def _mean_of(group: RunGroup, column: str) -> GroupMean:
    found = group.means[column]
    assert found.mean is not None
    label = group.label or "none"
    look = (group.number, group.colour, group.dash)
    return GroupMean(group.value, label, *look, found.mean, found.spread, found.count)
