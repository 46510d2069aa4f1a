"""Pages of all people: their states and usage, actions that end access, and the sign-in policy."""

from django.contrib import messages
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import handover, people, second_factors
from accounts.actors import actor_of_request
from accounts.edit_conflicts import cleaned_or_conflict, edit_in_turn
from accounts.forms import SecondFactorPolicyForm
from accounts.models import SignInPolicy, Token, User, ViewAs
from operations import bulk_verbs
from operations.access import site_admins_only
from operations.people import add_figures, find_people
from studio.errors import Invalid
from studio.formats import format_count
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from studio.words import split_words


@require_safe
@site_admins_only
@accept_parameters("q", "state")
def people_page(request):
    """`?state=` is one of the states, `?q=` words of the name or address."""
    state = request.GET.get("state", "")
    if state and state not in people.STATES:
        raise Invalid(f"state={state[:30]!r}: write one of {', '.join(people.STATES)}.", target="state")
    words = split_words(request.GET.get("q", ""))
    page = page_of(request, find_people(words, state), size=50)
    context = {
        "page": page,
        "rows": add_figures(list(page.object_list)),
        "words": " ".join(words),
        "state": state,
        "states": people.STATES,
        "policy": _policy_form(),
        "verbs": bulk_verbs.PEOPLE.verbs,
    }
    return render(request, "operations/people.html", context)


def _policy_form(data=None) -> SecondFactorPolicyForm:
    policy = SignInPolicy.load()
    return SecondFactorPolicyForm(data, initial={"second_factor": policy.second_factor}, edited=policy)


@require_POST
@site_admins_only
def policy_change(request):
    """Change who needs a second factor."""
    with edit_in_turn(request):
        given = cleaned_or_conflict(_policy_form(request.POST))
        second_factors.change_policy(actor_of_request(request), given["second_factor"])
    messages.success(request, "The sign-in policy was changed. People who need a second factor have to sign in again.")
    return redirect("operations:people")


@require_http_methods(["GET", "HEAD", "POST"])
@site_admins_only
def person(request, pk):
    """Show a person. A POST blocks, deactivates or unblocks the account, ends its sessions or tokens, or shows the studio
    as this person, depending on `act`."""
    found = get_object_or_404(people.list_people(), pk=pk)
    if request.method == "POST" and request.POST.get("act") == "view_as":
        ViewAs.begin(request, actor_of_request(request), found)
        return redirect("workspaces:list")
    if request.method == "POST":
        messages.success(request, _change(actor_of_request(request), found, request.POST))
        return redirect("operations:person", pk)
    context = {
        "person": found,
        "state": people.state_of(found),
        "seen_at": people.last_seen(found),
        "sessions": found.sessions.live(),
        "live_tokens": list(Token.objects.filter(user=found, revoked_at=None).values_list("name", flat=True)),
        "roles": found.roles.select_related("subscription", "resource_group", "workspace"),
        "groups": found.member_of.annotate(number=Count("members")),
        "held": handover.preview_handover(found),
        "factors": second_factors.factors_of(found),
        "may_view_as": not ViewAs.find_obstacle(request.user, found),
    }
    return render(request, "operations/person.html", context)


def _change(actor, found: User, data) -> str:
    """Apply the action; return a sentence about it."""
    act = data.get("act", "")
    if act == "block":
        people.block_account(actor, found)
        return f"{found} is blocked: no sign-in, session or token works."
    if act == "open":
        people.open_account(actor, found)
        return f"{found} is unblocked."
    if act == "deactivate":
        heir = people.find_heir(data.get("heir", "").strip()[:150])
        held = people.deactivate_account(actor, found, heir, previewed=data.get("held", ""))
        words = ", ".join(f"{number} {label}" for label, number in held.items())
        return f"{found} is deactivated." + (f" Handed over: {words}." if held else "")
    if act == "sign_out":
        ended = people.end_sessions(found)
        return f"{found} is signed out of {format_count(ended, 'browser')}."
    if act == "reset_factors":
        second_factors.reset_factors(found, actor)
        return f"At the next sign-in, {found} is asked only for the password."
    if act == "revoke":
        number = Token.revoke_all(found)
        return f"{format_count(number, 'token')} of {found} revoked."
    raise Invalid(
        f"act={act[:30]!r}: write block, open, deactivate, sign_out, reset_factors, revoke or view_as.", target="act"
    )
