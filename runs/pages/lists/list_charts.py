"""The figures of the charts above a list, for the runs or groups of the page."""

from runs.charts import group_charts, run_charts
from runs.charts.group_charts import GroupMean
from runs.pages.lists import groups
from runs.pages.lists.groups import RunGroup


def draw_charts(table) -> list[dict]:
    """`{"name", "names", "figure"}` for each chart of the page."""
    if table.group_by:
        return table.remember("charts", lambda: _draw_groups(table))
    return run_charts.draw_run_charts(table.drawn_runs, table.charts, table.objective)


def _draw_groups(table) -> list[dict]:
    """A chart of a grouped list has one metric, because its lines are distinguished by group."""
    shown = table.coloured_groups
    runs = groups.runs_of_groups(table.matching, table.group_by, [group.value for group in shown])
    band = table.options["band"] or "ci"
    drawn = []
    for column in table.chart_columns[: run_charts.MAX_CHARTS]:
        means = [_mean_of(group, column.id) for group in shown if group.means[column.id][0] is not None]
        figure = group_charts.draw_group_chart(runs, column, means, band) if means else None
        drawn.append({"name": column.name, "names": [column.name], "figure": figure})
    return drawn


def _mean_of(group: RunGroup, column: str) -> GroupMean:
    mean, spread, count = group.means[column]
    longest, points = group.points[column]
    label = group.label or "none"
    look = (group.number, group.colour, group.dash)
    return GroupMean(group.value, label, *look, mean, spread, count, longest, points)
