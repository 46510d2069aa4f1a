"""The sums of the usual grouped lists of long experiments and of their workspaces: added up before somebody asks, and again
after changes."""

import collections
import time
from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.http import QueryDict

from runs.models import Experiment, Run, RunParameter, RunTag, SavedView
from runs.pages.lists.tables import NEWEST, RunTable
from workspaces.models import Workspace

# The experiments with the newest runs, and the parameters and tags of each.
MAX_EXPERIMENTS, MAX_NAMES = 8, 8
ATTRIBUTES = ["status", "by", "type", "target"]
# A name with more different values among the newest runs than this share of them makes too many groups.
MAX_SHARE = 0.8
# The length of a turn, in which at least one list is added up, and the time between two rounds of all lists.
TURN_SECONDS, ROUND_SECONDS = 0.2, 600


# The keys of a workspace and an experiment, or of no experiment for all jobs, and the column to group by.
UsualList = tuple[int, int | None, str]


class Preparation:
    """The lists that a process has still to look at."""

    def __init__(self) -> None:
        self.waiting: collections.deque[UsualList] = collections.deque()
        self.next_round = 0.0

    def continue_briefly(self) -> None:
        began = time.monotonic()
        if not self.waiting and began >= self.next_round:
            self.next_round = began + ROUND_SECONDS
            self.waiting.extend(list_usual())
        while self.waiting and time.monotonic() < began + TURN_SECONDS:
            store_sums(*self.waiting.popleft())


preparation = Preparation()


def list_usual() -> list[UsualList]:
    newest = Run.objects.filter(experiment=OuterRef("pk")).order_by("-created_at", "-pk").values("created_at")
    long = Experiment.objects.long().annotate(newest=Subquery(newest[:1])).order_by("-newest")
    experiments: list[tuple] = list(long.values_list("workspace", "pk")[:MAX_EXPERIMENTS])
    workspaces = dict.fromkeys((workspace, None) for workspace, _ in experiments)
    return [(*keys, word) for keys in [*experiments, *workspaces] for word in _usual_groups(*keys)]


def _list_runs(workspace: int, experiment: int | None) -> QuerySet[Run]:
    """As the page selects them: the sums are found by the statement."""
    if experiment is None:
        return Run.objects.filter(workspace=workspace, deleted_at=None)
    return Run.objects.filter(experiment=experiment, deleted_at=None)


def _usual_groups(workspace: int, experiment: int | None) -> list[str]:
    """Some attributes, and the parameters and tags that divide the newest runs into groups."""
    runs = _list_runs(workspace, experiment).filter(parent=None).order_by("-created_at", "-pk")
    newest = list(runs.values_list("pk", flat=True)[:NEWEST])
    words = list(ATTRIBUTES) if experiment else ["experiment", *ATTRIBUTES]
    for kind, model in (("param", RunParameter), ("tag", RunTag)):
        rows: Any = model.objects.filter(run__in=newest).order_by().values("name")
        counted = rows.annotate(number=Count("pk"), found=Count("value", distinct=True))
        names = counted.filter(found__gt=1, found__lte=F("number") * MAX_SHARE).order_by("-number", "name")
        words += [f"{kind}-{name}" for name in names.values_list("name", flat=True)[:MAX_NAMES]]
    return words


def store_sums(workspace_key: int, experiment_key: int | None, group: str) -> None:
    """For the page that somebody without a layout of their own opens."""
    workspace = Workspace.objects.filter(pk=workspace_key, deleted_at=None).first()
    experiment = Experiment.objects.present().filter(pk=experiment_key).first()
    if workspace is None or (experiment is None and experiment_key is not None):
        return
    layout = SavedView.objects.of_list(workspace, experiment).find_layout(None)
    query = QueryDict(layout.query if layout else "", mutable=True)
    query["group"] = group
    RunTable(_list_runs(workspace_key, experiment_key), query, None, experiment, workspace=workspace).store_sums()
