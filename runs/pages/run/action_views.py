"""Actions on a run, by POST and with permission checks."""

from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from runs.pages.access import find_run, name_deleted_children, require_permission, return_url, undo_tag


@require_POST
def run_cancel(request, slug, run_id):
    run = find_run(request, slug, run_id)
    require_permission(request, "edit")
    run.cancel()
    messages.success(request, f"{run.display_name} is being canceled.")
    return redirect(return_url(request, slug, run.get_absolute_url()))


@require_POST
def run_delete(request, slug, run_id):
    run = find_run(request, slug, run_id)
    require_permission(request, "edit")
    run.delete()
    children = name_deleted_children(request.workspace, run.deleted_at, 1)
    messages.success(
        request, f"{run.display_name} moved to the trash{children}.", extra_tags=undo_tag(slug, run.deleted_at)
    )
    return redirect("runs:experiment_detail", slug, run.experiment.experiment_id)
