"""What stands in a cell of a list of runs, as HTML and as plain text for CSV. Written in Python since a page has thousands."""

from collections.abc import Iterable

from django.urls import reverse
from django.utils.html import format_html, format_html_join

from runs.models import MetricSeries, Run, RunParameter
from runs.pages.lists.columns import METRIC_COLUMNS, Column
from runs.templatetags.runs import job_type
from studio.formats import format_number
from studio.templatetags.studio import dash, status, ticking, when

TAGS_SHOWN = 3
NOTHING = "--"


class CellValues:
    """The metrics and parameters that some columns show of some runs, by one query each."""

    def __init__(self, rows: list[Run], columns: list[Column]):
        metrics = {one.name for one in columns if one.is_metric}
        parameters = {one.name for one in columns if one.kind == "param"}
        self.series, self.parameters = {}, {}
        if metrics:
            fields = ["run_id", "name", "kind", "last", "min", "max", "shown"]
            found = MetricSeries.objects.filter(run__in=rows, name__in=metrics).only(*fields)
            self.series = {(one.run_id, one.name): one for one in found}
        if parameters:
            found = RunParameter.objects.filter(run__in=rows, name__in=parameters).values_list("run", "name", "value")
            self.parameters = {(run, name): value for run, name, value in found}

    def get(self, run: Run, column: Column):
        """The bare value; None if there is none."""
        if column.is_metric:
            series = self.series.get((run.pk, column.name))
            if series is None:
                return None
            return (
                (series.shown or series.last)
                if column.kind == "metric"
                else getattr(series, METRIC_COLUMNS[column.kind])
            )
        if column.kind == "param":
            return self.parameters.get((run.pk, column.name))
        if column.kind == "tag":
            return next((row.value for row in run.tag_rows.all() if row.name == column.name), None)
        return run.properties.get(column.name) if column.kind == "property" else PLAIN[column.name](run)


PLAIN = {
    "name": lambda run: run.display_name,
    "experiment": lambda run: run.experiment.name,
    "status": lambda run: run.status,
    "created": lambda run: run.created_at,
    "started": lambda run: run.started_at,
    "ended": lambda run: run.ended_at,
    "duration": lambda run: run.duration,
    "by": lambda run: run.created_by.username if run.created_by else None,
    "target": lambda run: run.target_name,
    "node": lambda run: run.node_name,
    "type": lambda run: job_type(run.run_type),
    "number": lambda run: run.number,
    "id": lambda run: run.run_id,
    "description": lambda run: run.description,
    "tags": lambda run: "; ".join(f"{row.name}: {row.value}" if row.value else row.name for row in run.tag_rows.all()),
}


def fill_cells(rows: Iterable[Run], columns: list[Column]) -> None:
    """Give each run the HTML of its cells; that of the name is in the template, with the tree and the star."""
    rows = list(rows)
    values = CellValues(rows, columns)
    rest = [(one, _open_cell(one)) for one in columns if one.id != "name"]
    for run in rows:
        run.cells = [format_html("{}{}</td>", opening, _render_cell(run, one, values)) for one, opening in rest]


def _open_cell(column: Column):
    attributes = [("class", column.classes), ("style", column.style)]
    return format_html("<td{}>", format_html_join("", ' {}="{}"', [pair for pair in attributes if pair[1]]))


def _render_cell(run: Run, column: Column, values: CellValues):
    if column.kind == "attribute" and column.name in HTML:
        return HTML[column.name](run)
    value = values.get(run, column)
    if value is None or value == "":
        return NOTHING
    if column.is_numeric and not isinstance(value, str):
        return format_number(value)
    return format_html('<span class="cut" title="{0}">{0}</span>', value)


def _render_status(run: Run):
    return status(run.status, run.error.get("message", "") if isinstance(run.error, dict) else "")


def _render_experiment(run: Run):
    url = reverse("runs:experiment_detail", args=[run.workspace.slug, run.experiment.experiment_id])
    return format_html('<a class="cut" href="{}" title="{}">{}</a>', url, run.experiment.name, run.experiment.name)


def _render_tags(run: Run):
    tags = list(run.tag_rows.all())
    if not tags:
        return NOTHING
    words = [f"{tag.name} : {tag.value}" if tag.value else tag.name for tag in tags]
    chips = format_html_join(
        "",
        '<li class="chip" title="{0}"><span class="cut">{0}</span></li>',
        [(word[:300],) for word in words[:TAGS_SHOWN]],
    )
    more = format_html(
        '<li class="chip" title="{}">+{}</li>', ", ".join(words[TAGS_SHOWN:])[:1000], len(words) - TAGS_SHOWN
    )
    return format_html('<ul class="chips chips-line">{}{}</ul>', chips, more if len(words) > TAGS_SHOWN else "")


HTML = {
    "status": _render_status,
    "experiment": _render_experiment,
    "created": lambda run: when(run.created_at),
    "started": lambda run: when(run.started_at),
    "ended": lambda run: when(run.ended_at),
    "duration": lambda run: format_html('<span class="nowrap">{}</span>', ticking(run.started_at, run.ended_at)),
    "by": lambda run: format_html(
        '<span class="cut">{}</span>', dash(run.created_by.label if run.created_by else None)
    ),
    "tags": _render_tags,
}


def render_mean(value: float | None, spread: float | None, count: int):
    """Of a group: `0.913 ± 0.004`."""
    if value is None:
        return NOTHING
    text = format_number(value) if not spread else f"{format_number(value)} ± {spread:.2g}"
    return format_html('<span title="mean ± standard deviation of {} jobs">{}</span>', count, text)


def render_group_cell(column: Column, text):
    return format_html("{}{}</td>", _open_cell(column), text)
