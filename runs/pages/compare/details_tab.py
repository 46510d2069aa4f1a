"""The tab *Overview*: a row for each of the first metrics, each parameter, tag and property, and a column for each run."""

import dataclasses
import itertools
import operator

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from runs.metric_order import is_varying
from runs.models.job_types import job_type
from runs.pages.compare import metrics_tab, table_export, table_rows
from runs.pages.compare.selection import RunSelection
from runs.pages.compare.table_rows import TableRow
from runs.pages.run import overview
from studio.formats import are_numbers, format_duration, format_given
from studio.markdown import strip_markdown
from studio.templatetags.studio import status, ticking, when

OWN = {"Run ID", "Created on", "Duration"}
# Properties that are left out if no run has them.
OPTIONAL = {"Description", "Git repository", "Git branch", "Git commit", "Git changes not committed", "Parent job"}


@dataclasses.dataclass
class RowGroup:
    name: str
    rows: list[TableRow]


def build_context(selected: RunSelection, query) -> dict:
    base = selected.runs.index(selected.base)
    flat = _filtered_rows(selected, query)
    page = table_rows.get_page(flat, query)
    for _, row in page:
        row.cells = row.cells or table_rows.render_cells(row, base)
    return {
        "groups": [
            RowGroup(name, [row for _, row in found]) for name, found in itertools.groupby(page, operator.itemgetter(0))
        ],
        "page": page,
        "differences": sum(row.differs for _, row in flat),
        "no_parameters": not selected.parameters,
        "visible": ("q", "only"),
    }


def build_table(selected: RunSelection, query) -> table_export.Table:
    """The table with all its pages."""
    head = ["Group", "Name", *table_export.list_column_names(selected)]
    rows = _filtered_rows(selected, query)
    return [head, *([group, row.name, *row.more.get("values", row.texts)] for group, row in rows)]


def _filtered_rows(selected: RunSelection, query) -> list[tuple[str, TableRow]]:
    """The rows that match the search, each with the name of its group."""
    groups = {
        "Metrics": metrics_tab.build_first_rows(selected, query),
        "Parameters": [_format_numbers(row) for row in _rows_by_name(selected, selected.parameters)],
        "Tags": _rows_by_name(selected, selected.tags),
        "Properties": _property_rows(selected),
    }
    return [(name, row) for name, found in groups.items() for row in table_rows.filter_rows(found, query)]


def _rows_by_name(selected: RunSelection, found: dict[str, dict[int, str]]) -> list[TableRow]:
    """Names that vary come first, then those that some runs lack."""
    rows = [TableRow(name, [values.get(pk) for pk in selected.pks]) for name, values in found.items()]
    return sorted(rows, key=lambda row: (not is_varying(row.texts), not row.differs))


def _format_numbers(row: TableRow) -> TableRow:
    """Parameters by the rule of numbers, as they were written on hover and in copies."""
    htmls = [table_rows.render_text(text, None if text is None else format_given(text)) for text in row.texts]
    row.more = {"htmls": htmls, "is_numeric": are_numbers(row.texts)}
    return row


def _property_rows(selected: RunSelection) -> list[TableRow]:
    found = [
        _build_row(selected, "Run ID", lambda run: run.run_id, _render_run_id),
        _build_row(
            selected, "Status", lambda run: run.status, lambda run: status(run.status, run.error.get("message", ""))
        ),
        _build_row(
            selected, "Created on", lambda run: f"{run.created_at:%F %T}", lambda run: when(run.created_at, True)
        ),
        _build_row(
            selected,
            "Duration",
            lambda run: format_duration(run.duration),
            lambda run: ticking(run.started_at, run.ended_at),
        ),
        _build_row(selected, "Experiment", lambda run: run.experiment.name),
        _build_row(selected, "Created by", lambda run: run.created_by.label if run.created_by else None),
        _build_row(selected, "Job type", lambda run: job_type(run.run_type)),
        _build_row(selected, "Compute target", lambda run: run.target_name or None),
        _build_row(selected, "Node", lambda run: run.node_name or None),
        _build_row(selected, "Command", lambda run: overview.format_command(run) or None),
        _build_row(selected, "Environment", lambda run: overview.environment_name(run) or None),
        _build_row(selected, "Code", lambda run: run.snapshot.digest[:12] if run.snapshot else None),
        _build_row(selected, "Description", lambda run: strip_markdown(run.description) or None),
        *[
            _build_row(selected, label, lambda run, key=key: run.properties.get(key))
            for key, label in overview.GIT.items()
        ],
    ]
    return [row for row in found if row.name not in OPTIONAL or any(row.texts)]


def _render_run_id(run) -> SafeString:
    """As wide as its column, with a button that copies the whole."""
    return render_to_string("runs/compare/run_id.html", {"run": run})


def _build_row(selected: RunSelection, name: str, text, html=None) -> TableRow:
    texts = [text(run) for run in selected.runs]
    texts = [one if one is None else str(one) for one in texts]
    return TableRow(
        name, texts, is_own=name in OWN, more={"htmls": [html(run) for run in selected.runs]} if html else {}
    )
