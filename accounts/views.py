"""Signing in and out, and a person's own settings: theme, password, access tokens."""

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import activity, second_factors, sign_in_limits
from accounts.external_identities import providers_of
from accounts.form_keys import mark_done, process_once
from accounts.forms import NewPasswordForm, PasswordForm, SignInForm, TokenForm
from accounts.guards import reauthentication_required
from accounts.models import IdentityProvider, SignInLink, Token, User
from accounts.signing_in import after_password, next_page, record_failure, start_session
from accounts.view_as import hidden_in_view_as
from studio.errors import Conflict, Denied
from studio.formats import format_count
from studio.shell import Shell


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request):
    if request.user.is_authenticated:
        return redirect(next_page(request))
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        user, status = _authenticate(request, form)
        if user:
            return after_password(request, user, "by password")
    providers = IdentityProvider.objects.filter(is_active=True)
    context = {"form": form, "next": next_page(request), "providers": providers}
    return render(request, "accounts/sign_in.html", context, status=status)


def _authenticate(request, form) -> tuple[User | None, int]:
    """The person, or None and the status of the response."""
    name = form.cleaned_data["username"]
    refused = sign_in_limits.refusal_reason(request, name)
    if refused:
        form.add_error(None, refused)
        return None, 429
    noted = sign_in_limits.record_attempt(request, name)
    user = auth.authenticate(request, **form.cleaned_data)
    if user is None:
        form.add_error(None, "The name or the password is wrong.")
        record_failure(name, "wrong name or password")
    else:
        noted.delete()
    return user, 403


@login_not_required
@never_cache
def administration(request):
    """Redirect people without access to the administration to the sign-in page, or show an error."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise Denied("Only site admins can open the administration.")
    if request.user.is_authenticated:
        return redirect(next_page(request))
    return redirect_to_login(next_page(request))


@hidden_in_view_as
@login_not_required
@never_cache
@require_safe
def sign_in_link(request, secret):
    """Sign in by a link, which works once."""
    if sign_in_limits.is_link_refused(request):
        return render(request, "accounts/sign_in_link_used.html", {"too_many": True}, status=429)
    user = SignInLink.redeem(secret)
    if user and user.is_active:
        return start_session(request, user, "by a sign-in link")
    if request.user.is_authenticated:
        return redirect(next_page(request))
    sign_in_limits.record_attempt(request, "")
    record_failure("", "a sign-in link that was used, has expired or never existed")
    return render(request, "accounts/sign_in_link_used.html", status=410)


@hidden_in_view_as
@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request, secret):
    """A new person sets a password, which uses the link, and is signed in."""
    if sign_in_limits.is_link_refused(request):
        return render(request, "accounts/sign_in_link_used.html", {"too_many": True}, status=429)
    user = SignInLink.find_invited(secret)
    form = NewPasswordForm(user, request.POST or None)
    if user and not form.is_valid():
        providers = IdentityProvider.objects.filter(is_active=True)
        context = {"form": form, "invited": user, "secret": secret, "providers": providers}
        return render(request, "accounts/invitation.html", context)
    if user and SignInLink.redeem(secret, is_invitation=True):
        form.save()
        return start_session(request, user, "by an invitation", enrol=second_factors.is_required_of(user))
    sign_in_limits.record_attempt(request, "")
    record_failure("", "an invitation that was used, has expired or never existed")
    return render(request, "accounts/sign_in_link_used.html", {"is_invitation": True}, status=410)


@login_not_required
@require_POST
def sign_out(request):
    with transaction.atomic():
        if request.user.is_authenticated:
            activity.record("session.end", request.user)
        auth.logout(request)
    response = redirect("accounts:sign_in")
    # Browsers do so by HTTPS only. The next person at the browser reads no page from its cache.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@require_POST
def theme(request):
    chosen = request.POST.get("theme")
    if chosen in User.Theme.values:
        request.user.theme = chosen
        request.user.save(update_fields=["theme"])
    return redirect(next_page(request))


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request):
    if providers_of(request.user).exists() and not (request.user.has_usable_password() or request.user.is_break_glass):
        raise Conflict("You sign in through an identity provider, so you cannot set a password here.")
    form = PasswordForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        auth.update_session_auth_hash(request, request.user)
        messages.success(request, "Your password was changed.")
        return redirect("accounts:password")
    return render(request, "accounts/password.html", {"form": form})


@reauthentication_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def tokens(request):
    """The list of tokens; a POST creates one and shows its secret once."""
    workspaces = Shell.workspaces_of(request)
    form = TokenForm(workspaces, request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        _, secret = form.create_token(request.user)
        form = TokenForm(workspaces)
    mine = request.user.tokens.filter(revoked_at=None)
    context = {"form": form, "secret": secret, "tokens": mine, "server": settings.PUBLIC_URL}
    response = render(request, "accounts/tokens.html", context)
    return mark_done(response) if secret else response


@require_POST
def token_revoke(request, pk):
    token = get_object_or_404(Token, pk=pk, user=request.user)
    token.revoke()
    messages.success(request, f"The token “{token.name}” no longer works.")
    return redirect("accounts:tokens")


@require_POST
def tokens_revoke(request):
    number = Token.revoke_all(request.user)
    messages.success(request, f"{format_count(number, 'token')} of yours revoked.")
    return redirect("accounts:tokens")
