"""One build of an environment, with its live log: for a job, a compute instance or an endpoint."""

from typing import Any

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actors import actor_of_request
from compute.models import Host, ServiceBuild
from runs.files import logs, previews
from runs.models import Artifact, Run
from runs.pages.access import find_run, find_workspace, is_allowed
from runs.pages.environments import usage
from runs.pages.environments.builds import list_builds
from runs.pages.environments.views import TAIL, count_tabs
from runs.pages.run.overview import environment_name, explain_wait
from studio.errors import Invalid
from studio.htmx import render_page

MAX_ENDED = 20
ACTS = ("cancel", "rebuild")


@require_safe
def build_queue(request, slug):
    """The builds of all environments that run or wait, and those that have ended for services."""
    workspace = find_workspace(request, slug)
    services = ServiceBuild.objects.of(workspace)
    context = {
        "builds": list_builds(workspace),
        "services": services.running().order_by("started_at"),
        "ended": services.ended()[:MAX_ENDED],
        "caches": Host.objects.exclude(wheel_cache_bytes=None).order_by("name"),
        "may_edit": is_allowed(request, "edit"),
        **count_tabs(workspace),
    }
    return render_page(request, "environments/builds.html", context, partial="builds")


@require_http_methods(["GET", "HEAD", "POST"])
def build_detail(request, slug, work_id):
    """The build for a unit of work. A POST cancels or repeats one for a service; a job's own pages do so for a job."""
    workspace = find_workspace(request, slug)
    found = Run.objects.filter(workspace=workspace, work=work_id, deleted_at=None).values_list("run_id", flat=True)
    if run_id := found.first():
        return _show_build_of_job(request, find_run(request, slug, run_id))
    rows = ServiceBuild.objects.filter(work__target__workspace=workspace)
    build = get_object_or_404(rows.select_related("work__target__workspace", "work__submitted_by"), work=work_id)
    actor = actor_of_request(request)
    if request.method != "POST":
        context = {"build": build, "may_change": build.may_change(actor)}
        return render_page(request, "environments/build_of_service.html", context, partial="service-build")
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise Invalid(f"act is {act[:40]!r}; it may be {' or '.join(ACTS)}.", target="act")
    if act == "cancel":
        build.cancel(actor)
        messages.success(request, f"The build is being canceled, and {build.title} is stopped.")
        return redirect(build)
    build.rebuild(actor)
    messages.success(request, f"The environment of {build.title} is built again.")
    return redirect(build.work.page_url)


def _show_build_of_job(request, run: Run):
    if request.method == "POST":
        raise Invalid("This build is for a job: cancel the job, or rebuild its environment.", target="act")
    file = Artifact.objects.filter(run=run, path=usage.BUILD_LOG).first()
    context: dict[str, Any] = {
        "run": run,
        "file": file,
        "name": environment_name(run),
        "state": usage.build_state(run),
        "reason": "" if file else explain_wait(run),
        "may_cancel": run.is_active and is_allowed(request, "edit"),
    }
    if run.environment_name and is_allowed(request, "edit") and is_allowed(request, "submit"):
        arguments = [request.workspace.slug, run.environment_name, run.environment_version]
        context["rebuild_url"] = reverse("environments:rebuild", args=arguments)
    if file:
        file.run = run
        context |= {"preview": previews.FilePreview("log"), "tail": logs.read_tail(file, TAIL)}
    return render(request, "environments/build_of_job.html", context)
