"""Start a replay of recorded requests, and show its differences."""

import math

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.form_keys import process_once
from endpoints import replays, rules
from endpoints.models import Endpoint
from endpoints.views import find_page_endpoint, find_to_edit, list_errors, render_tab
from studio.forms import NumberField

# How many endpoints and versions are offered as candidates, and how many results are shown.
MAX_CANDIDATES, SHOWN = 100, 100


class ReplayForm(forms.Form):
    candidate = forms.ChoiceField(label="Candidate", help_text="The version or endpoint that gets the requests.")
    count = NumberField(
        rules.REPLAY_COUNT,
        label="Requests",
        initial=50,
        help_text="How many of the newest requests are sent, at most 200.",
    )

    def __init__(self, data, endpoint: Endpoint):
        super().__init__(data)
        found = Endpoint.objects.with_state().filter(workspace=endpoint.workspace, has_versions=False)
        rows = found.exclude(pk=endpoint.pk).exclude(current=None).order_by("name")[:MAX_CANDIDATES]
        self.candidates = {one.name: one for one in rows}
        self.fields["candidate"].choices = [(name, name) for name in self.candidates]  # type: ignore[attr-defined]


@require_POST
@process_once
def replay_start(request, slug: str, name: str):
    endpoint = find_to_edit(request, slug, name)
    form = ReplayForm(request.POST, endpoint)
    if not form.is_valid():
        messages.error(request, list_errors(form))
        return redirect("endpoints:data", slug, name)
    candidate = form.candidates[form.cleaned_data["candidate"]]
    return redirect(replays.start_replay(endpoint, candidate, form.cleaned_data["count"], request.user))


@require_safe
def replay_detail(request, slug: str, name: str, key: int):
    """The summary, and the requests whose answers differ first."""
    endpoint = find_page_endpoint(request, slug, name)
    replay = endpoint.replays.select_related("created_by", "candidate").filter(pk=key).first()
    if replay is None:
        raise Http404(f"There is no replay {key} of {name}.")
    sent = [one for one in replay.results if "gone" not in one]
    rows = sorted(sent, key=_rank)
    more = {"replay": replay, "summary": replays.summarize(replay), "results": rows[:SHOWN]}
    return render_tab(request, endpoint, "replay", "endpoint-replay", **more)


def _rank(one: dict) -> tuple:
    """The place of a result: without an answer, with another status, then by how much the answers differ."""
    is_other = one.get("newStatus") != one["status"]
    difference = one.get("difference")
    return (not is_other, one.get("same", False), -(math.inf if difference is None else difference))
