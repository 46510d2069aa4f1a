"""The second step of a sign-in, passkeys, and the page on which a person sets up second factors."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import activity, external_identities, guards, passkeys, second_factors, sign_in_limits
from accounts.form_keys import mark_done, process_once
from accounts.forms import CodeForm, PasskeyForm, PasswordAgainForm
from accounts.guards import admin_mode_required, reauthentication_required
from accounts.models import IdentityProvider, SignInLink, User
from accounts.qr_codes import draw_qr_code
from accounts.signing_in import (
    ENROL,
    PENDING,
    confirm_session,
    find_pending,
    next_page,
    record_failure,
    start_session,
)
from accounts.view_as import hidden_in_view_as
from studio import numbers
from studio.errors import Invalid, TooMany
from studio.forms import attempt

# The session key of an authenticator app's secret until a code confirms it.
SECRET = "app_secret"
NO_INVITATION = "This invitation was used or has expired. Ask who invited you for a new one."


@login_not_required
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request):
    """After the right password: a code, or a passkey."""
    user = find_pending(request)
    if user is None:
        messages.info(request, "Sign in again.")
        return redirect("accounts:sign_in")
    form, status = CodeForm(request.POST or None), 200
    if request.method == "POST" and form.is_valid():
        by, status = _check_code(request, user, form)
        if by:
            how = f"{request.session[PENDING]['how']} and {by}"
            answer = start_session(request, user, how)
            if by == "recovery code":
                left = second_factors.count_codes(user)
                messages.warning(
                    request, f"You used a recovery code; {left} are left. Create new ones before you run out."
                )
            return answer
    kinds = set(second_factors.factors_of(user).values_list("type", flat=True))
    return render(request, "accounts/second_step.html", {"form": form, "kinds": kinds, "user": user}, status=status)


def _check_code(request, user, form) -> tuple[str, int]:
    """The kind of a right code; otherwise empty, with the status of the response. A wrong code counts as a wrong
    password."""
    if refused := sign_in_limits.refusal_reason(request, user.username):
        form.add_error("code", refused)
        return "", 429
    noted = sign_in_limits.record_attempt(request, user.username)
    by = second_factors.check_code(user, form.cleaned_data["code"])
    if by:
        noted.delete()
    else:
        form.add_error("code", "This code is wrong or was used before.")
        record_failure(user.username, "wrong second factor")
    return by, 403


@login_not_required
@never_cache
@require_POST
def passkey_begin(request):
    """Options for the browser: for the person who has entered a password, otherwise for any passkey on the device."""
    signed_in = request.user if request.user.is_authenticated else None
    return JsonResponse(passkeys.begin_authentication(find_pending(request) or signed_in))


@login_not_required
@never_cache
@require_POST
def passkey_sign_in(request):
    if sign_in_limits.is_link_refused(request):
        raise TooMany("Too many wrong passkeys and links from your address. Wait an hour.")
    pending = find_pending(request)
    user = passkeys.authenticate(request.POST.get("credential", ""), pending)
    if user:
        how = f"{request.session[PENDING]['how']} and passkey" if pending else "by a passkey"
        return start_session(request, user, how)
    sign_in_limits.record_attempt(request, "")
    record_failure(pending.username if pending else "", "an unknown passkey")
    messages.error(request, passkeys.WRONG)
    return redirect("accounts:second_step" if pending else "accounts:sign_in")


@hidden_in_view_as
@never_cache
@sensitive_post_parameters("code", "password")
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request):
    """Confirm access for 15 minutes: with a second factor, or the password if there is none."""
    ways = guards.reauthentication_methods(request.user)
    form = PasswordAgainForm(request.POST or None) if ways == {"password"} else CodeForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        by, status = _check_again(request, form)
        if by:
            return _confirmed(request, by)
    providers = IdentityProvider.objects.filter(
        slug__in=external_identities.providers_of(request.user).values("provider"), is_active=True
    )
    context = {"form": form, "ways": ways, "next": next_page(request), "providers": providers}
    return render(request, "accounts/confirm.html", context, status=status)


def _check_again(request, form) -> tuple[str, int]:
    if "code" in form.fields:
        return _check_code(request, request.user, form)
    if refused := sign_in_limits.refusal_reason(request, request.user.username):
        form.add_error("password", refused)
        return "", 429
    noted = sign_in_limits.record_attempt(request, request.user.username)
    if not request.user.check_password(form.cleaned_data["password"]):
        form.add_error("password", "That is not your password.")
        record_failure(request.user.username, "wrong password on confirming access")
        return "", 403
    noted.delete()
    return "password", 200


def _confirmed(request, by: str):
    confirm_session(request)
    with transaction.atomic():
        activity.record("session.prove", request.user, message=f"by {by}")
    return redirect(next_page(request))


@never_cache
@require_POST
def confirm_passkey(request):
    if sign_in_limits.is_link_refused(request):
        raise TooMany("Too many wrong passkeys and links from your address. Wait an hour.")
    if passkeys.authenticate(request.POST.get("credential", ""), request.user):
        return _confirmed(request, "passkey")
    sign_in_limits.record_attempt(request, "")
    record_failure(request.user.username, "an unknown passkey")
    messages.error(request, passkeys.WRONG)
    return redirect("accounts:confirm")


@hidden_in_view_as
@admin_mode_required
@never_cache
@require_safe
def factors(request):
    return _page(request)


def _page(request, app_form=None, passkey_form=None, codes=()):
    has_app = second_factors.factors_of(request.user).filter(type="totp").exists()
    secret = "" if has_app else request.session.setdefault(SECRET, second_factors.new_secret())
    context = {
        "factors": second_factors.factors_of(request.user),
        "codes_left": second_factors.count_codes(request.user),
        "app_form": app_form or CodeForm(),
        "passkey_form": passkey_form or PasskeyForm(),
        "passkey_host": second_factors.passkey_host(),
        "secret": secret,
        "qr": draw_qr_code(second_factors.totp_url(request.user, secret)) if secret else None,
        "codes": codes,
        "identities": external_identities.providers_of(request.user),
        "providers": IdentityProvider.objects.filter(is_active=True),
    }
    return render(request, "accounts/factors.html", context)


def _added(request, codes, what: str):
    """Show the page again, with new recovery codes, which are shown once."""
    request.session.pop(SECRET, None)
    request.session.pop(ENROL, None)
    messages.success(request, f"{what} was added. From now on you are asked for it after the password.")
    return mark_done(_page(request, codes=codes)) if codes else redirect("accounts:factors")


@reauthentication_required
@never_cache
@require_POST
@process_once
def factor_app(request):
    """Add an authenticator app, confirmed by a code."""
    form, secret = CodeForm(request.POST), request.session.get(SECRET)
    if not secret:
        raise Invalid("The QR code has expired. Open the page again and scan the new one.")
    codes = attempt(form, lambda: (second_factors.add_app(request.user, secret, form.cleaned_data["code"]),))
    return _added(request, codes[0], "The authenticator app") if codes else _page(request, app_form=form)


@never_cache
@require_POST
def factor_passkey_begin(request):
    return JsonResponse(passkeys.begin_registration(request.user))


@reauthentication_required
@never_cache
@require_POST
@process_once
def factor_passkey(request):
    form = PasskeyForm(request.POST)
    codes = attempt(form, lambda: (passkeys.add_passkey(request.user, **form.cleaned_data),))
    return _added(request, codes[0], "The passkey") if codes else _page(request, passkey_form=form)


@reauthentication_required
@require_POST
def factor_remove(request):
    key = request.POST.get("factor", "")
    second_factors.remove_factor(request.user, numbers.int_or_none(key) or 0)
    messages.success(request, "The second factor was removed.")
    return redirect("accounts:factors")


@reauthentication_required
@require_POST
def identity_remove(request):
    key = numbers.int_or_none(request.POST.get("identity", "")) or 0
    external_identities.disconnect_identity(request.user, key)
    messages.success(request, "The identity was disconnected: it no longer signs you in.")
    return redirect("accounts:factors")


@login_not_required
@never_cache
@require_POST
def invitation_passkey_begin(request, secret):
    """Options for the browser, while the invitation can be accepted."""
    return JsonResponse(passkeys.begin_registration(_find_invited(request, secret)))


@hidden_in_view_as
@login_not_required
@never_cache
@require_POST
def invitation_passkey(request, secret):
    """A new person adds a passkey instead of a password, which uses the link, and is signed in."""
    user = _find_invited(request, secret)
    with transaction.atomic():
        codes = passkeys.add_passkey(user, "first passkey", request.POST.get("credential", ""))
        if not SignInLink.redeem(secret, is_invitation=True):
            raise Http404(NO_INVITATION)
    signed_in = start_session(request, user, "by an invitation, with a passkey")
    page = _added(request, codes, "The passkey")
    # The redirect would have set the cookie of a known device.
    page.cookies.update(signed_in.cookies)
    return page


def _find_invited(request, secret: str) -> User:
    if sign_in_limits.is_link_refused(request):
        raise TooMany("Too many wrong passkeys and links from your address. Wait an hour.")
    user = SignInLink.find_invited(secret)
    if user is None:
        sign_in_limits.record_attempt(request, "")
        record_failure("", "an invitation that was used, has expired or never existed")
        raise Http404(NO_INVITATION)
    return user


@reauthentication_required
@never_cache
@require_POST
@process_once
def factor_codes(request):
    """Create new recovery codes, shown once."""
    codes = second_factors.renew_codes(request.user)
    return mark_done(_page(request, codes=codes))
