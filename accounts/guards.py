"""Checks of a session before a page opens: a second factor if the site requires one, and, for changes of permissions, a
sign-in or confirmation within the last 15 minutes."""

import time
from urllib.parse import urlencode

from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse

from accounts import external_identities, second_factors
from accounts.refusals import SAFE
from accounts.signing_in import ENROL, PROVED
from studio.htmx import reload_page, wants_piece
from studio.links import page_of_form

# The pages for people who still have to set up a second factor.
OPEN_BEFORE = {"factors", "factor_app", "factor_passkey", "factor_passkey_begin", "sign_out", "theme"}
RECENT_SECONDS = 15 * 60


def reauthentication_required(view):
    """Require a recent confirmation for a view whose POST changes permissions."""
    view.reauthentication_required = "POST"
    return view


def admin_mode_required(view):
    """Require a recent confirmation before a page of site admins opens, so that no input is lost."""
    view.reauthentication_required = "all"
    return view


class Guards:
    """Middleware."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view_func, view_args, view_kwargs):
        if not hasattr(request, "session") or not request.user.is_authenticated:
            return None
        if request.session.get(ENROL) and not _may_open_before(request.resolver_match):
            messages.info(request, "This studio requires a second factor. Set one up to continue.")
            return redirect("accounts:factors")
        if not _is_guarded(request, view_func) or not is_confirmation_due(request):
            return None
        return ask_again(request)


def _may_open_before(match) -> bool:
    return match.namespace == "accounts" and match.url_name in OPEN_BEFORE


def _is_guarded(request, view_func) -> bool:
    asks = "all" if request.path_info.startswith("/admin/") else getattr(view_func, "reauthentication_required", "")
    return asks == "all" or (asks == "POST" and request.method not in SAFE)


def is_recently_authenticated(request) -> bool:
    """Whether the last confirmation or sign-in of this session is recent."""
    proved = request.session.get(PROVED)
    if proved is None:
        proved = request.user.last_login.timestamp() if request.user.last_login else 0
    return time.time() - proved < RECENT_SECONDS


def reauthentication_methods(user) -> set[str]:
    """The ways to confirm access: the second factors, otherwise the password, otherwise the identity provider; none
    after a sign-in link."""
    kinds = set(second_factors.factors_of(user).values_list("type", flat=True))
    if kinds or user.has_usable_password():
        return kinds or {"password"}
    return {"provider"} if external_identities.providers_of(user).exists() else set()


def is_confirmation_due(request) -> bool:
    """For views that need one only in some cases."""
    return not is_recently_authenticated(request) and bool(reauthentication_methods(request.user))


def ask_again(request):
    """The redirect to the page that confirms access and leads back."""
    if request.method in SAFE and wants_piece(request):
        # For a poll, the whole page redirects, not only its part.
        return reload_page()
    back = request.get_full_path()
    if request.method not in SAFE:
        back = page_of_form(request)
        messages.info(request, "Nothing was changed yet. Confirm access, then try again.")
    return redirect(f"{reverse('accounts:confirm')}?{urlencode({'next': back})}")
