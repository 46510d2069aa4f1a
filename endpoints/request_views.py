"""The tab Data of an endpoint, the guard of its traffic, and the page that traces one request."""

from typing import Any

from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.edit_conflicts import edit_in_turn
from accounts.form_keys import process_once
from endpoints import collected_rows, request_log, request_traces, traffic_guards
from endpoints.replay_views import ReplayForm
from endpoints.views import find_page_endpoint, find_to_edit, list_errors, make_guard_form, render_tab
from runs.pages.access import find_workspace
from studio.htmx import render_page
from studio.pagination import page_of

# By the field of the endpoint: the tab that shows what was recorded, and what is said when it begins and stops.
RECORDINGS = {
    "has_insights": ("endpoints:requests", "Requests are recorded.", "Requests are no longer recorded."),
    "collects_data": (
        "endpoints:data",
        "Inputs and outputs are collected.",
        "Inputs and outputs are no longer collected.",
    ),
}


@require_safe
def endpoint_data(request, slug: str, name: str):
    """The newest inputs and outputs."""
    endpoint = find_page_endpoint(request, slug, name)
    page = page_of(request, request_log.list_data(endpoint))
    more: dict[str, Any] = {
        "replays": endpoint.replays.defer("results", "keys"),
        "replay_form": ReplayForm(None, endpoint),
        "collected": collected_rows.list_collected(endpoint),
    }
    return render_tab(request, endpoint, "data", page=page, limits=request_log, **more)


@require_POST
@process_once
def endpoint_recording(request, slug: str, name: str, field: str):
    """Begin or stop to record requests, or to collect their inputs and outputs: `on` is 1 or 0."""
    endpoint = find_to_edit(request, slug, name)
    is_on = request.POST.get("on") == "1"
    endpoint.change(**{field: is_on})
    tab, begun, stopped = RECORDINGS[field]
    messages.success(request, begun if is_on else stopped)
    return redirect(tab, slug, name)


@require_POST
def endpoint_guard(request, slug: str, name: str):
    """Set by how much a version may be worse before its traffic goes back."""
    with edit_in_turn(request):
        endpoint = find_to_edit(request, slug, name)
        form = make_guard_form(endpoint, request.POST)
        if form.is_valid():
            traffic_guards.change_guard(endpoint, **form.cleaned_data)
            messages.success(request, "The guard was saved. It watches the next traffic change.")
        else:
            messages.error(request, list_errors(form))
    return redirect(endpoint)


@require_safe
def trace_request(request, slug: str):
    """Show the revision, models, jobs and data behind the request with the id `id`."""
    workspace = find_workspace(request, slug)
    request_id = request.GET.get("id", "").strip()
    found = request_traces.find_requests(workspace, request_id)
    traces = [request_traces.trace_request(one) for one in found]
    return render_page(request, "endpoints/trace.html", {"request_id": request_id, "traces": traces})
