"""The home page of a workspace: running jobs, jobs that failed since the last visit, and the best results."""

import dataclasses
from typing import Any

from django.db.models import F, QuerySet
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.actors import actor_of_request, find_view_as
from compute.models import ComputeTarget
from runs import metric_order
from runs.models import Experiment, HomeVisit, MetricSeries, Run
from runs.pages.access import find_workspace
from runs.pages.run import tree
from studio.numbers import FINITE
from studio.repeated_polls import nothing_new
from workspaces import access

SHOWN = 6
EXPERIMENTS = 6
# The experiments are those of the newest runs; their metrics are those of so many runs of each.
NEWEST, WITH_METRICS = 200, 20
# The best values of a metric that are looked at, of all experiments; beyond them only an experiment's newest runs.
WALKED, FALLBACK = 500, 2_000


@dataclasses.dataclass(frozen=True)
class Best:
    """The run with the best last value of the most important metric; `is_recent` if only the newest runs were
    compared."""

    experiment: Experiment
    metric: str
    series: MetricSeries
    run: Run
    is_recent: bool


def home_card(actor, workspace) -> dict:
    if not access.can(actor, "read", workspace):
        return {"workspace": workspace, "may_read": False}
    runs = Run.objects.filter(workspace=workspace, deleted_at=None)
    is_empty = not runs.exists()
    card = {
        "workspace": workspace,
        "may_read": True,
        "is_empty": is_empty,
        "may_submit": access.can(actor, "submit", workspace),
        "may_edit": access.can(actor, "edit", workspace),
        "may_edit_compute": access.can(actor, "edit_compute", workspace),
    }
    if is_empty:
        targets = ComputeTarget.objects.filter(workspace=workspace, deleted_at=None).order_by("name")
        return {**card, "target": targets.first()}
    visits = HomeVisit.objects
    since = (visits.read_since if find_view_as() else visits.record)(actor.user, workspace)
    return {**card, "since": since, **Now.read(workspace, since).load(), "best": find_best(workspace)}


@dataclasses.dataclass(frozen=True)
class Now:
    """The runs that a person or a script submitted and that are active, or failed since a visit: keys and revisions of
    those shown, and how many there are. The children of a sweep are on its page."""

    active: list[tuple[int, int]]
    failed: list[tuple[int, int]]
    active_count: int
    failed_count: int

    @classmethod
    def read(cls, workspace, since) -> "Now":
        runs = Run.objects.filter(workspace=workspace, deleted_at=None, parent=None)
        active = _list_active(runs)
        recently = runs.filter(status=Run.Status.FAILED, ended_at__gt=since)
        failed = list(recently.order_by("-ended_at").values_list("pk", "revision")[:SHOWN])
        count = recently.count() if len(failed) == SHOWN else len(failed)
        return cls(active[:SHOWN], failed, len(active), count)

    @property
    def token(self) -> str:
        return f"{tree.state_token([*self.active, *self.failed])}{self.active_count}-{self.failed_count}"

    def load(self) -> dict:
        """For the template. Runs that were just purged are left out."""
        keys = [pk for pk, _ in [*self.active, *self.failed]]
        rows = Run.objects.select_related("experiment", "workspace", "created_by").in_bulk(keys)
        active, failed = ([rows[pk] for pk, _ in pairs if pk in rows] for pairs in (self.active, self.failed))
        counts = {"active_count": self.active_count, "failed_count": self.failed_count}
        return {"active": active, "failed": failed, **counts, "token": self.token}


def _list_active(runs: QuerySet[Run]) -> list[tuple[int, int]]:
    """Active runs, newest first. One query per state without an order, because SQLite would otherwise read every
    run."""
    first, *others = [runs.filter(status=state).order_by().values_list("pk", "revision") for state in Run.ACTIVE]
    return sorted(first.union(*others, all=True), reverse=True)


@require_safe
def home_now(request, slug):
    """Running and failed jobs, if they have changed since `?seen=`."""
    workspace = find_workspace(request, slug)
    since = HomeVisit.objects.read_since(request.user, workspace)
    now = Now.read(workspace, since)
    if now.token == request.GET.get("seen"):
        return nothing_new()
    card = {"workspace": workspace, "since": since, **now.load()}
    card["may_edit"] = access.can(actor_of_request(request), "edit", workspace)
    return render(request, "runs/_home_now.html", {"card": card})


# ---- the best of each experiment


def find_best(workspace) -> list[Best]:
    """The best value in each of the experiments with the newest runs, of the most important metric with a known direction."""
    newest = Run.objects.filter(workspace=workspace, deleted_at=None, parent=None).order_by("-created_at", "-pk")
    keys: list[Any] = list(dict.fromkeys(newest.values_list("experiment", flat=True)[:NEWEST]))[:EXPERIMENTS]
    experiments = Experiment.objects.select_related("workspace").in_bulk(keys)
    walked: dict[str, dict] = {}
    found = []
    for key in keys:
        if metric := _choose_metric(key):
            if metric not in walked:
                walked[metric] = _walk_best(metric)
            if best := _best_of(experiments[key], metric, walked[metric]):
                found.append(best)
    return found


def _choose_metric(experiment: int) -> str:
    runs = Run.objects.filter(experiment=experiment, deleted_at=None).order_by("-created_at", "-pk")
    pks = list(runs.values_list("pk", flat=True)[:WITH_METRICS])
    numbers = MetricSeries.objects.filter(run__in=pks, kind=MetricSeries.Kind.SCALAR, last__isnull=False)
    counts: dict[str, int] = {}
    for name in numbers.order_by().values_list("name", flat=True):
        counts[name] = counts.get(name, 0) + 1
    ordered = metric_order.sort_metrics(counts)
    return next((name for name in ordered if metric_order.is_objective(name)), "")


def _in_order(rows: QuerySet[MetricSeries], metric: str) -> QuerySet[MetricSeries]:
    last = F("last")
    is_higher = metric_order.better_direction(metric) == "higher"
    named = rows.filter(name=metric, kind=MetricSeries.Kind.SCALAR, last__range=FINITE)
    return named.order_by(last.desc() if is_higher else last.asc())


def _walk_best(metric: str) -> dict:
    """The best series of each experiment among the best of all, from the index of values."""
    best: dict = {}
    rows = _in_order(MetricSeries.objects.all(), metric).select_related("run")[:WALKED]
    for series in rows:
        if series.run.deleted_at is None:
            best.setdefault(series.run.experiment_id, series)
    return best


def _best_of(experiment: Experiment, metric: str, walked: dict) -> Best | None:
    series = walked.get(experiment.pk)
    is_recent = series is None
    if series is None:
        newest = Run.objects.filter(experiment=experiment, deleted_at=None).order_by("-created_at", "-pk")
        pks = list(newest.values_list("pk", flat=True)[:FALLBACK])
        series = _in_order(MetricSeries.objects.filter(run__in=pks), metric).select_related("run").first()
        is_recent = len(pks) == FALLBACK
    if series is None:
        return None
    series.run.workspace = experiment.workspace
    return Best(experiment, metric, series, series.run, is_recent)
