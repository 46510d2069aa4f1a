"""Signing in through an identity provider: redirect and callback; and a site admin's trial sign-in."""

import time

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts import activity, external_identities, guards, people
from accounts.actors import actor_of_request, require_site_admin
from accounts.identity_providers import IdentityProvider
from accounts.signing_in import confirm_session, next_page, record_failure, start_session
from accounts.view_as import hidden_in_view_as
from studio.errors import Denied, StudioError
from studio.links import link_to

# A person who is removed at the provider loses access here within half a day, even if the provider does not report it.
SESSION_SECONDS = 12 * 3600
# A provider that was asked to confirm the person must have done so within this time.
CONFIRMED_SECONDS = 10 * 60
SIGN_IN, CONNECT, TRIAL, CONFIRM = "sign in", "connect", "trial", "confirm"


def load_oidc():
    # Memory: 5 MB of requests in each process, which studios without a provider never use.
    from accounts import oidc

    return oidc


@hidden_in_view_as
@login_not_required
@never_cache
@require_safe
def oidc_begin(request, slug):
    """Redirect to the provider. A signed-in person connects the account; `?trial=1` only shows a site admin the claims."""
    signed_in, trial = request.user.is_authenticated, bool(request.GET.get("trial"))
    if trial:
        require_site_admin(actor_of_request(request), "try an identity provider")
    offered = IdentityProvider.objects.all() if trial else IdentityProvider.objects.filter(is_active=True)
    row = get_object_or_404(offered, slug=slug)
    process = TRIAL if trial else CONNECT if signed_in else SIGN_IN
    if signed_in and request.GET.get("confirm"):
        process = CONFIRM
    if process == CONNECT and guards.is_confirmation_due(request):
        return guards.ask_again(request)
    invitation = request.GET.get("invitation", "")[:100]
    return load_oidc().begin_sign_in(request, row, process, next_url=next_page(request), invitation=invitation)


@hidden_in_view_as
@login_not_required
@never_cache
@require_safe
def oidc_callback(request, slug):
    row = get_object_or_404(IdentityProvider, slug=slug)
    try:
        claims, state = load_oidc().finish_sign_in(request, row)
        if state["process"] == SIGN_IN:
            person = external_identities.find_person(row, claims, state.get("invitation", ""))
    except StudioError as error:
        record_failure("", f"{row}: {error.message}"[:500])
        return render(request, "accounts/oidc_failed.html", {"error": error, "provider": row}, status=error.status)
    if state["process"] == SIGN_IN:
        answer = start_session(request, person, f"by {row}", landing=state.get("next", ""))
        request.session.set_expiry(SESSION_SECONDS)
        return answer
    if not request.user.is_authenticated:
        raise Denied("Your session has ended. Sign in, and try again.")
    if state["process"] == TRIAL:
        require_site_admin(actor_of_request(request), "try an identity provider")
        return render(request, "accounts/oidc_trial.html", {"claims": sorted(claims.items()), "provider": row})
    if state["process"] == CONFIRM:
        return _confirm(request, row, claims, state)
    with transaction.atomic():
        external_identities.connect_identity(row, claims, request.user)
    messages.success(request, f"From now on you can sign in through {row}.")
    return redirect("accounts:factors")


def _confirm(request, row, claims, state):
    """The provider has confirmed the person again."""
    if not external_identities.providers_of(request.user).filter(provider=row.slug, uid=claims["sub"]).exists():
        raise Denied(f"You have signed in to {row} with an account that is not the one of {request.user}.")
    at = claims.get("auth_time")
    if isinstance(at, int | float) and time.time() - at > CONFIRMED_SECONDS:
        raise Denied(f"{row} did not ask you to sign in again. Sign out there, and try again.")
    confirm_session(request)
    with transaction.atomic():
        activity.record("session.prove", request.user, message=f"by {row}")
    return redirect(state.get("next") or link_to("home"))


@login_not_required
@csrf_exempt
@never_cache
@require_POST
def oidc_logout(request, slug):
    """Back-channel logout: the provider reports that somebody signed out there; their sessions here end."""
    row = get_object_or_404(IdentityProvider, slug=slug)
    try:
        subject = load_oidc().read_logout(request, row, request.POST.get("logout_token", ""))
    except StudioError as error:
        return JsonResponse({"error": "invalid_request", "error_description": error.message}, status=400)
    for account in external_identities.SocialAccount.objects.filter(provider=row.slug, uid=subject):
        people.end_sessions(account.user)
    return JsonResponse({})
