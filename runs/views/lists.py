"""Lists of runs and experiments."""

from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from runs import charts, run_charts, tables
from runs.forms import RunFilter
from runs.models import Experiment, Run
from runs.views.finding import actor, experiment_of, may, runs_of, workspace_of
from studio.htmx import render_page


@require_safe
def jobs(request, slug):
    """All jobs of the workspace."""
    table = tables.RunTable(runs_of(request, slug), request.GET, request.user)
    return _table_page(request, "runs/jobs.html", table, {})


@require_safe
def experiments(request, slug):
    workspace = workspace_of(request, slug)
    asked = RunFilter.read(request.GET)
    scope = Experiment.objects.visible_to(actor(request)).filter(workspace=workspace)
    found = tables.experiments(scope, asked["q"], "archived" in request.GET).order_by("-latest_at", "-created_at")
    page = Paginator(found, asked["size"]).get_page(asked["page"] or 1)
    rows = tables.with_states(list(page.object_list))
    context = {"page": page, "rows": rows, "asked": asked, "archived": "archived" in request.GET}
    return render_page(request, "runs/experiments.html", context, partial="experiment-table")


@require_safe
def experiment_detail(request, slug, experiment_id):
    experiment = experiment_of(request, slug, experiment_id)
    runs = Run.objects.filter(experiment=experiment, deleted_at=None)
    table = tables.RunTable(runs, request.GET, request.user, experiment)
    return _table_page(request, "runs/experiment_detail.html", table, {"experiment": experiment})


@require_safe
def experiment_charts(request, slug, experiment_id):
    """The charts above the table, for the runs that it shows; asked for by static/js/charts.js."""
    experiment = experiment_of(request, slug, experiment_id)
    runs = Run.objects.filter(experiment=experiment, deleted_at=None)
    table = tables.RunTable(runs, request.GET, request.user, experiment)
    return JsonResponse(
        {
            "charts": run_charts.of(table.rows, table.metric_names),
            "templates": charts.templates(),
            "live": table.is_live,
        }
    )


def _table_page(request, template: str, table, more: dict) -> HttpResponse:
    """The page; its table; or, for a poll, nothing or only the rows that changed."""
    seen = table.asked["seen"]
    if seen and not table.is_news():
        return HttpResponse(status=204)
    # What is only a poll's business stays out of the links.
    request.GET = request.GET.copy()
    request.GET.pop("seen", None)
    context = {"table": table, "may_edit": may(request, "edit"), **more}
    if not seen:
        return render_page(request, template, context, partial="run-table")
    if table.changed is not None:
        return render(request, "runs/_changed_rows.html", {**context, "rows": table.changed})
    headers = {"HX-Retarget": "#run-table", "HX-Reswap": "outerHTML"}
    return HttpResponse(render(request, f"{template}#run-table", context).content, headers=headers)
