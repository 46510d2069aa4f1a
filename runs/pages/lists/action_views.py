"""Actions on selected runs of a list and on an experiment, by POST and with permission checks."""

import functools
from urllib.parse import quote

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.form_keys import process_once
from runs import bulk_changes
from runs.models import BulkAct
from runs.pages.access import (
    find_experiment,
    find_runs,
    find_workspace,
    name_deleted_children,
    require_permission,
    return_url,
    undo_tag,
)
from runs.pages.lists import bulk
from runs.pages.lists.views import requested_experiment, scoped_runs
from studio.errors import Conflict, Invalid
from studio.htmx import render_page

# Acts on more jobs are done by the control worker.
AT_ONCE = 1000
# What a preview sends again.
SENT = {"all", "query", "experiment", "next", "tag_name", "tag_value", "remove_tag"}


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


def acts_on_selection(verb: str, effect: str):
    """Calls the view with the selected runs. For all that match, a first POST shows what the action takes; a second,
    with the token of that page, acts on exactly these runs."""

    def decorate(view):
        @require_POST
        @show_errors_in_list
        @functools.wraps(view)
        def answer(request, slug):
            found = _select_runs(request, slug)
            token = request.POST.get("selection", "")
            if found.is_all and not token:
                return _show_selection(request, slug, found, verb, effect)
            if found.is_all:
                bulk.check_unchanged(found, token)
            return view(request, slug, found)

        return answer

    return decorate


def _show_selection(request, slug, found: bulk_changes.BulkSelection, verb: str, effect: str):
    sent = [(name, value) for name in request.POST if name in SENT for value in request.POST.getlist(name)]
    context = {"preview": bulk.preview_selection(found), "sent": sent, "verb": verb, "effect": effect}
    return render(request, "runs/selection.html", context | {"back": return_url(request, slug)})


@acts_on_selection("Cancel jobs", "Jobs that have not ended are canceled with their child jobs. This cannot be undone.")
def runs_cancel(request, slug, found):
    """Cancels every selected active run and reports the others."""
    if len(found.keys) > AT_ONCE:
        return _queue(request, BulkAct.Verb.CANCEL, found)
    reached, refused = bulk_changes.cancel_runs(found, request.workspace)
    return _show_result(request, slug, reached, refused, "canceled. This cannot be undone")


@acts_on_selection(
    "Delete jobs",
    "Ended jobs move to the trash with their metrics, files and child jobs. You can undo this.",
)
def runs_delete(request, slug, found):
    """Moves runs to the trash, all with one time, so that they can be restored together."""
    if len(found.keys) > AT_ONCE:
        return _queue(request, BulkAct.Verb.DELETE, found)
    at = timezone.now()
    reached, refused = bulk_changes.delete_runs(found, request.workspace, at)
    done = f"moved to the trash{name_deleted_children(request.workspace, at, reached)}"
    return _show_result(request, slug, reached, refused, done, undo_tag(slug, at))


@acts_on_selection("Tag jobs", "All get the tag. You can undo this for one day.")
def runs_tag(request, slug, found):
    name, value = request.POST.get("tag_name", ""), request.POST.get("tag_value", "").strip()
    if len(found.keys) > AT_ONCE:
        [(name, value)] = bulk_changes.check_tag(name, value).items()
        return _queue(request, BulkAct.Verb.TAG, found, tag_name=name, tag_value=value)
    edit = bulk_changes.tag_runs(found, request.workspace, request.user, name, value)
    undo = f"undo:{reverse('runs:runs_untag', args=[slug, edit.pk])}?next={quote(return_url(request, slug))}"
    return _show_result(request, slug, len(found.keys), [], f"tagged {edit.name}", undo)


@require_POST
@show_errors_in_list
def runs_untag(request, slug, pk):
    find_workspace(request, slug, "edit")
    number = bulk_changes.untag_runs(request.workspace, request.user, pk)
    messages.success(request, f"Tag change undone for {number:,} {'job' if number == 1 else 'jobs'}.")
    return redirect(return_url(request, slug))


@acts_on_selection("Remove the tag", "Jobs that have the tag lose it. You can undo this for one day.")
def runs_untag_name(request, slug, found):
    """Remove the tag `remove_tag` from the selected runs."""
    name = request.POST.get("remove_tag", "")
    if len(found.keys) > AT_ONCE:
        return _queue(request, BulkAct.Verb.UNTAG, found, tag_name=name[:256])
    edit, number = bulk_changes.remove_tag(found, request.workspace, request.user, name)
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


def _queue(request, verb: str, found: bulk_changes.BulkSelection, **fields):
    """The page of the act shows its progress, and leads back to the list."""
    return redirect(BulkAct.queue(request.workspace, request.user, verb, found.keys, **fields))


def _find_act(request, slug, pk: int) -> BulkAct:
    """Only the person who began it sees an act."""
    acts = BulkAct.objects.select_related("workspace", "user", "undoes").defer("keys")
    return get_object_or_404(acts, workspace=find_workspace(request, slug), user=request.user, pk=pk)


@require_safe
def bulk_act(request, slug, pk):
    return render_page(request, "runs/bulk_act.html", {"act": _find_act(request, slug, pk)}, partial="bulk-act")


@require_POST
def bulk_act_undo(request, slug, pk):
    act = _find_act(request, slug, pk)
    require_permission(request, "edit")
    return redirect(act.undo())


@require_POST
def bulk_act_stop(request, slug, pk):
    act = _find_act(request, slug, pk)
    require_permission(request, "edit")
    act.stop()
    return redirect(act)


def _select_runs(request, slug) -> bulk_changes.BulkSelection:
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
