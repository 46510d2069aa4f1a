"""Limits on wrong passwords and sign-in links: nobody can guess one, and nobody can lock another person out.

    10 an hour    per name and address, so that nobody can lock out another person
    20 an hour    per address, over all names; the same for wrong links
    100 a day     per name over all addresses, for guessing from many addresses

A browser in which the person has signed in before is a known device: it has a signed cookie, and for that person it has
its own limit (10 an hour). Only wrong attempts count; all web server processes count the same rows.
"""

import datetime as dt
import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import FailedSignIn, User
from studio.client_address import client_address

HOUR, DAY = FailedSignIn.WINDOW, dt.timedelta(days=1)
PER_NAME_AND_ADDRESS, PER_ADDRESS, PER_NAME, PER_DEVICE = 10, 20, 100, 10
COOKIE, SALT = f"{settings.COOKIE_PREFIX}known_device", "known-device"
COOKIE_AGE = dt.timedelta(days=180)
# People who share a browser; the last to sign in is remembered longest.
MAX_PEOPLE = 8
OTHER_WAYS = "Wait an hour, or use a browser in which you have signed in before, or a sign-in link."


def refusal_reason(request: HttpRequest, name: str) -> str:
    """Why passwords for this name are refused now, as a sentence; otherwise empty."""
    recent = FailedSignIn.objects.filter(at__gt=timezone.now() - HOUR).exclude(name="")
    device = device_of(request, name)
    if device:
        too_many = recent.filter(name=name.lower(), device=device).count() >= PER_DEVICE
        return "Too many wrong passwords. Wait an hour, or use a sign-in link." if too_many else ""
    here = recent.filter(address=client_address(request), device="")
    if here.filter(name=name.lower()).count() >= PER_NAME_AND_ADDRESS:
        return f"Too many wrong passwords for this name. {OTHER_WAYS}"
    if here.count() >= PER_ADDRESS:
        return f"Too many wrong passwords from your address. {OTHER_WAYS}"
    of_today = FailedSignIn.objects.filter(at__gt=timezone.now() - DAY, name=name.lower(), device="")
    if of_today.count() >= PER_NAME:
        return (
            "Too many wrong passwords for this name from many addresses today. Use a browser in which you have signed in "
            "before, or a sign-in link."
        )
    return ""


def record_attempt(request: HttpRequest, name: str) -> FailedSignIn:
    """Count an attempt. Call it before checking the password, so that parallel attempts count; delete it on success."""
    FailedSignIn.objects.filter(at__lt=timezone.now() - DAY).delete()
    address, device = client_address(request), device_of(request, name) if name else ""
    return FailedSignIn.objects.create(name=name.lower(), address=address, device=device)


def is_link_refused(request: HttpRequest) -> bool:
    """Whether this address has sent too many wrong links."""
    wrong = FailedSignIn.objects.filter(at__gt=timezone.now() - HOUR, name="", address=client_address(request))
    return not _known(request) and wrong.count() >= PER_ADDRESS


def device_of(request: HttpRequest, name: str) -> str:
    """The id of the browser, if the person with this name has signed in with it before; otherwise empty."""
    known = _known(request)
    if not known:
        return ""
    device, people = known
    person = User.objects.filter(username__iexact=name, pk__in=people).first()
    return device if person else ""


def remember_device(request: HttpRequest, response: HttpResponse, person: User) -> None:
    device, people = _known(request) or (secrets.token_hex(16), [])
    people = [person.pk, *(pk for pk in people if pk != person.pk)][:MAX_PEOPLE]
    response.set_cookie(
        COOKIE,
        signing.dumps([device, people], salt=SALT),
        max_age=COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
        path=settings.SESSION_COOKIE_PATH,
    )


def _known(request: HttpRequest) -> tuple[str, list[int]] | None:
    try:
        device, people = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=COOKIE_AGE)
    except signing.BadSignature:
        return None
    return device, people
