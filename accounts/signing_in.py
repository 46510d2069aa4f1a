"""Start a session after a successful sign-in: the second step, and the data that a session stores about its sign-in."""

import time

from django.conf import settings
from django.contrib import auth
from django.db import transaction
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import activity, second_factors, sign_in_limits
from accounts.actors import Actor
from accounts.models import User
from accounts.sessions import BACKEND, BEGAN

# Session keys for the time between the password and the second step, and for its end.
PENDING, PENDING_SECONDS = "second_step", 600
# Session keys of the last confirmation, and of a required second factor that is not set up yet.
PROVED, ENROL = "proved_at", "must_add_factor"


def after_password(request, user: User, how: str):
    """Start a session, or the second step if the person has a second factor."""
    if not second_factors.factors_of(user).exists():
        return start_session(request, user, how, enrol=second_factors.is_required_of(user))
    request.session[PENDING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "how": how,
        "at": time.time(),
        "next": next_page(request),
    }
    return redirect("accounts:second_step")


def find_pending(request) -> User | None:
    """The user who gave the right password in this browser a moment ago and still needs a second factor."""
    pending = request.session.get(PENDING)
    if not pending or time.time() - pending["at"] > PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=pending["user"], is_active=True).first()
    # A password that was changed meanwhile.
    return user if user and user.get_session_auth_hash() == pending["hash"] else None


def start_session(request, user: User, how: str, enrol: bool = False, landing: str = ""):
    landing = landing or request.session.pop(PENDING, {}).get("next") or next_page(request)
    with transaction.atomic():
        auth.login(request, user, backend=BACKEND)
        request.session[BEGAN] = timezone.now().isoformat()
        record_authentication(request)
        if enrol:
            request.session[ENROL] = True
        activity.record("session.begin", user, actor=Actor(user), message=how)
    answer = redirect(landing)
    sign_in_limits.remember_device(request, answer, user)
    return answer


def record_authentication(request) -> None:
    request.session[PROVED] = int(time.time())


def confirm_session(request) -> None:
    """Record that the person has confirmed who they are, in a session with a new key."""
    request.session.cycle_key()
    record_authentication(request)


@transaction.atomic
def record_failure(name: str, reason: str) -> None:
    activity.record("session.begin", None, label=name, message=reason, outcome=activity.Activity.Outcome.FAILED)


def next_page(request) -> str:
    """The page the person wanted to open, if it is on this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    # redirect() treats a word without a slash as the name of a URL.
    allowed = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if allowed else settings.LOGIN_REDIRECT_URL
