"""Budgets are checked after each count; one that is used up can hold or refuse new work, cancel jobs and stop idle nodes."""

import datetime as dt

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts import activity
from accounts.actors import Actor, require_site_admin
from accounts.models import User
from compute import notifications
from compute.models import ComputeTarget, Work
from costs.limit_models import Approval, Budget, scope_of
from costs.models import Usage
from runs.models import Run
from studio.errors import Conflict
from studio.formats import format_count
from workspaces.models import Workspace

SCOPES = ("person", "group", "workspace", "subscription")
# Jobs that one check cancels; the next one continues.
CANCELED_AT_ONCE = 500


def check_budgets(now: dt.datetime) -> None:
    """Count the spending of each budget in this month."""
    month = now.date().replace(day=1)
    for budget in Budget.objects.select_related(*SCOPES):
        budget.record_spending(_count_spent(budget, month, now.date()), month)
        if budget.is_used_up and budget.cancels_jobs:
            cancel_jobs(budget)


def _count_spent(budget: Budget, month: dt.date, today: dt.date) -> float:
    rows = Usage.objects.between_days(month, today)
    if budget.person:
        rows = rows.filter(person=budget.person.username)
    elif budget.group:
        rows = rows.filter(person__in=budget.group.members.values("username"))
    elif budget.workspace_id:
        rows = rows.filter(workspace_key=budget.workspace_id)
    elif budget.subscription:
        rows = rows.filter(subscription=budget.subscription.subscription_id)
    found = rows.sum_up()
    if budget.unit == Budget.Unit.DOLLARS:
        return found["cost"] or 0
    return (found["job_seconds"] + found["idle_seconds"]) / 3600


def find_held() -> Q | None:
    """A condition for the queued work that waits for the next month, or for an approval."""
    budgets = list(Budget.objects.in_force().filter(Q(blocks_new_work=True) | Q(asks_approval=True)))
    if not budgets:
        return None
    held = Q(pk=None)
    for budget in budgets:
        held |= _work_of(budget) if budget.blocks_new_work else _work_of(budget) & _unapproved()
    return held


def _work_of(budget: Budget) -> Q:
    if budget.person_id:
        return Q(submitted_by=budget.person_id)
    if budget.group_id:
        return Q(submitted_by__member_of=budget.group_id)
    if budget.workspace_id:
        return Q(target__workspace=budget.workspace_id)
    return Q(target__workspace__resource_group__subscription=budget.subscription_id)


def _unapproved() -> Q:
    return ~Q(Exists(Approval.objects.filter(work=OuterRef("pk"))))


def cancel_jobs(budget: Budget) -> None:
    """Cancel its running and waiting jobs; instances and endpoints stay."""
    active = Work.objects.filter(
        _work_of(budget), state__in=[Work.State.QUEUED, Work.State.CLAIMED], stop_requested_at=None
    )
    runs = Run.objects.active().exclude(status=Run.Status.CANCEL_REQUESTED)
    found = list(
        runs.filter(work__in=active.values("pk")).select_related("workspace").order_by("pk")[:CANCELED_AT_ONCE]
    )
    if not found:
        return
    with transaction.atomic():
        for run in found:
            activity.record("run.cancel", run, scope=run.workspace, message=describe_used_up(budget))
        Run.objects.filter(pk__in=[run.pk for run in found]).cancel()
        message = f"{format_count(len(found), 'job')} canceled"
        activity.record("budget.cancel", budget, scope=scope_of(budget), label=budget.label, message=message)


def list_unapproved():
    """The queued jobs that wait for an approval, the oldest first."""
    asking = list(Budget.objects.in_force().filter(asks_approval=True))
    scopes = Q(*(_work_of(budget) for budget in asking), _connector=Q.OR) if asking else Q(pk=None)
    found = Work.objects.filter(scopes, _unapproved(), state=Work.State.QUEUED, stop_requested_at=None)
    return found.select_related("submitted_by", "target__workspace").order_by("queued_at", "pk")


@transaction.atomic
def approve_work(actor: Actor, work: Work) -> None:
    """Let a queued job start although a budget that asks for approval is used up."""
    require_site_admin(actor, "approve jobs beyond a budget")
    if not list_unapproved().filter(pk=work.pk).exists():
        raise Conflict(f"{work.title} waits for no approval.")
    Approval.objects.create(work=work, by=actor.user)
    activity.record("budget.approve", work, actor=actor, scope=work.target.workspace, label=work.title)
    transaction.on_commit(lambda: notifications.notify_cluster(work.target_id))


def list_applied(user: User, workspace: Workspace) -> list[Budget]:
    """The budgets for a person's work there, the one with the least left first."""
    subscription = workspace.resource_group.subscription_id
    scopes = Q(person=user) | Q(group__in=user.member_of.all()) | Q(workspace=workspace) | Q(subscription=subscription)
    budgets = Budget.objects.filter(scopes).select_related(*SCOPES)
    return sorted(budgets, key=lambda budget: -budget.share)


def prepare_reasons(target: ComputeTarget):
    """Return a function (work) -> the budgets that hold it, which are read once."""
    inside = Q(workspace=target.workspace_id) | Q(subscription__resource_groups__workspaces=target.workspace_id)
    anywhere = Q(person__isnull=False) | Q(group__isnull=False)
    rows = Budget.objects.in_force().filter(inside | anywhere, Q(blocks_new_work=True) | Q(asks_approval=True))
    found = list(rows.select_related(*SCOPES))

    def explain(work: Work) -> list[str]:
        mine = Work.objects.filter(pk=work.pk)
        return [
            f"{describe_used_up(budget)} {WAITS_FOR[budget.asks_approval]}"
            for budget in found
            if mine.filter(_work_of(budget), *([_unapproved()] if budget.asks_approval else [])).exists()
        ]

    return explain


WAITS_FOR = {
    False: "It waits for the next month, or for a larger budget.",
    True: "It waits for a site admin to approve it, for the next month, or for a larger budget.",
}


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
