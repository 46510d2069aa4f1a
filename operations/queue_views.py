"""Cancel several jobs of all workspaces: what the page shows is what is canceled."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from operations import waiting
from operations.access import site_admins_only
from studio import numbers
from studio.errors import Conflict, Invalid
from studio.formats import format_count

MAX_AT_ONCE = 200


@require_http_methods(["GET", "HEAD", "POST"])
@site_admins_only
def queue_move(request, pk):
    """Choose another cluster for a waiting job; a POST moves it to `compute`."""
    work = waiting.find_work(pk)
    if request.method == "POST":
        waiting.move_to_cluster(work, request.POST.get("compute", "").strip())
        messages.success(request, f"{work.title} now waits for {work.target.title}.")
        return redirect("operations:queue")
    clusters = waiting.list_other_clusters(work).with_counts()
    return render(request, "operations/queue_move.html", {"work": work, "clusters": clusters})


# Reasons that are shown of those that could not be canceled.
SHOWN = 5


@require_http_methods(["GET", "HEAD", "POST"])
@site_admins_only
def queue_cancel_several(request):
    """Show the active jobs of `?person=`, or of everybody; a POST cancels each `job` of the form, and no other."""
    if request.method == "POST":
        return _cancel(request)
    person = request.GET.get("person", "").strip()[:150]
    found = waiting.list_active_jobs(person)
    jobs = list(found[:MAX_AT_ONCE])
    waiting.count_children(jobs)
    context = {"person": person, "jobs": jobs, "total": found.count(), "limit": MAX_AT_ONCE}
    return render(request, "operations/queue_cancel.html", context)


def _cancel(request):
    keys = [numbers.parse_int(text, "job", max_value=2**60) for text in request.POST.getlist("job")]
    if not 0 < len(keys) <= MAX_AT_ONCE:
        raise Invalid(f"Select 1 to {MAX_AT_ONCE} jobs; {len(keys)} are selected.", target="job")
    refused = []
    for run in waiting.find_jobs(keys):
        try:
            waiting.cancel_run(run)
        except Conflict as error:
            refused.append(error.message)
    done = len(keys) - len(refused)
    if done:
        messages.success(request, f"{format_count(done, 'job')} canceled. This cannot be undone.")
    for text in refused[:SHOWN]:
        messages.warning(request, text)
    return redirect("operations:queue")
