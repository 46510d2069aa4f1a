"""The columns by which long experiments and their workspaces are usually grouped, and whose means are shown: read before
somebody asks, and again after changes."""

import time
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.http import QueryDict

from runs.models import Experiment, Run, RunParameter, RunTag, SavedView
from runs.pages.lists import groups, run_values
from runs.pages.lists.columns import Column, parse_column
from runs.pages.lists.run_values import RunKeys
from runs.pages.lists.tables import NEWEST, RunTable
from workspaces.models import Workspace

# The experiments with the newest runs, and the parameters, tags and metrics of each.
MAX_EXPERIMENTS, MAX_NAMES, MAX_METRICS = 8, 8, 16
ATTRIBUTES = ["status", "by", "type", "target"]
# A name with more different values among the newest runs than this share of them makes too many groups.
MAX_SHARE = 0.8
# The length of a turn, in which at least one column is read, and the time between two rounds of all columns.
TURN_SECONDS, ROUND_SECONDS = 0.2, 600


class Preparation:
    """The columns that a process has still to look at."""

    def __init__(self) -> None:
        self.waiting: Iterator[str] = iter([])
        self.next_round = 0.0

    def continue_briefly(self) -> None:
        began = time.monotonic()
        if began >= self.next_round:
            self.next_round = began + ROUND_SECONDS
            self.waiting = prepare_columns()
        for _ in self.waiting:
            if time.monotonic() > began + TURN_SECONDS:
                return


preparation = Preparation()


def prepare_columns() -> Iterator[str]:
    """Yield each column once it is stored."""
    newest = Run.objects.filter(experiment=OuterRef("pk")).order_by("-created_at", "-pk").values("created_at")
    long = Experiment.objects.long().annotate(newest=Subquery(newest[:1])).order_by("-newest")
    experiments = list(long.select_related("workspace")[:MAX_EXPERIMENTS])
    for experiment in experiments:
        yield from prepare_list(experiment.workspace, experiment)
    for workspace in dict.fromkeys(experiment.workspace for experiment in experiments):
        yield from prepare_list(workspace, None)


def prepare_list(workspace: Workspace, experiment: Experiment | None) -> Iterator[str]:
    runs = Run.objects.filter(workspace=workspace, deleted_at=None)
    if experiment:
        runs = Run.objects.filter(experiment=experiment, deleted_at=None)
    found = list(dict.fromkeys([*_usual_groups(runs, experiment), *_usual_metrics(runs, workspace, experiment)]))
    keys = RunKeys.read(runs)
    for one in found:
        run_values.read_values(groups.find_source(one), keys, workspace)
        yield one.id


def _usual_groups(runs: QuerySet[Run], experiment: Experiment | None) -> list[Column]:
    """Some attributes, and the parameters and tags that divide the newest runs into groups."""
    newest = list(runs.filter(parent=None).order_by("-created_at", "-pk").values_list("pk", flat=True)[:NEWEST])
    words = list(ATTRIBUTES) if experiment else ["experiment", *ATTRIBUTES]
    for kind, model in (("param", RunParameter), ("tag", RunTag)):
        rows: Any = model.objects.filter(run__in=newest).order_by().values("name")
        counted = rows.annotate(number=Count("pk"), found=Count("value", distinct=True))
        names = counted.filter(found__gt=1, found__lte=F("number") * MAX_SHARE).order_by("-number", "name")
        words += [f"{kind}-{name}" for name in names.values_list("name", flat=True)[:MAX_NAMES]]
    return [parse_column(word) for word in words]


def _usual_metrics(runs: QuerySet[Run], workspace: Workspace, experiment: Experiment | None) -> list[Column]:
    """The metrics of the layout for all, and the most important others of an experiment."""
    layout = SavedView.objects.of_list(workspace, experiment).find_layout(None)
    table = RunTable(runs, QueryDict(layout.query if layout else ""), None, experiment, workspace=workspace)
    shown = [parse_column(one.id) for one in groups.list_metrics(table.columns, table.sorts)]
    others = table.common_metrics[:MAX_METRICS] if experiment else []
    return [*shown, *[parse_column(f"metric-{name}") for name in others]]
