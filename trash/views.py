"""The trash of a workspace, deleted workspaces, and running purges."""

import datetime as dt

from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from runs.pages.access import find_workspace, is_allowed, return_url
from studio import numbers
from studio.errors import Invalid
from studio.formats import format_names, parse_time
from studio.htmx import reload_page
from studio.links import link_to
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from studio.trash_days import days_left
from trash import contents
from trash.models import PurgeJob
from workspaces import deletion
from workspaces.models import Workspace

MAX_PURGES = 3


@require_safe
@accept_parameters()
def trash_page(request, slug):
    workspace = find_workspace(request, slug)
    page = page_of(request, contents.list_deleted_runs(workspace).select_related("experiment", "workspace"))
    sizes = contents.count_bytes_by_run(list(page.object_list))
    for run in page.object_list:
        run.bytes, run.days_left = sizes[run.pk], days_left(run.deleted_at)
    experiments = list(contents.list_deleted_experiments(workspace)[: contents.MAX_AT_ONCE])
    sizes = contents.count_bytes_by_experiment(experiments)
    for experiment in experiments:
        experiment.bytes = sizes.get(experiment.pk, 0)
        experiment.days_left = days_left(experiment.deleted_at)
    models = contents.list_deleted_models(workspace)
    for row in models:
        row.kind, row.days_left = row._meta.model_name, days_left(row.deleted_at)
    purges = _shown(workspace.purges)
    context = {
        "models": models,
        "page": page,
        "experiments": experiments,
        "many_experiments": len(experiments) == contents.MAX_AT_ONCE,
        "bytes": contents.count_bytes(contents.list_all_deleted_runs(workspace)),
        "purges": purges,
        "is_live": any(job.is_open for job in purges),
        "days": settings.TRASH_DAYS,
        "may_edit": is_allowed(request, "edit"),
    }
    return render(request, "trash/trash.html", context)


@require_safe
def trash_purges(request, slug):
    """The progress of purges, polled every second while one is running; the last response reloads the page."""
    return _progress(request, _shown(find_workspace(request, slug).purges))


def _shown(purges) -> list[PurgeJob]:
    """The newest purges, until a day after their end."""
    day = timezone.now() - dt.timedelta(days=1)
    return list(purges.filter(Q(ended_at=None) | Q(ended_at__gt=day))[:MAX_PURGES])


def _progress(request, purges: list[PurgeJob]):
    is_live = any(job.is_open for job in purges)
    response = render(request, "trash/_purges.html", {"purges": purges, "is_live": is_live, "purges_url": request.path})
    return response if is_live else reload_page(response)


def _chosen(request, slug):
    workspace = find_workspace(request, slug, "edit")
    return workspace, *contents.find_selected(
        workspace, request.POST.getlist("run"), request.POST.getlist("experiment")
    )


@require_POST
def trash_restore(request, slug):
    _, runs, experiments = _chosen(request, slug)
    contents.restore_selected(runs, experiments)
    names = [str(thing) for thing in [*experiments, *runs][: contents.NAMED]]
    messages.success(request, f"Restored: {format_names(names, len(runs) + len(experiments))}.")
    return redirect(return_url(request, slug, link_to("trash", slug)))


@require_POST
def trash_restore_model(request, slug):
    """A model with the versions that were deleted with it, or a version: `kind` and `key`."""
    workspace = find_workspace(request, slug, "edit")
    key = numbers.parse_int(request.POST.get("key", ""), "key", max_value=2**60)
    found = contents.find_deleted_model(workspace, request.POST.get("kind", ""), key)
    found.restore(actor_of_request(request))
    messages.success(request, f"Restored: {found}.")
    return redirect(return_url(request, slug, link_to("trash", slug)))


@require_POST
def trash_delete(request, slug):
    contents.delete_permanently(request.user, *_chosen(request, slug))
    return redirect("trash:list", slug)


@require_http_methods(["GET", "HEAD", "POST"])
def trash_empty(request, slug):
    """Show what would be deleted; a POST deletes exactly that."""
    workspace = find_workspace(request, slug, "edit")
    if request.method != "POST":
        preview = contents.preview_trash(workspace, timezone.now())
        return render(request, "trash/empty.html", {"preview": preview})
    until = min(_parse_time(request.POST.get("until", ""), "until"), timezone.now())
    contents.empty_previewed(request.user, workspace, until, request.POST.get("selection", ""))
    return redirect("trash:list", slug)


@require_POST
def trash_undo(request, slug):
    workspace = find_workspace(request, slug, "edit")
    back = contents.undo_deletion(workspace, _parse_time(request.GET.get("at", ""), "at"))
    messages.success(request, f"Deletion undone: {back} {'item' if back == 1 else 'items'} restored.")
    return redirect("runs:jobs", slug)


def _parse_time(text: str, name: str) -> dt.datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise Invalid(
            f"{name}={text[:100]!r} is not a time: write it as 2026-01-31T12:00:00.5Z.", target=name
        ) from error


# ---- workspaces


def _deleted_one(request, workspace_id) -> Workspace:
    found = next(
        (row for row in deletion.list_deleted(actor_of_request(request)) if row.workspace_id == workspace_id), None
    )
    if found is None:
        raise Http404("There is no such deleted workspace, or you are not an Owner of it.")
    return found


@require_safe
def workspaces_deleted(request):
    rows = deletion.list_deleted(actor_of_request(request))
    for row in rows:
        row.bytes, row.days_left = contents.count_bytes_of_workspace(row), days_left(row.deleted_at)
        row.purge = row.purges.filter(scope=PurgeJob.Scope.WORKSPACE).first()
    purges = _purges_of_workspaces(request)
    is_live = any(job.is_open for job in purges)
    context = {"rows": rows, "purges": purges, "is_live": is_live, "days": settings.TRASH_DAYS}
    return render(request, "trash/workspaces_deleted.html", context)


def _purges_of_workspaces(request) -> list[PurgeJob]:
    """The newest purges that the person has started; for a site admin all."""
    found = PurgeJob.objects.filter(scope=PurgeJob.Scope.WORKSPACE)
    return _shown(found if request.user.is_superuser else found.filter(created_by=request.user))


@require_safe
def workspaces_purges(request):
    return _progress(request, _purges_of_workspaces(request))


@require_POST
def workspace_restore(request, workspace_id):
    workspace = _deleted_one(request, workspace_id)
    deletion.restore_workspace(actor_of_request(request), workspace)
    messages.success(request, f"The workspace {workspace.title} was restored.")
    return redirect(workspace)


@require_POST
def workspace_purge(request, workspace_id):
    workspace = _deleted_one(request, workspace_id)
    deletion.check_confirmed(workspace, request.POST.get("confirm_name", ""))
    deletion.purge_workspace(actor_of_request(request), workspace)
    return redirect("trash:workspaces_deleted")


def deleted_workspaces_url() -> str:
    return reverse("trash:workspaces_deleted")


def workspace_restore_url(workspace: Workspace) -> str:
    return reverse("trash:workspace_restore", args=[workspace.workspace_id])
