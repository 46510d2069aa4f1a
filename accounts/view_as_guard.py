"""The only place that decides what a site admin may request while seeing the studio as another person."""

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.middleware.csrf import rotate_token

from accounts import activity
from accounts.view_as import VIEW_AS, ViewAs
from studio.database import skipped_if_busy
from studio.errors import Denied
from studio.htmx import reload_page, wants_piece
from studio.middleware import error_page, is_api

READS = ("GET", "HEAD")
# The only forms that are accepted; they end the view, for this reason.
ENDS = {"accounts:view_as_stop": "stopped", "accounts:sign_out": "signed out"}


class GuardViewAs:
    """Middleware, after the one that sets `request.user`."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not is_api(request):
            key = request.session.get(VIEW_AS)
            if key is not None and request.user.is_authenticated:
                _apply_or_end(request, key)
        return self.get_response(request)

    def process_view(self, request, view_func, view_args, view_kwargs):
        if getattr(request, "has_view_as_ended", False):
            return _answer_ended(request)
        view = getattr(request, "view_as", None)
        if view is None:
            return None
        if request.method == "POST" and request.resolver_match.view_name in ENDS:
            _leave(request, view, ENDS[request.resolver_match.view_name])
            return None
        if request.method not in READS:
            _record_refusal(request, view)
            return error_page(
                request, Denied(f"You see the studio as {view.person}, read only. Stop it before you change anything.")
            )
        if getattr(view_func, "is_hidden_in_view_as", False):
            text = f"This page is closed while you see the studio as {view.person}: it shows secrets, opens an"
            return error_page(request, Denied(f"{text} application or signs somebody in."))
        return None


def _apply_or_end(request, key: int) -> None:
    view = ViewAs.objects.filter(pk=key, admin=request.user.pk).select_related("admin", "person").first()
    reason = view.find_end() if view else ""
    if view is not None and not reason:
        request.view_as, request.user = view, view.person
        return
    if view is not None:
        view.end(reason)
    del request.session[VIEW_AS]
    request.has_view_as_ended = True


def _leave(request, view: ViewAs, reason: str) -> None:
    request.view_as, request.user = None, view.admin
    view.end(reason)
    del request.session[VIEW_AS]
    rotate_token(request)


def _answer_ended(request):
    """Forms of pages that were opened as the other person must not be accepted from the admin."""
    rotate_token(request)
    if request.method not in READS:
        return error_page(request, Denied("You see the studio as yourself again, so nothing was changed."))
    messages.info(request, "You see the studio as yourself again.")
    return reload_page() if wants_piece(request) else None


def _record_refusal(request, view: ViewAs) -> None:
    with skipped_if_busy(), transaction.atomic():
        activity.record(
            "access.refuse",
            view.person,
            label=f"change anything as {view.person}",
            message=f"{request.method} {request.path}",
            outcome=activity.Activity.Outcome.REFUSED,
        )
