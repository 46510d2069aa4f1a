"""The tab *Parameters & tags*: what the runs are, a row for each fact and a column for each run."""

import dataclasses
import itertools
import operator

from runs.pages.compare import table_export, table_rows
from runs.pages.compare.selection import Chosen
from runs.pages.compare.table_rows import Row
from runs.pages.run import overview
from runs.templatetags.runs import job_type
from studio.templatetags.studio import duration, status, ticking, when

OWN = {"Run ID", "Created on", "Duration"}
# Facts that are left out where no run has them.
OPTIONAL = {"Description", "Git repository", "Git branch", "Git commit", "Git changes not committed", "Parent job"}


@dataclasses.dataclass
class Group:
    name: str
    rows: list[Row]


def context(chosen: Chosen, asked) -> dict:
    base = chosen.runs.index(chosen.base)
    flat = _flat(chosen, asked)
    page = table_rows.page_of(flat, asked)
    for _, row in page:
        row.cells = table_rows.cells_of(row, base)
    return {
        "groups": [
            Group(name, [row for _, row in found]) for name, found in itertools.groupby(page, operator.itemgetter(0))
        ],
        "page": page,
        "differences": sum(row.differs for _, row in flat),
        "no_parameters": not chosen.parameters,
        "visible": ("q", "only"),
    }


def table(chosen: Chosen, asked) -> table_export.Table:
    """All pages of it."""
    head = ["Group", "Name", *table_export.heads(chosen)]
    return [head, *([group, row.name, *row.texts] for group, row in _flat(chosen, asked))]


def _flat(chosen: Chosen, asked) -> list[tuple[str, Row]]:
    """The rows that the search leaves, each with the name of its group."""
    groups = {
        "Properties": _facts(chosen),
        "Parameters": _named(chosen, chosen.parameters),
        "Tags": _named(chosen, chosen.tags),
    }
    return [(name, row) for name, found in groups.items() for row in table_rows.narrowed(found, asked)]


def _named(chosen: Chosen, found: dict[str, dict[int, str]]) -> list[Row]:
    return [Row(name, [values.get(pk) for pk in chosen.pks]) for name, values in found.items()]


def _facts(chosen: Chosen) -> list[Row]:
    found = [
        _row(chosen, "Run ID", lambda run: run.run_id),
        _row(chosen, "Status", lambda run: run.status, lambda run: status(run.status, run.error.get("message", ""))),
        _row(chosen, "Created on", lambda run: f"{run.created_at:%F %T}", lambda run: when(run.created_at, True)),
        _row(chosen, "Duration", lambda run: duration(run.duration), lambda run: ticking(run.started_at, run.ended_at)),
        _row(chosen, "Experiment", lambda run: run.experiment.name),
        _row(chosen, "Created by", lambda run: run.created_by.label if run.created_by else None),
        _row(chosen, "Job type", lambda run: job_type(run.run_type)),
        _row(chosen, "Compute target", lambda run: run.target_name or None),
        _row(chosen, "Node", lambda run: run.node_name or None),
        _row(chosen, "Command", lambda run: overview.command(run) or None),
        _row(chosen, "Environment", lambda run: overview.environment(run) or None),
        _row(chosen, "Code", lambda run: run.snapshot.digest[:12] if run.snapshot else None),
        _row(chosen, "Description", lambda run: run.description or None),
        *[_row(chosen, label, lambda run, key=key: run.properties.get(key)) for key, label in overview.GIT.items()],
    ]
    return [row for row in found if row.name not in OPTIONAL or any(row.texts)]


def _row(chosen: Chosen, name: str, text, html=None) -> Row:
    texts = [text(run) for run in chosen.runs]
    texts = [one if one is None else str(one) for one in texts]
    return Row(name, texts, is_own=name in OWN, more={"htmls": [html(run) for run in chosen.runs]} if html else {})
