"""Environments: custom and curated ones, one with its versions, its build logs and its jobs; create, rebuild, remove."""

from django.contrib import messages
from django.db import models
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from accounts.form_keys import process_once
from assets import environments, rebuilds
from assets.models import Environment, EnvironmentVersion
from runs import submission
from runs.files import logs, previews
from runs.pages.access import find_run, find_workspace, is_allowed, require_permission
from runs.pages.environments import usage
from runs.pages.environments.builds import BUILD_EXPERIMENT
from runs.pages.environments.definition import describe_definition
from runs.pages.environments.forms import EnvironmentForm, RebuildForm, initial_from, initial_from_definition
from runs.pages.run.overview import (
    describe_environment,
    find_environment_owner,
    list_package_files,
    read_definition,
)
from runs.pages.run.views import tab_context
from studio.errors import Invalid
from studio.forms import attempt
from studio.htmx import render_page
from studio.list_parameters import accept_parameters, order_rows
from studio.pagination import page_of
from studio.words import split_words

SORTS = {"name": "name", "created": "created_at"}
CURATED, CUSTOM = "curated", "custom"
# Without JavaScript, the end of a build log is shown.
TAIL = 64 * 1024
MAX_VERSIONS = 100
TABS = [
    ("details", "Details", "environments:detail"),
    ("log", "Build log", "environments:build_log"),
    ("jobs", "Jobs", "environments:jobs"),
]


@require_safe
@accept_parameters("kind", "q", "sort")
def environment_list(request, slug):
    """`?kind=curated` shows the curated ones."""
    workspace = find_workspace(request, slug)
    kind = CURATED if request.GET.get("kind") == CURATED else CUSTOM
    words = split_words(request.GET.get("q", ""))
    rows = _curated(words) if kind == CURATED else _custom(request, workspace, words)
    page = page_of(request, rows)
    page.object_list = list(page.object_list)
    for row in page.object_list:
        row.listed = [row.newest] if kind == CURATED else list(row.versions.all())
        row.usage = usage.read_usage(usage.runs_of_environment(workspace, row.name))
    context = {
        "page": page,
        "kind": kind,
        "words": " ".join(words),
        "may_edit": is_allowed(request, "edit"),
        **count_tabs(workspace),
    }
    return render_page(request, "environments/list.html", context, partial="environment-rows")


def count_tabs(workspace) -> dict:
    custom = Environment.objects.filter(workspace=workspace).exclude(versions=None).count()
    return {"custom_count": custom, "curated_count": len(environments.curated_environments())}


def _custom(request, workspace, words):
    versions = EnvironmentVersion.objects.defer("definition").select_related("created_by")
    rows = Environment.objects.filter(workspace=workspace).exclude(versions=None)
    rows = rows.prefetch_related(models.Prefetch("versions", versions))
    for word in words:
        rows = rows.filter(name__icontains=word)
    return order_rows(request, rows, SORTS, "name")


def _curated(words) -> list[Environment]:
    found = []
    for name, version in environments.curated_environments().items():
        if all(word.lower() in name.lower() for word in words):
            row = Environment(name=name)
            row.newest = version
            found.append(row)
    return sorted(found, key=lambda row: row.name.lower())


def _version(request, slug, name, version) -> EnvironmentVersion:
    workspace = find_workspace(request, slug)
    return environments.find_version(workspace, name, version)


def _context(request, version: EnvironmentVersion, tab: str, **more) -> dict:
    """The context of every tab."""
    workspace = request.workspace
    is_curated = version.pk is None
    versions = [version] if is_curated else list(version.environment.versions.all()[:MAX_VERSIONS])
    return {
        "version": version,
        "name": version.environment.name,
        "tab": tab,
        "tabs": TABS,
        "versions": versions,
        "is_latest": version.version == versions[0].version,
        "is_curated": is_curated,
        "rebuild": rebuilds.find_rebuild(workspace, version),
        "may_edit": is_allowed(request, "edit"),
        "may_build": is_allowed(request, "edit") and is_allowed(request, "submit"),
        **more,
    }


@require_safe
def environment_latest(request, slug, name):
    """The newest version, under an address that stays."""
    version = _version(request, slug, name, environments.LATEST)
    return redirect("environments:detail", slug, name, version.version)


@require_safe
def environment_detail(request, slug, name, version):
    found = _version(request, slug, name, version)
    runs = usage.runs_of_version(request.workspace, found)
    count, active = runs.count(), usage.count_active(runs)
    more = {"usage": usage.read_usage(runs), "job_count": count, "active_count": active}
    more |= {"used": usage.describe_use(count, active), "definition": describe_definition(found.definition)}
    context = _context(request, found, "details", **more)
    if len(context["versions"]) > 1:
        of_all = usage.runs_of_environment(request.workspace, name)
        count, active = of_all.count(), usage.count_active(of_all)
    context["all_used"] = usage.describe_use(count, active)
    return render(request, "environments/detail.html", context)


