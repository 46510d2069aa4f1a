"""The pages of a run."""

import json
from urllib.parse import parse_qs, urlsplit

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from accounts.actors import actor_of_request
from compute import monitoring
from runs import job_yaml
from runs.models import Run, Star
from runs.pages import file_tree
from runs.pages.access import find_run, find_version, is_allowed, require_permission
from runs.pages.run import overview
from studio.forms import TagsField
from studio.htmx import address_of_page, reload_page, stop_polling
from studio.markdown import render_markdown
from studio.public_url import public_url
from studio.repeated_polls import nothing_new
from studio.statements import prefetch_rows, read_row
from workspaces.lookup import workspace_of_wsid

# Characters of the raw JSON: a job may contain megabytes.
MAX_JSON_LENGTH = 512 * 1024
TABS = [
    ("overview", "Overview", "runs:run_detail"),
    ("metrics", "Metrics", "runs:run_metrics"),
    ("images", "Images", "runs:run_images"),
    ("children", "Child jobs", "runs:run_children"),
    ("logs", "Outputs + logs", "runs:run_files"),
    ("code", "Code", "runs:run_code"),
    ("monitoring", "Monitoring", "monitoring:run"),
]
# Keyboard shortcuts of static/js/runs/tab-keys.js and the tabs, for the help that "?" opens.
SHORTCUTS = [(["1", "–", str(len(TABS))], "Overview, Metrics, Images, Child jobs, Outputs + logs, Code, Monitoring")]
SHORTCUTS_OF_TAB = {
    "metrics": [
        (["j", "k"], "Next chart, previous chart"),
        (["f"], "The chart with the focus, or the one under the mouse, in full screen"),
        (["←", "→"], "In full screen: previous chart, next chart. On the handle of a chart: move it"),
        (["+", "-", "0"], "Zoom in, zoom out, show all of the chart"),
        (["Shift ←", "Shift →"], "Move what a zoomed chart shows"),
    ],
    "images": [(["←", "→"], "Previous image, next image")],
}


def tab_context(request, run: Run, tab: str, **more) -> dict:
    """The context of every tab of a run. Of a page below a tab, whose `live_tab` is empty, polls and edits change the head."""
    parent = Run.objects.filter(pk=run.parent_id).select_related("workspace").first() if run.parent_id else None
    base = {"run": run, "tab": tab, "live_tab": tab, "tabs": TABS, "parent": parent}
    return {
        **base,
        "reason": overview.explain_wait(run),
        "page_keys": SHORTCUTS + SHORTCUTS_OF_TAB.get(tab, []),
        "is_starred": read_row(Star, user=request.user.pk, run=run.pk) is not None,
        "link": public_url(run.get_absolute_url()),
        "may_edit": is_allowed(request, "edit"),
        "may_submit": is_allowed(request, "submit"),
        **_error_context(run),
        **more,
    }


def _error_context(run: Run) -> dict:
    return {"error_line": overview.last_error_line(run), "has_log": overview.has_log(run)} if run.error else {}


@require_safe
def run_detail(request, slug, run_id):
    run = find_run(request, slug, run_id)
    context = tab_context(request, run, "overview", **overview_context(request, run))
    return render(request, "runs/run_detail.html", context)


def overview_context(request, run: Run) -> dict:
    prefetch_rows(run, "tag_rows", "parameter_rows", "events")
    metrics, metric_count = overview.first_metrics(run, request.user)
    models = overview.list_models(run)
    stages = overview.build_timeline(run)
    return {
        "stages": stages,
        "folded": overview.list_folded(stages),
        "command": overview.format_command(run),
        "environment": overview.describe_environment(run),
        "container": overview.describe_container(run),
        "git": overview.list_git_properties(run),
        "tags_text": TagsField().prepare_value(run.tags),
        "description": render_markdown(run.description) if run.description else "",
        "metrics": metrics,
        "metric_count": metric_count,
        "outputs": overview.list_outputs(run),
        "use": monitoring.measure_use(run.work) if run.work else None,
        "child_count": run.children.filter(deleted_at=None).count(),
        "models": models,
        "endpoints": overview.list_endpoints(models),
    }


@require_safe
def run_state(request, slug, run_id):
    """The changed state on a page of this run since `?seen=<revision>`."""
    now = find_version(request, slug, run_id)
    if now is None:
        return stop_polling()
    if str(now.revision) == request.GET.get("seen"):
        return nothing_new()
    run = find_run(request, slug, run_id)
    tab = request.GET.get("tab", "")
    more = {}
    if tab == "overview":
        more = overview_context(request, run)
    elif tab == "logs":
        more = _new_files_context(request, run)
    context = tab_context(request, run, tab, polled=True, run_page=address_of_page(request), **more)
    response = render(request, "runs/_state.html", context)
    if request.GET.get("files") == "0" and more.get("tree"):
        # The page was empty; now there is something to show.
        return reload_page(response)
    return response


def _new_files_context(request, run: Run) -> dict:
    """The tree of files, if their number has changed."""
    count = run.artifacts.count()
    if str(count) == request.GET.get("files"):
        return {"file_count": count}
    shown = parse_qs(urlsplit(address_of_page(request)).query).get("path", [""])[0]
    files = file_tree.list_first_files(run.artifacts.all(), shown)
    folders = file_tree.build_file_tree(files, shown, file_tree.OPEN_FOLDERS)
    return {"file_count": count, "tree": folders, "left_out": max(0, count - len(files))}


@require_safe
def run_json(request, slug, run_id):
    """The stored run."""
    run = find_run(request, slug, run_id)
    raw = {
        "runId": run.run_id,
        "number": run.number,
        "displayName": run.display_name,
        "experiment": run.experiment.name,
        "runType": run.run_type,
        "status": run.status,
        "target": run.target_name,
        "node": run.node_name,
        "job": run.job,
        "tags": run.tags,
        "parameters": run.parameters,
        "properties": run.properties,
        "error": run.error,
        "warnings": run.warnings,
        "createdUtc": run.created_at,
        "startTimeUtc": run.started_at,
        "endTimeUtc": run.ended_at,
    }
    text = json.dumps(raw, indent=2, default=str, ensure_ascii=False)
    left_out = max(0, len(text) - MAX_JSON_LENGTH)
    return render(
        request,
        "runs/run_json.html",
        tab_context(request, run, "overview", live_tab="", raw=text[:MAX_JSON_LENGTH], left_out=left_out),
    )


@require_safe
def run_yaml(request, slug, run_id):
    """The job in the format of Azure's command line; `?download` as a file."""
    run = find_run(request, slug, run_id)
    text = job_yaml.format_job(run)
    if "download" in request.GET and text:
        headers = {"Content-Disposition": 'attachment; filename="job.yml"'}
        return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=headers)
    return render(request, "runs/run_yaml.html", tab_context(request, run, "overview", live_tab="", text=text))


@require_safe
def run_by_wsid(request, run_id):
    """Azure's links: /runs/<id>?wsid=/subscriptions/…"""
    workspace = workspace_of_wsid(request)
    require_permission(request, "read")
    return redirect(get_object_or_404(Run, workspace=workspace, run_id=run_id, deleted_at=None))


@require_safe
def run_by_experiment_id(request, experiment_id, run_id):
    """Azure's older links, /experiments/id/<uuid>/runs/<id>, without a workspace; only visible runs are found."""
    runs = Run.objects.visible_to(actor_of_request(request)).select_related("workspace__resource_group")
    # The page itself checks the permission.
    return redirect(get_object_or_404(runs, experiment__experiment_id=experiment_id, run_id=run_id))
