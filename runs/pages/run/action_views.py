"""Actions on a run, by POST and with permission checks."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from runs.pages.access import require_permission, run_of, undo_tag
from runs.pages.run.forms import RunEdit
from runs.pages.run.views import tab_context
from studio.forms import attempt


@require_POST
def run_cancel(request, slug, run_id):
    run = run_of(request, slug, run_id)
    require_permission(request, "edit")
    run.cancel()
    messages.success(request, f"{run.display_name} is being canceled.")
    return redirect(run)


@require_POST
def run_delete(request, slug, run_id):
    run = run_of(request, slug, run_id)
    require_permission(request, "edit")
    run.delete()
    messages.success(request, f"{run.display_name} moved to the trash.", extra_tags=undo_tag(slug, run.deleted_at))
    return redirect("runs:experiment_detail", slug, run.experiment.experiment_id)


@require_http_methods(["GET", "HEAD", "POST"])
def run_edit(request, slug, run_id):
    run = run_of(request, slug, run_id)
    require_permission(request, "edit")
    present = {"display_name": run.display_name, "description": run.description, "tags": run.tags}
    form = RunEdit(request.POST or None, initial=present)
    if request.method == "POST" and attempt(form, lambda: form.save(run)):
        messages.success(request, "Saved.")
        return redirect(run)
    status = 400 if form.errors else 200
    return render(request, "runs/run_edit.html", tab_context(request, run, "overview", form=form), status=status)
