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
from studio.api import Bearer
from studio.client_address import client_address
from studio.errors import Invalid, TooMany

router = Router(tags=["Sign-in"], auth=None)
# No vowels and no look-alikes, so that a code is never a word and cannot be misread.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
MINUTES = 15
# Pending codes per address: enough for a class that signs in together.
MAX_WAITING = 50


@router.post("/login/device", response=resources.DeviceCode, summary="Begin to sign in from a terminal")
def begin_device_login(request: HttpRequest, body: resources.DeviceCodeRequest):
    now = timezone.now()
    DeviceLogin.objects.filter(expires_at__lt=now - dt.timedelta(days=1)).delete()
    address = client_address(request)
    waiting = DeviceLogin.objects.filter(address=address, user=None, denied_at=None, expires_at__gt=now)
    if waiting.count() >= MAX_WAITING:
        raise TooMany(
            "Too many sign-ins from your address are waiting for approval. Approve them, or try again in a few minutes."
        )
    secret = new_secret()
    code = "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(2))
    login = DeviceLogin.objects.create(
        device_digest=secret_digest(secret),
        user_code=code,
        address=address,
        client_name=body.clientName,
        expires_at=now + dt.timedelta(minutes=MINUTES),
    )
    return resources.DeviceCode.of(login, secret, MINUTES * 60)


@router.post("/login/device/token", response=resources.DeviceToken, summary="Ask whether the sign-in was approved")
def finish_device_login(request: HttpRequest, body: resources.DeviceTokenRequest):
    login = DeviceLogin.objects.select_related("user").filter(device_digest=secret_digest(body.deviceCode)).first()
    if login is None:
        raise Invalid("The code has expired. Run `lazuli login` again.", code="expired_token")
    token = login.issue_token()
    assert login.user, "Without an answer there is no token."
    return resources.DeviceToken(token=token, user=resources.TokenOwner.of(login.user))


@router.get("/login/whoami", auth=Bearer(), response=resources.TokenHolder, summary="Whose token this is")
def whoami(request: HttpRequest):
    return resources.TokenHolder.of(request.auth.user, runId=request.auth.run_id or None)


@require_http_methods(["GET", "POST"])
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
