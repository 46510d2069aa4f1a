"""For site admins: all people, their states, and what ends their access."""

from django.contrib import messages
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import handover, people, second_factors
from accounts.actors import actor_of_request
from accounts.forms import SecondFactorPolicyForm
from accounts.guards import for_admin_mode
from accounts.models import SignInPolicy, Token, User
from studio.errors import Invalid
from studio.pagination import page_of
from studio.words import split_words


@for_admin_mode
@never_cache
@require_GET
def person_list(request):
    """`?state=` is one of the states, `?q=` words of the name."""
    people.require_site_admin(actor_of_request(request), "see all people")
    state = request.GET.get("state", "")
    if state and state not in people.STATES:
        raise Invalid(f"state={state[:30]!r}: write one of {', '.join(people.STATES)}.", target="state")
    rows, words = people.list_people(state), request.GET.get("q", "")
    for word in split_words(words):
        rows = rows.filter(Q(username__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word))
    page = page_of(request, rows, size=50)
    page.object_list = [_with_state(person) for person in page.object_list]
    policy = SecondFactorPolicyForm(initial={"second_factor": SignInPolicy.load().second_factor})
    context = {"page": page, "words": words, "state": state, "states": people.STATES, "policy": policy}
    return render(request, "accounts/people.html", context)


def _with_state(person: User) -> User:
    person.state, person.seen_at = people.state_of(person), people.last_seen(person)  # type: ignore[attr-defined]
    return person


@for_admin_mode
@never_cache
@require_http_methods(["GET", "POST"])
def person(request, pk):
    """By the button `act` of a POST: block, deactivate or open the account, or end its sessions or tokens."""
    actor = actor_of_request(request)
    people.require_site_admin(actor, "see the accounts of others")
    found = get_object_or_404(people.list_people(), pk=pk)
    if request.method == "POST":
        messages.success(request, _change(actor, found, request.POST))
        return redirect("accounts:person", pk)
    context = {
        "person": _with_state(found),
        "sessions": found.sessions.live(),
        "live_tokens": Token.objects.filter(user=found, revoked_at=None).count(),
        "roles": found.roles.select_related("subscription", "resource_group", "workspace"),
        "groups": found.member_of.annotate(number=Count("members")),
        "held": handover.count_held(found),
        "factors": second_factors.factors_of(found),
    }
    return render(request, "accounts/person.html", context)


def _change(actor, found: User, data) -> str:
    """What was done, as a sentence."""
    act = data.get("act", "")
    if act == "block":
        people.block(actor, found)
        return f"{found} is blocked: no sign-in, session or token works."
    if act == "open":
        people.reopen(actor, found)
        return f"The account of {found} is open."
    if act == "deactivate":
        held = people.deactivate(actor, found, people.find_heir(data.get("heir", "").strip()[:150]))
        words = ", ".join(f"{number} {label}" for label, number in held.items())
        return f"{found} is deactivated." + (f" Handed over: {words}." if held else "")
    if act == "sign_out":
        ended = people.end_sessions(found)
        return f"{found} is signed out of {ended} browser{'' if ended == 1 else 's'}."
    if act == "reset_factors":
        second_factors.reset(found, actor)
        return f"The next sign-in of {found} asks for the password alone."
    if act == "revoke":
        number = Token.revoke_all(found)
        return f"{number} token{'' if number == 1 else 's'} of {found} no longer work."
    raise Invalid(f"act={act[:30]!r}: write block, open, deactivate, sign_out, reset_factors or revoke.", target="act")
