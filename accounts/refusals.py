"""Records refused actions in the activity log, after the transaction of the action was rolled back."""

from django.db import transaction

from accounts import activity
from accounts.activity import Activity
from studio.database import skipped_if_busy
from studio.request_context import current_request

SAFE = ("GET", "HEAD", "OPTIONS")


class RecordRefusals:
    """Middleware: one row for a request that would have changed something and got 403 because of a role."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        refused = getattr(request, "refused", None)
        if refused and response.status_code == 403 and request.method not in SAFE:
            _record(request, *refused)
        return response


def record_refusal(verb: str, thing) -> None:
    """Note a refusal; the verb is one of `can()`, the object a subscription, resource group or workspace."""
    request = current_request()
    if request is not None:
        request.refused = (verb, thing)  # type: ignore[attr-defined]


def _record(request, verb: str, thing) -> None:
    with skipped_if_busy(), transaction.atomic():
        activity.record(
            "access.refuse",
            thing,
            scope=thing,
            label=f"{verb.replace('_', ' ')} on {thing}",
            message=f"{request.method} {request.path}",
            outcome=Activity.Outcome.REFUSED,
        )
