"""Budgets are checked after each count; one that is used up can hold new work and stop idle nodes."""

import datetime as dt

from django.db.models import Q

from accounts.models import User
from compute.models import ComputeTarget, Work
from costs.limit_models import Budget
from costs.models import Usage
from studio.errors import Conflict
from workspaces.models import Workspace


def check_budgets(now: dt.datetime) -> None:
    """Count the spending of each budget in this month."""
    month = now.date().replace(day=1)
    for budget in Budget.objects.select_related("person", "workspace", "subscription"):
        budget.record_spending(_count_spent(budget, month, now.date()), month)


def _count_spent(budget: Budget, month: dt.date, today: dt.date) -> float:
    rows = Usage.objects.between_days(month, today)
    if budget.person:
        rows = rows.filter(person=budget.person.username)
    elif budget.workspace_id:
        rows = rows.filter(workspace_key=budget.workspace_id)
    elif budget.subscription:
        rows = rows.filter(subscription=budget.subscription.subscription_id)
    found = rows.sum_up()
    if budget.unit == Budget.Unit.DOLLARS:
        return found["cost"] or 0
    return (found["job_seconds"] + found["idle_seconds"]) / 3600


def find_held() -> Q | None:
    budgets = list(Budget.objects.in_force().filter(blocks_new_work=True))
    if not budgets:
        return None
    held = Q(pk=None)
    for budget in budgets:
        if budget.person_id:
            held |= Q(submitted_by=budget.person_id)
        elif budget.workspace_id:
            held |= Q(target__workspace=budget.workspace_id)
        else:
            held |= Q(target__workspace__resource_group__subscription=budget.subscription_id)
    return held


def list_applied(user: User, workspace: Workspace) -> list[Budget]:
    """The budgets for a person's work there, the one with the least left first."""
    subscription = workspace.resource_group.subscription_id
    scopes = Q(person=user) | Q(workspace=workspace) | Q(subscription=subscription)
    budgets = Budget.objects.filter(scopes).select_related("person", "workspace", "subscription")
    return sorted(budgets, key=lambda budget: -budget.share)


def prepare_reasons(target: ComputeTarget):
    """Return a function (work) -> the budgets that hold it, which are read once."""
    inside = Q(workspace=target.workspace_id) | Q(subscription__resource_groups__workspaces=target.workspace_id)
    rows = Budget.objects.in_force().filter(inside | Q(person__isnull=False), blocks_new_work=True)
    found = list(rows.select_related("person", "workspace", "subscription"))

    def explain(work: Work) -> list[str]:
        mine = [one for one in found if one.person_id in (None, work.submitted_by_id)]
        return [f"{describe_used_up(budget)} It waits for the next month, or for a larger budget." for budget in mine]

    return explain


def describe_used_up(budget: Budget) -> str:
    return f"The budget of {budget.label} for this month is used up: {budget.state}."


def check_new_work(target: ComputeTarget, user: User) -> None:
    for budget in list_applied(user, target.workspace):
        if budget.is_used_up and budget.blocks_new_work:
            text = (
                f"{describe_used_up(budget)} New jobs are refused until the next month; "
                "ask a site admin for a larger budget."
            )
            raise Conflict(text, target="computeId", code="BudgetUsedUp")


def stops_idle(target: ComputeTarget) -> bool:
    scopes = Q(workspace=target.workspace_id) | Q(subscription__resource_groups__workspaces=target.workspace_id)
    return Budget.objects.in_force().filter(scopes, stops_idle_nodes=True).exists()
