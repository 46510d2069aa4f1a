"""The pages of the activity log, of a workspace and of the site, and their downloads."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import activity as activity_log
from accounts import activity_sending
from accounts.activity_stream import Receiver, StreamState, list_receivers
from accounts.actors import actor_of_request, require_site_admin
from studio import downloads, numbers
from studio.errors import Invalid
from studio.forms import cleaned_or_invalid
from studio.links import link_to
from studio.list_parameters import accept_parameters
from workspaces import activity_search
from workspaces.activity_search import ActivityFilter
from workspaces.lookup import find_page_workspace

PAGE = 50
FORMATS = {
    "csv": (activity_search.iterate_csv, downloads.CSV),
    "jsonl": (activity_search.iterate_json_lines, "application/jsonl"),
}


@require_safe
@accept_parameters(*ActivityFilter.base_fields, "before", "after")
def activity(request, slug=None):
    """The newest that match the filters; `?before=` and `?after=` are keys, because the log is too long to count."""
    workspace = find_page_workspace(request, slug) if slug else None
    rows = activity_search.list_activities(actor_of_request(request), workspace)
    form = ActivityFilter(request.GET)
    found = form.apply(rows) if form.is_valid() else rows.none()
    shown, newer, older = _cut(request, found)
    context = {
        "workspace": workspace,
        "form": form,
        "rows": shown,
        "newer": newer,
        "older": older,
        "filtered": any(form.cleaned_data.values()),
        "query": _query(request),
        "undo_url": "" if workspace or not shown else _link_to_undo(form.cleaned_data["request"]),
        "streams": [] if workspace else [StreamState.of(receiver) for receiver in list_receivers()],
    }
    return render(request, "workspaces/activity.html", context)


@require_POST
def activity_test(request):
    """Send a row to the `receiver` of the stream at once, with those that wait, and show its response."""
    require_site_admin(actor_of_request(request), "send a test of the activity log")
    receiver = request.POST.get("receiver", "")
    if receiver not in list_receivers():
        raise Invalid("Set ACTIVITY_WEBHOOK or ACTIVITY_SYSLOG, and restart the studio.", target="receiver")
    with transaction.atomic():
        activity_log.record("stream.test", None, label=receiver)
    state = activity_sending.send_pending(Receiver(receiver), at_once=True)
    if state is not None and state.is_failing:
        messages.error(request, f"The test did not arrive. {state.answer} It will be sent again later.")
    else:
        messages.success(request, f"The test has arrived. {state.answer}" if state else "The test is being sent.")
    return redirect("workspaces:site_activity")


def _cut(request, found):
    """The rows of the page, and the addresses of its neighbours."""
    before = numbers.int_or_none(request.GET.get("before", ""))
    after = numbers.int_or_none(request.GET.get("after", ""))
    if after is not None and before is None:
        rows = list(found.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
        more, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        newer, older = more, True
    else:
        rows = list((found.filter(pk__lt=before) if before else found)[: PAGE + 1])
        newer, older = bool(before), len(rows) > PAGE
        rows = rows[:PAGE]
    if not rows:
        return [], "", ""
    return (
        rows,
        f"?{_query(request, after=rows[0].pk)}" if newer else "",
        f"?{_query(request, before=rows[-1].pk)}" if older else "",
    )


def _link_to_undo(request_id: str) -> str:
    """The page that takes back a request of the filter."""
    return link_to("undo_request", request_id) if request_id.isalnum() else ""


def _query(request, **more) -> str:
    kept = {name: value for name, value in request.GET.items() if name not in ("before", "after", "format") and value}
    return urlencode({**kept, **more})


@require_safe
def activity_download(request, kind, slug=None):
    """All that matches the filters, as CSV or JSON lines."""
    workspace = find_page_workspace(request, slug) if slug else None
    rows = activity_search.list_activities(actor_of_request(request), workspace)
    form = ActivityFilter(request.GET)
    cleaned_or_invalid(form)
    iterate, content_type = FORMATS[kind]
    return downloads.stream_download(iterate(form.apply(rows)), content_type, f"activity-{slug or 'site'}.{kind}")
