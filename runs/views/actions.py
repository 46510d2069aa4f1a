"""What can be done to runs: each by POST, each asking whether the person may."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from runs import submission
from runs.forms import RunEdit
from runs.models import Run
from runs.views.finding import actor, experiment_of, require, run_of, runs_of
from runs.views.run import page
from runs.views.trash import undo_tag
from studio.errors import Conflict, Invalid

MOST_AT_ONCE = 100


@require_POST
def run_cancel(request, slug, run_id):
    run = run_of(request, slug, run_id)
    require(request, "edit")
    run.cancel()
    messages.success(request, f"{run.display_name} is being canceled.")
    return redirect(run)


@require_POST
def run_delete(request, slug, run_id):
    run = run_of(request, slug, run_id)
    require(request, "edit")
    run.delete()
    messages.success(request, f"{run.display_name} is in the trash.", extra_tags=undo_tag(slug, run.deleted_at))
    return redirect("runs:experiment_detail", slug, run.experiment.experiment_id)


@require_POST
def run_resubmit(request, slug, run_id):
    run = run_of(request, slug, run_id)
    require(request, "submit")
    new = submission.resubmit(actor(request), run)
    messages.success(request, f"{run.display_name} was submitted again as {new.display_name}.")
    return redirect(new)


@require_http_methods(["GET", "HEAD", "POST"])
def run_edit(request, slug, run_id):
    run = run_of(request, slug, run_id)
    require(request, "edit")
    form = RunEdit.of(run, request.POST or None)
    if request.method == "POST" and form.is_valid() and _saved(form, run):
        messages.success(request, "Saved.")
        return redirect(run)
    status = 400 if form.errors else 200
    return render(request, "runs/run_edit.html", page(request, run, "overview", form=form), status=status)


def _saved(form: RunEdit, run: Run) -> bool:
    try:
        form.save(run)
    except Invalid as error:
        form.add_error(None, error.message)
    return not form.errors


@require_POST
def runs_cancel(request, slug):
    """Every chosen run that has not ended; the others are told of."""
    return _each(request, slug, "canceled", Run.cancel)


@require_POST
def runs_delete(request, slug):
    """To the trash, all with one moment, by which they come back together."""
    at = timezone.now()
    return _each(request, slug, "put into the trash", lambda run: run.delete(at=at), undo_tag(slug, at))


def _each(request, slug, done: str, act, undo: str = ""):
    runs = runs_of(request, slug)
    require(request, "edit")
    chosen = request.POST.getlist("run")
    if not 0 < len(chosen) <= MOST_AT_ONCE:
        raise Invalid(f"Choose from 1 to {MOST_AT_ONCE} runs; {len(chosen)} are chosen.", target="run")
    reached, refused = 0, []
    for run in runs.filter(run_id__in=chosen).select_related("workspace", "work"):
        try:
            act(run)
            reached += 1
        except Conflict as error:
            refused.append(error.message)
    if reached:
        messages.success(request, f"{reached} {'run' if reached == 1 else 'runs'} {done}.", extra_tags=undo)
    for message in refused[:5]:
        messages.warning(request, message)
    return redirect(_back(request, slug))


def _back(request, slug: str) -> str:
    """The list as it was; only an address of this site's lists is followed."""
    asked = urlsplit(request.POST.get("next", ""))
    if asked.scheme or asked.netloc or not asked.path.startswith(f"/ws/{slug}/"):
        return reverse("runs:jobs", args=[slug])
    return f"{asked.path}?{asked.query}" if asked.query else asked.path


@require_POST
def experiment_archive(request, slug, experiment_id):
    experiment = experiment_of(request, slug, experiment_id)
    require(request, "edit")
    experiment.edit(archived=experiment.archived_at is None)
    messages.success(request, f"{experiment.name} was {'archived' if experiment.archived_at else 'restored'}.")
    return redirect(experiment)


@require_POST
def experiment_delete(request, slug, experiment_id):
    experiment = experiment_of(request, slug, experiment_id)
    require(request, "edit")
    if request.POST.get("confirm_name") != experiment.name:
        raise Invalid(f"Type the name {experiment.name} to delete the experiment with all of its runs.")
    experiment.delete()
    undo = undo_tag(slug, experiment.deleted_at)
    messages.success(request, f"{experiment.name} is in the trash, with its runs.", extra_tags=undo)
    return redirect("runs:experiments", slug)
