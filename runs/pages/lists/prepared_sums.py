"""The sums of the usual grouped lists of long experiments: added up before somebody asks, and again after changes."""

import collections
import time
from typing import Any

from django.db.models import Count, F, OuterRef, Subquery
from django.http import QueryDict

from runs.models import Experiment, Run, RunParameter, RunTag, SavedView
from runs.pages.lists.tables import NEWEST, RunTable

# The experiments with the newest runs, and the parameters and tags of each.
MAX_EXPERIMENTS, MAX_NAMES = 10, 8
ATTRIBUTES = ["status", "by", "type", "target"]
# A name with more different values among the newest runs than this share of them makes too many groups.
MAX_SHARE = 0.8
# The length of a turn, in which at least one list is added up, and the time between two rounds of all lists.
TURN_SECONDS, ROUND_SECONDS = 0.2, 600


class Preparation:
    """The lists that a process has still to look at, as keys of experiments and columns to group by."""

    def __init__(self) -> None:
        self.waiting: collections.deque[tuple[int, str]] = collections.deque()
        self.next_round = 0.0

    def continue_briefly(self) -> None:
        began = time.monotonic()
        if not self.waiting and began >= self.next_round:
            self.next_round = began + ROUND_SECONDS
            self.waiting.extend(list_usual())
        while self.waiting and time.monotonic() < began + TURN_SECONDS:
            store_sums(*self.waiting.popleft())


preparation = Preparation()


def list_usual() -> list[tuple[int, str]]:
    newest = Run.objects.filter(experiment=OuterRef("pk")).order_by("-created_at", "-pk").values("created_at")
    long = Experiment.objects.long().annotate(newest=Subquery(newest[:1]))
    keys: Any = long.order_by("-newest").values_list("pk", flat=True)
    return [(key, word) for key in keys[:MAX_EXPERIMENTS] for word in _usual_groups(key)]


def _usual_groups(experiment: int) -> list[str]:
    """Some attributes, and the parameters and tags that divide the newest runs into groups."""
    runs = Run.objects.filter(experiment=experiment, deleted_at=None, parent=None).order_by("-created_at", "-pk")
    newest = list(runs.values_list("pk", flat=True)[:NEWEST])
    words = list(ATTRIBUTES)
    for kind, model in (("param", RunParameter), ("tag", RunTag)):
        rows: Any = model.objects.filter(run__in=newest).order_by().values("name")
        counted = rows.annotate(number=Count("pk"), found=Count("value", distinct=True))
        names = counted.filter(found__gt=1, found__lte=F("number") * MAX_SHARE).order_by("-number", "name")
        words += [f"{kind}-{name}" for name in names.values_list("name", flat=True)[:MAX_NAMES]]
    return words


def store_sums(key: int, group: str) -> None:
    """For the page that somebody without a layout of their own opens."""
    experiment = Experiment.objects.present().select_related("workspace").filter(pk=key).first()
    if experiment is None:
        return
    layout = SavedView.objects.of_list(experiment.workspace, experiment).find_layout(None)
    query = QueryDict(layout.query if layout else "", mutable=True)
    query["group"] = group
    runs = Run.objects.filter(experiment=experiment, deleted_at=None)
    RunTable(runs, query, None, experiment, workspace=experiment.workspace).store_sums()
