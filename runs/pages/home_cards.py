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
    return {**card, **_now_context(runs, since), "best": find_best(workspace)}


def _now_context(runs: QuerySet[Run], since) -> dict:
    """Runs that a person or a script submitted; the children of a sweep are on its page."""
    with_related = runs.filter(parent=None).select_related("experiment", "workspace", "created_by")
    keys = _active_keys(runs.filter(parent=None))
    rows = Run.objects.select_related("experiment", "workspace", "created_by").in_bulk(keys[:SHOWN])
    active = [rows[pk] for pk in keys[:SHOWN] if pk in rows]
    failed = list(_failed(with_related, since).order_by("-ended_at")[:SHOWN])
    more = {"active": active, "active_count": len(keys), "failed": failed, "failed_count": len(failed)}
    if len(failed) == SHOWN:
        more["failed_count"] = _failed(runs.filter(parent=None), since).count()
    token = tree.state_token([*active, *failed])
    return {**more, "since": since, "token": f"{token}{more['active_count']}-{more['failed_count']}"}


def _active_keys(runs: QuerySet[Run]) -> list[int]:
    """Active runs, newest first. One query per state without an order, because SQLite would otherwise read every
    run."""
    first, *others = [runs.filter(status=state).order_by().values_list("pk", flat=True) for state in Run.ACTIVE]
    return sorted(first.union(*others, all=True), reverse=True)


def _failed(runs: QuerySet[Run], since) -> QuerySet[Run]:
    return runs.filter(status=Run.Status.FAILED, ended_at__gt=since)


@require_safe
def home_now(request, slug):
    """Running and failed jobs, if they have changed since `?seen=`."""
    workspace = find_workspace(request, slug)
    since = HomeVisit.objects.read_since(request.user, workspace)
    card = {"workspace": workspace, **_now_context(Run.objects.filter(workspace=workspace, deleted_at=None), since)}
    if card["token"] == request.GET.get("seen"):
        return nothing_new()
    card["may_submit"] = access.can(actor_of_request(request), "submit", workspace)
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
    named = rows.filter(name=metric, kind=MetricSeries.Kind.SCALAR, last__isnull=False)
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
