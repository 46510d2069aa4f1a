"""One action on the selected rows of a list: a preview, then the action on exactly these rows; and the undo of a request."""

from django.contrib import messages
from django.http import Http404, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import actor_of_request
from operations import bulk, undo
from operations.access import site_admins_only
from operations.bulk import BulkKind, BulkOutcome
from operations.bulk_verbs import KINDS
from operations.forms import BulkForm
from studio.errors import Conflict

# Reasons that are shown of rows that were left as they are.
SHOWN = 5


@require_POST
@site_admins_only
def bulk_act(request, kind):
    """`action` on each `name`, or with `all` on all that match `query`. Without `selection`, the token of a preview, this is
    the preview."""
    if kind not in KINDS:
        raise Http404(f"There is no list {kind[:40]!r}.")
    found, action = KINDS[kind], request.POST.get("action", "")
    verb = found.find_verb(action)
    is_given = "given" in request.POST
    form = BulkForm(verb, _read_values(request) if is_given or not set(verb.fields) - {*verb.optional, "at"} else None)
    names, outcome = _read_names(request, found), None
    if form.is_valid() and request.POST.get("selection") and "preview" not in request.POST:
        try:
            return _perform(request, found, action, names, form.cleaned_data)
        except Conflict as error:
            messages.error(request, error.message)
    if form.is_valid():
        outcome = bulk.perform(found, action, actor_of_request(request), names, form.cleaned_data, is_dry=True)
    context = {
        "kind": found,
        "kind_name": kind,
        "noun": found.noun if outcome and len(outcome.done) == 1 else found.plural,
        "verb": verb,
        "action": action,
        "form": form,
        "names": names,
        "outcome": outcome,
    }
    return render(request, "operations/selection.html", context, status=400 if form.errors else 200)


def _read_values(request) -> QueryDict:
    """The values of the form; the first preview has the time at which it is made."""
    values = request.POST.copy()
    values.setdefault("at", timezone.now().isoformat(timespec="microseconds"))
    return values


def _read_names(request, kind: BulkKind) -> list[str]:
    if request.POST.get("all"):
        return kind.list_matching(QueryDict(request.POST.get("query", "")))
    return list(dict.fromkeys(request.POST.getlist("name")))


def _perform(request, kind: BulkKind, action: str, names: list[str], given: dict):
    actor, token = actor_of_request(request), request.POST["selection"]
    outcome = bulk.perform(kind, action, actor, names, given, previewed=token)
    _report(request, outcome, kind.noun, kind.plural)
    return redirect(kind.page)


def _report(request, outcome: BulkOutcome, noun: str, plural: str) -> None:
    tags = ""
    if undo.can_be_undone(request.id):
        tags = f"undo:{reverse('operations:request', args=[request.id])}"
    if outcome.done:
        messages.success(request, outcome.describe(noun, plural), extra_tags=tags)
    for name, why in outcome.refused[:SHOWN]:
        messages.warning(request, f"{name}: {why}")


@require_http_methods(["GET", "HEAD", "POST"])
@site_admins_only
def request_undo(request, request_id):
    """Show what can be taken back of a request; a POST does it."""
    actor = actor_of_request(request)
    if request.method == "POST":
        outcome = undo.undo_request(actor, request_id, previewed=request.POST.get("selection", ""))
        _report(request, outcome, "action", "actions")
        return redirect(f"{reverse('workspaces:site_activity')}?request={request.id}")
    outcome = undo.undo_request(actor, request_id, is_dry=True)
    context = {"outcome": outcome, "request_id": request_id}
    return render(request, "operations/request_undo.html", context)
