"""Forms that create something only once, even if the button is pressed twice.

Each rendering of such a form contains a random key (`{% form_key %}`). The key is stored in the transaction that
creates the object; a repeated form redirects to the result of the first.
"""

import datetime as dt
import functools
import hashlib

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.models import SentForm
from studio.errors import Conflict
from studio.forms import FORM_KEY

KEPT = dt.timedelta(days=1)


def process_once(view):
    """For a view that creates or toggles something on POST and then redirects or calls `mark_done`."""

    @functools.wraps(view)
    def answer(request, *args, **words):
        if request.method != "POST" or not request.POST.get(FORM_KEY):
            return view(request, *args, **words)
        with transaction.atomic():
            sent, is_new = SentForm.objects.get_or_create(digest=_digest(request))
            if not is_new:
                return _lead_to_what_was_made(request, sent)
            response = view(request, *args, **words)
            if 300 <= response.status_code < 400:
                SentForm.objects.filter(pk=sent.pk).update(location=response.headers["Location"])
            elif not getattr(response, "is_done", False):
                # The error is shown at its field, and the form can be sent again.
                transaction.set_rollback(True)
            return response

    answer.is_once = True
    return answer


def mark_done(response: HttpResponse) -> HttpResponse:
    """The form has created something that this response shows; repeating it cannot."""
    response.is_done = True  # type: ignore[attr-defined]
    return response


def _digest(request: HttpRequest) -> str:
    """A digest of the key and all other input: with different input, it counts as another form."""
    entered = sorted((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
    return hashlib.sha256(repr((request.user.pk, request.path, entered)).encode(errors="replace")).hexdigest()


def _lead_to_what_was_made(request: HttpRequest, sent: SentForm) -> HttpResponse:
    if not sent.location:
        raise Conflict(
            "This form was sent twice. The result was shown once, after the first time. If you did not copy "
            "its secret, delete it and create another one."
        )
    messages.info(request, "This form was sent twice and processed once.")
    return redirect(sent.location)


def forget_old_forms() -> None:
    SentForm.objects.filter(at__lt=timezone.now() - KEPT).delete()
