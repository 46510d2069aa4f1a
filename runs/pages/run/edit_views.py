"""Name, description and tags of a run, each edited in place."""

import json
from typing import Any

from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.edit_conflicts import cleaned_or_conflict, edit_in_turn, read_single_field
from runs.models import Run
from runs.pages.access import find_run, require_permission
from runs.pages.run.forms import RunEdit
from runs.pages.run.views import overview_context, tab_context
from studio.errors import Conflict, Invalid
from studio.forms import TagsField
from studio.htmx import show_toasts, wants_piece
from studio.request_body import load_json
from studio.rules import TAGS

LABELS = {"display_name": "The display name", "description": "The description", "tags": "The tags"}


@require_POST
def run_edit(request, slug, run_id):
    """Sets `field` to `value`. The page gets its changed parts and a toast with Undo; `undo` restores the exact
    previous value."""
    with edit_in_turn(request):
        run = find_run(request, slug, run_id)
        require_permission(request, "edit")
        field = request.POST.get("field", "")
        if field not in LABELS:
            raise Invalid(f"field={field[:60]!r}: write one of {', '.join(LABELS)}.", target="field")
        before = getattr(run, field)
        is_undo = "undo" in request.POST
        _store(run, field, _read_undo(run, request.POST, field) if is_undo else _read_value(run, request.POST, field))
    if not wants_piece(request):
        return redirect(run)
    tab = request.GET.get("tab", "")
    more = overview_context(request, run) if tab == "overview" else {}
    if not is_undo and before != getattr(run, field):
        more["undo"] = {
            "field": field,
            "value": json.dumps(before),
            "initial": json.dumps(getattr(run, field)),
            "text": f"{LABELS[field]} {_verb(field)} changed.",
        }
    response = render(request, "runs/_edited.html", tab_context(request, run, tab, polled=True, **more))
    return show_toasts(response, [(f"{LABELS[field]} {_verb(field)} restored.", "success")] if is_undo else [])


def _verb(field: str) -> str:
    return "were" if field == "tags" else "was"


def _read_value(run: Run, query, field: str) -> Any:
    """The posted value of one field, checked by the form that edits all three."""
    given = {"display_name": "-", **read_single_field(query, field)}
    return cleaned_or_conflict(RunEdit(given, initial={field: getattr(run, field)}, edited=run))[field]


def _read_undo(run: Run, query, field: str) -> Any:
    """The value before the edit whose result was `initial`. Tags that were changed since then stay as they are."""
    before, present = load_json(query["undo"], "undo", "undo"), getattr(run, field)
    made = load_json(query["initial"], "initial", "initial") if "initial" in query else present
    if made == present:
        return before
    if field == "tags":
        tags = TagsField()
        merged = tags.merge(*(tags.prepare_value(TAGS.check(value)) for value in (made, before, present)))
        if merged is not None:
            return tags.clean(merged)
    raise Conflict(f"{LABELS[field]} {_verb(field)} changed again since then, so the edit cannot be undone.")


def _store(run: Run, field: str, value: Any) -> None:
    """The verb checks it again."""
    gone = [name for name in run.tags if name not in value] if field == "tags" and isinstance(value, dict) else []
    run.edit(**{field: value}, remove_tags=gone)
