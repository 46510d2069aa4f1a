"""The cost page of a workspace, and of all workspaces that a person may read, or for site admins of the whole site."""

from urllib.parse import urlencode

from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.actors import actor_of_request
from costs import charts, report
from costs.forecast import forecast_month
from costs.forms import CostFilter
from costs.models import Meter, Usage
from runs.charts.figures import build_templates
from studio import downloads
from studio.forms import cleaned_or_invalid
from studio.list_parameters import accept_parameters
from workspaces.access import allowed_among
from workspaces.lookup import find_page_workspace
from workspaces.models import Workspace


def _usage_of(request, slug: str | None):
    """The workspace of the page, if it is about one, and the rows that the person may see."""
    actor = actor_of_request(request)
    if slug:
        workspace = find_page_workspace(request, slug, "read")
        return workspace, Usage.objects.in_workspaces([workspace.pk])
    if actor.is_site_admin:
        return None, Usage.objects.in_workspaces(None)
    readable = allowed_among(actor, "read", Workspace.objects.visible_to(actor).with_path())
    return None, Usage.objects.in_workspaces([one.pk for one in readable])


def _form_of(request, workspace) -> CostFilter:
    return CostFilter(request.GET, "experiment" if workspace else "workspace")


@require_safe
@accept_parameters(*CostFilter.base_fields)
def cost(request, slug=None):
    workspace, rows = _usage_of(request, slug)
    form = _form_of(request, workspace)
    context = {"workspace": workspace, "form": form, "counted_until": _counted_until()}
    if form.is_valid():
        context |= _describe(form, form.apply(rows))
        context["forecast"] = forecast_month(form.narrow(rows), timezone.now())
    context["query"] = urlencode({name: value for name, value in request.GET.items() if value})
    return render(request, "costs/cost.html", context)


def _describe(form: CostFilter, rows) -> dict:
    by = form.cleaned_data["by"]
    lines = report.group_usage(rows, by)
    total = report.Line("")
    for line in lines:
        total.job_hours += line.job_hours
        total.idle_hours += line.idle_hours
        total.gb_days += line.gb_days
        total.cost = total.cost if line.cost is None else (total.cost or 0) + line.cost
    has_prices = total.cost is not None
    return {
        "dimension": report.DIMENSIONS[by],
        "by": by,
        "lines": lines[: report.MAX_LINES],
        "left_out": len(lines) - report.MAX_LINES,
        "total": total,
        "has_prices": has_prices,
        "figure": charts.draw_days(report.group_by_day(rows, by), form.days, by_cost=has_prices) if lines else None,
        "templates": build_templates(),
        "narrowed": {name: form.cleaned_data[name] for name in ("compute", "experiment", "person")},
    }


def _counted_until():
    return Meter.objects.values_list("counted_until", flat=True).first()


@require_safe
def cost_csv(request, slug=None):
    """Everything that the page counts, as CSV: one line for each day, job and compute."""
    workspace, rows = _usage_of(request, slug)
    form = _form_of(request, workspace)
    cleaned_or_invalid(form)
    lines = downloads.write_csv(report.iterate_rows(form.apply(rows)))
    return downloads.stream_download(lines, downloads.CSV, f"cost-{slug or 'site'}.csv")