@require_safe
def environment_build_log(request, slug, name, version):
    """`?job=` chooses a build, by default the newest."""
    found = _version(request, slug, name, version)
    files = usage.list_build_logs(usage.runs_of_version(request.workspace, found))
    wanted = request.GET.get("job", "")
    chosen = next((file for file in files if file.run.run_id == wanted), None if wanted else (files or [None])[0])
    if wanted and chosen is None:
        raise Invalid(f"The job {wanted[:256]!r} has no build log of this version.", target="job")
    more = {"files": files, "file": chosen}
    if chosen:
        more |= {"preview": previews.FilePreview("log"), "tail": logs.read_tail(chosen, TAIL), "run": chosen.run}
        more["state"] = usage.build_state(chosen.run)
    return render(request, "environments/build_log.html", _context(request, found, "log", **more))


@require_safe
def environment_jobs(request, slug, name, version):
    """`?all` shows the jobs of all versions."""
    found = _version(request, slug, name, version)
    is_all = "all" in request.GET
    workspace = request.workspace
    runs = usage.runs_of_environment(workspace, name) if is_all else usage.runs_of_version(workspace, found)
    rows = runs.select_related("experiment", "created_by", "workspace").order_by("-created_at", "-pk")
    context = _context(request, found, "jobs", page=page_of(request, rows), is_all=is_all)
    return render_page(request, "environments/jobs.html", context, partial="environment-jobs")


@require_safe
def run_environment(request, slug, run_id):
    """The environment of a job that is not registered, or of a run outside of a job."""
    run = find_run(request, slug, run_id)
    owner = find_environment_owner(run)
    content = read_definition(owner)
    more = {
        "environment": describe_environment(run),
        "definition": describe_definition(content) if content else None,
        "owner": None if owner.pk == run.pk else owner,
        "package_files": [] if content else list_package_files(run),
    }
    return render(request, "runs/run_environment.html", tab_context(request, run, "overview", live_tab="", **more))


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def environment_new(request, slug):
    """`?from=name:version` prefills the form from that version, `?job=` from the environment of a job."""
    workspace = find_workspace(request, slug, "edit")
    initial = None
    if source := request.GET.get("from", ""):
        initial = initial_from(environments.find_version(workspace, *environments.parse_reference(source)))
    elif job := request.GET.get("job", ""):
        run = find_run(request, slug, job)
        definition = read_definition(find_environment_owner(run))
        initial = initial_from_definition(definition.get("name") or run.experiment.name, definition)
    form = EnvironmentForm(request.POST or None, initial=initial)
    if request.method == "POST":
        saved = attempt(form, lambda: form.save(workspace, request.user))
        if saved:
            version, is_new = saved
            said = "created" if is_new else "already there: nothing has changed"
            messages.success(request, f"Version {version.version} of {version.environment.name} is {said}.")
            return redirect("environments:detail", slug, version.environment.name, version.version)
    context = {"form": form, "source": source}
    return render(request, "environments/new.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def environment_rebuild(request, slug, name, version):
    """Request a rebuild on each machine; on the chosen cluster, a job builds at once."""
    found = _version(request, slug, name, version)
    require_permission(request, "edit")
    require_permission(request, "submit")
    form = RebuildForm(request.POST or None, workspace=request.workspace)
    if request.method == "POST" and form.is_valid():
        rebuilds.order_rebuild(request.workspace, request.user, found)
        target = form.cleaned_data["compute"]
        if target is None:
            messages.success(request, f"Each machine builds {name}:{found.version} again with its next job.")
            return redirect("environments:detail", slug, name, found.version)
        run = _submit_build(request, found, target)
        messages.success(request, f"{target.name} builds {name}:{found.version} again.")
        return redirect("environments:build", slug, run.work_id)
    context = _context(request, found, "details", form=form)
    return render(request, "environments/rebuild.html", context, status=400 if form.errors else 200)


def _submit_build(request, version: EnvironmentVersion, target):
    """Submit a job that only builds the environment and lists the installed packages."""
    reference = f"{version.environment.name}:{version.version}"
    properties = {
        "jobType": "Command",
        "experimentName": BUILD_EXPERIMENT,
        "displayName": f"Build of {reference}"[:256],
        "command": "python -m pip list",
        "environmentId": reference,
        "computeId": target.name,
    }
    name = submission.make_run_name(BUILD_EXPERIMENT)
    return submission.submit_job(actor_of_request(request), request.workspace, name, {"properties": properties})


@require_POST
def version_remove(request, slug, name, version):
    found = _version(request, slug, name, version)
    require_permission(request, "edit")
    environments.remove_version(found)
    messages.success(request, f"Version {found.version} of {name} was removed.")
    rest = Environment.objects.filter(workspace=request.workspace, name=name).exists()
    return redirect("environments:latest", slug, name) if rest else redirect("environments:list", slug)


@require_POST
def environment_remove(request, slug, name):
    found = _version(request, slug, name, environments.LATEST)
    require_permission(request, "edit")
    if request.POST.get("confirm_name") != name:
        raise Invalid(f"Type the name {name} to remove this environment; nothing was removed.", target="confirm_name")
    environments.remove_environment(found)
    messages.success(request, f"The environment {name} was removed with all its versions.")
    return redirect("environments:list", slug)
