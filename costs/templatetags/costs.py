"""Usage of a job or compute target, for their pages."""

from django import template
from django.db.models import Q, Value
from django.db.models.functions import Concat
from django.utils import timezone

from costs import endpoint_costs, limits
from costs.models import Usage, sum_work
from costs.report import format_dollars, format_hours
from runs.models import Run
from runs.work_kind import scope_of

register = template.Library()
register.filter("hours", format_hours)
register.filter("dollars", format_dollars)


@register.inclusion_tag("costs/_usage_of_run.html")
def usage_of_run(run: Run, child_count: int = 0) -> dict:
    """Node-hours and cost of a job, and of a parent with all of its descendants."""
    rows = Usage.objects.filter(workspace_key=run.workspace_id)
    found = {"own": _describe(sum_work(run.workspace_id, scope_of(run.run_id)))}
    if child_count:
        # The root of a nested parent is another run.
        below = Q(parent=run) | Q(root=run) if run.parent_id is None else Q(parent=run)
        scopes = Run.objects.filter(below).annotate(scope=Concat(Value(scope_of("")), "run_id")).values("scope")
        found["children"] = _describe(rows.filter(work_scope__in=scopes).sum_up())
    return found


@register.inclusion_tag("costs/_usage_of_endpoint.html")
def usage_of_endpoint(endpoint) -> dict:
    """Usage and cost of an endpoint in this month, and for 1,000 requests."""
    return {"used": endpoint_costs.find_cost(endpoint), "days": endpoint_costs.DAYS}


@register.inclusion_tag("costs/_usage_of_compute.html", takes_context=True)
def usage_of_compute(context, target) -> dict:
    """Usage and cost of a compute target in this month."""
    first = timezone.now().date().replace(day=1)
    rows = Usage.objects.filter(workspace_key=target.workspace_id, compute=target.name, day__gte=first)
    return {"used": _describe(rows.sum_up()), "target": target, "request": context["request"]}


@register.inclusion_tag("costs/_before_submitting.html", takes_context=True)
def before_submitting(context, experiment: str = "") -> dict:
    """Quotas, budgets and typical use, for pages that submit a job."""
    request = context["request"]
    return limits.describe_before_submitting(request.user, request.workspace, experiment)


def _describe(found: dict) -> dict:
    jobs, idle = found["job_seconds"] / 3600, found["idle_seconds"] / 3600
    return {"job_hours": jobs, "idle_hours": idle, "node_hours": jobs + idle, "cost": found["cost"]}
