"""Quotas and budgets together: held work, and the summary that a person sees before submitting."""

import statistics
from collections.abc import Callable

from django.db.models import Q

from accounts.models import User
from compute.models import ComputeTarget, Work
from costs import budgets, quotas
from costs.limit_models import Budget, Quota
from costs.models import Usage
from workspaces.models import Workspace

# How many jobs of an experiment count for its typical use, and the minimum.
HISTORY, ENOUGH = 20, 3


def find_held() -> Q | None:
    """A condition for the queued work that has to wait; one statement where there are no limits, because nodes ask at each claim."""
    if not _is_any_in_force():
        return None
    found = [held for held in (quotas.find_held(), budgets.find_held()) if held is not None]
    return Q(*found, _connector=Q.OR) if found else None


def _is_any_in_force() -> bool:
    return bool(Quota.objects.order_by().values("pk").union(Budget.objects.in_force().values("pk"), all=True)[:1])


def prepare_reasons(target: ComputeTarget) -> Callable[[Work], list[str]]:
    """Return a function (work) -> the quotas and budgets that hold it, the tightest first."""
    if not _is_any_in_force():
        return lambda work: []
    quota, budget = quotas.Applicable(target.workspace_id).explain, budgets.prepare_reasons(target)
    return lambda work: [*budget(work), *quota(work)]


def describe_before_submitting(user: User, workspace: Workspace, experiment: str = "") -> dict:
    """The limits for a new job there, and the typical use of the experiment's jobs."""
    return {
        "quotas": quotas.list_applied(user, workspace),
        "budgets": budgets.list_applied(user, workspace),
        "typical": _find_typical(workspace, experiment),
    }


def _find_typical(workspace: Workspace, experiment: str) -> dict | None:
    """The median node-hours and cost of its last jobs; None if there were too few."""
    if not experiment:
        return None
    rows = Usage.objects.filter(workspace_key=workspace.pk, experiment=experiment, kind=Usage.Kind.JOB)
    jobs: dict = {}
    for work, seconds, cost in rows.order_by("-pk").values_list("work", "seconds", "cost")[: 10 * HISTORY]:
        hours, spent = jobs.get(work, (0.0, None))
        jobs[work] = (hours + seconds / 3600, spent if cost is None else (spent or 0) + cost)
    last = list(jobs.values())[:HISTORY]
    if len(last) < ENOUGH:
        return None
    costs = [spent for _, spent in last if spent is not None]
    return {
        "count": len(last),
        "hours": statistics.median(hours for hours, _ in last),
        "cost": statistics.median(costs) if costs else None,
    }
