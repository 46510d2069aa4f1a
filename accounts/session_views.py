"""A person's browsers: where they are signed in, signing them out, and the end of a view as another person."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import people
from accounts.guards import reauthentication_required
from accounts.sessions import stored_key
from studio.links import link_to


def key_of_this(request) -> str:
    return stored_key(request.session.session_key)


@never_cache
@require_safe
def sessions(request):
    context = {"sessions": request.user.sessions.live(), "this": key_of_this(request)}
    return render(request, "accounts/sessions.html", context)


@reauthentication_required
@require_POST
def sessions_end(request):
    """End the session of the button, or all except this one."""
    key = request.POST.get("session", "")
    if key:
        people.end_session(request.user, key)
        messages.success(request, "That browser is signed out.")
    else:
        ended = people.end_sessions(request.user, but=key_of_this(request))
        messages.success(request, f"{ended} other browser{' is' if ended == 1 else 's are'} signed out.")
    return redirect("accounts:sessions")


@require_POST
def view_as_stop(request):
    """accounts/view_as_guard.py has ended the view."""
    messages.success(request, "You see the studio as yourself again.")
    return redirect(link_to("home"))
