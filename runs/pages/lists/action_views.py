"""Actions on selected runs of a list and on an experiment, by POST and with permission checks."""

import functools
from urllib.parse import quote

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.form_keys import process_once
from runs.pages.access import find_experiment, find_runs, find_workspace, require_permission, undo_tag
from runs.pages.lists import bulk
from runs.pages.lists.views import requested_experiment, scoped_runs
from studio.errors import Conflict, Invalid
from studio.links import split_address


def show_errors_in_list(view):
    """Shows an error above the list, which is reloaded."""

    @functools.wraps(view)
    def answer(request, slug, **words):
        try:
            return view(request, slug, **words)
        except (Conflict, Invalid) as error:
            messages.error(request, error.message)
            return redirect(return_url(request, slug))

    return answer


@require_POST
@show_errors_in_list
def runs_cancel(request, slug):
    """Cancels every selected active run and reports the others."""
    found = _select_runs(request, slug)
    reached, refused = bulk.cancel_runs(found)
    return _show_result(request, slug, reached, refused, "canceled. This cannot be undone")


@require_POST
@show_errors_in_list
def runs_delete(request, slug):
    """Moves runs to the trash, all with one time, so that they can be restored together."""
    found = _select_runs(request, slug)
    at = timezone.now()
    reached, refused = bulk.delete_runs(found, at)
    return _show_result(request, slug, reached, refused, "moved to the trash", undo_tag(slug, at))


@require_POST
@show_errors_in_list
def runs_tag(request, slug):
    found = _select_runs(request, slug)
    name, value = request.POST.get("tag_name", ""), request.POST.get("tag_value", "").strip()
    edit = bulk.tag_runs(found, request.workspace, request.user, name, value)
    undo = f"undo:{reverse('runs:runs_untag', args=[slug, edit.pk])}?next={quote(return_url(request, slug))}"
    return _show_result(request, slug, found.count, [], f"tagged {edit.name}", undo)


@require_POST
@show_errors_in_list
def runs_untag(request, slug, pk):
    find_workspace(request, slug, "edit")
    number = bulk.untag_runs(request.workspace, request.user, pk)
    messages.success(request, f"Tag change undone for {number:,} {'job' if number == 1 else 'jobs'}.")
    return redirect(return_url(request, slug))


@require_POST
@show_errors_in_list
def runs_untag_name(request, slug):
    """Remove the tag `remove_tag` from the selected runs."""
    found = _select_runs(request, slug)
    edit, number = bulk.remove_tag(found, request.workspace, request.user, request.POST.get("remove_tag", ""))
    undo = f"undo:{reverse('runs:runs_untag', args=[slug, edit.pk])}?next={quote(return_url(request, slug))}"
    return _show_result(request, slug, number, [], f"without the tag {edit.name} now", undo)


@require_safe
def runs_tags(request, slug):
    """The tags of the selected runs, for the editor of tags."""
    ids = request.GET.getlist("run")[: bulk.MAX_TICKED]
    tags = bulk.list_tags(find_runs(request, slug).filter(run_id__in=ids))
    return render(request, "runs/_present_tags.html", {"tags": tags, "total": len(ids)})


@require_POST
@show_errors_in_list
def runs_colour(request, slug):
    """The colour that a person gives the selected runs, for themselves; `colour` is empty for the usual one."""
    experiment = requested_experiment(request, slug)
    found = bulk.select_runs(scoped_runs(request, slug, experiment), request.POST, request.user, experiment)
    bulk.colour_runs(found, request.user, request.POST.get("colour", ""))
    return redirect(return_url(request, slug))


def _select_runs(request, slug) -> bulk.BulkSelection:
    experiment = requested_experiment(request, slug)
    require_permission(request, "edit")
    return bulk.select_runs(scoped_runs(request, slug, experiment), request.POST, request.user, experiment)


def _show_result(request, slug, reached: int, refused: list[str], done: str, undo: str = ""):
    if reached:
        messages.success(request, f"{reached:,} {'job' if reached == 1 else 'jobs'} {done}.", extra_tags=undo)
    for message in refused[:5]:
        messages.warning(request, message)
    if not reached and not refused:
        messages.warning(request, "No jobs were changed.")
    return redirect(return_url(request, slug))


def return_url(request, slug: str) -> str:
    """The URL of the list; only URLs of this site's lists are accepted."""
    url = split_address(request.POST.get("next", "") or request.GET.get("next", ""))
    home = reverse("workspaces:home", args=[slug])
    if url.scheme or url.netloc or not url.path.startswith(home):
        return reverse("runs:jobs", args=[slug])
    return f"{url.path}?{url.query}" if url.query else url.path


@require_POST
@process_once
def experiment_archive(request, slug, experiment_id):
    experiment = find_experiment(request, slug, experiment_id)
    require_permission(request, "edit")
    experiment.edit(archived=experiment.archived_at is None)
    messages.success(request, f"{experiment.name} was {'archived' if experiment.archived_at else 'restored'}.")
    return redirect(experiment)


@require_POST
def experiment_delete(request, slug, experiment_id):
    experiment = find_experiment(request, slug, experiment_id)
    require_permission(request, "edit")
    if request.POST.get("confirm_name") != experiment.name:
        raise Invalid(f"Type the name {experiment.name} to delete the experiment and all of its jobs.")
    experiment.delete()
    undo = undo_tag(slug, experiment.deleted_at)
    messages.success(request, f"{experiment.name} and its jobs moved to the trash.", extra_tags=undo)
    return redirect("runs:experiments", slug)
