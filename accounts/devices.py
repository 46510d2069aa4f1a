"""`lazuli login`: the terminal requests a code over the API, and a signed-in person approves it in the browser."""

import datetime as dt
import secrets

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from ninja import Router

from accounts import resources
from accounts.models import DeviceLogin
from accounts.secrets import new_secret, secret_digest
from accounts.view_as import hidden_in_view_as
from studio.api import Bearer
from studio.client_address import client_address
from studio.errors import Invalid

router = Router(tags=["Sign-in"], auth=None)
# No vowels and no look-alikes, so that a code is never a word and cannot be misread.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
MINUTES = 10
# Codes are never refused, because a stranger could otherwise block everybody behind an address. Instead, only the
# newest of an address are valid: more of them than the server can create while a person opens the page and approves.
MAX_WAITING = 10_000
# Codes from one clean-up to the next.
CLEAN_EVERY = 100


@router.post("/login/device", response=resources.DeviceCode, summary="Start a sign-in from a terminal")
def begin_device_login(request: HttpRequest, body: resources.DeviceCodeRequest):
    secret = new_secret()
    code = "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(2))
    login = DeviceLogin.objects.create(
        device_digest=secret_digest(secret),
        user_code=code,
        address=client_address(request),
        client_name=body.clientName,
        expires_at=timezone.now() + dt.timedelta(minutes=MINUTES),
    )
    if login.pk % CLEAN_EVERY == 0:
        _delete_old(login.address)
    return resources.DeviceCode.of(login, secret, MINUTES * 60)


def _delete_old(address: str) -> None:
    DeviceLogin.objects.filter(expires_at__lt=timezone.now()).delete()
    waiting = DeviceLogin.objects.filter(address=address, user=None, denied_at=None).order_by("-pk")
    oldest = waiting[MAX_WAITING - 1 : MAX_WAITING].first()
    if oldest:
        waiting.filter(pk__lt=oldest.pk).delete()


@router.post("/login/device/token", response=resources.DeviceToken, summary="Check whether the sign-in was approved")
def finish_device_login(request: HttpRequest, body: resources.DeviceTokenRequest):
    login = DeviceLogin.objects.select_related("user").filter(device_digest=secret_digest(body.deviceCode)).first()
    if login is None:
        raise Invalid("The code has expired. Run `lazuli login` again.", code="expired_token")
    token = login.issue_token()
    assert login.user, "Without an answer there is no token."
    return resources.DeviceToken(token=token, user=resources.TokenOwner.of(login.user))


@router.get("/login/whoami", auth=Bearer(), response=resources.TokenHolder, summary="Get the account of the token")
def whoami(request: HttpRequest):
    return resources.TokenHolder.of(request.auth.user, runId=request.auth.run_id or None)


@hidden_in_view_as
@require_http_methods(["GET", "HEAD", "POST"])
def device_login(request):
    """Shows a pending sign-in; a POST approves or denies it."""
    code = (request.POST.get("code") or request.GET.get("code", "")).replace("\0", "").strip().upper()
    login = DeviceLogin.objects.filter(user_code=code, user=None, denied_at=None, expires_at__gt=timezone.now()).first()
    if request.method == "POST" and login:
        return _decide(request, login)
    context = {"code": code, "login": login, "unknown": bool(code) and login is None}
    return render(request, "accounts/device.html", context, status=404 if context["unknown"] else 200)


def _decide(request, login: DeviceLogin):
    if request.POST.get("answer") == "approve":
        login.approve(request.user)
        messages.success(request, f"{login.client_name} is signed in as {request.user.label}. You can close this page.")
    else:
        login.deny()
        messages.info(request, f"The sign-in of {login.client_name} was denied.")
    return redirect("accounts:tokens")
