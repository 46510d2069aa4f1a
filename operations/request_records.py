"""Records requests that fail or take long, for the page Health."""

import logging
import time

from django.conf import settings
from django.db import DatabaseError

from accounts.actors import Actor, find_view_as
from operations.models import RequestRecord
from studio import process_counters
from studio.database import skipped_if_busy

logger = logging.getLogger(__name__)
# The time for a larger body depends on its sender.
SMALL_BODY = 128 * 1024
# Outages that the response explains, in contrast to bugs.
EXPECTED = {503, 507}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class RecordRequests:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        begun = time.monotonic()
        response = self.get_response(request)
        seconds = time.monotonic() - begun
        _count(request, response, seconds)
        expected = response.status_code in EXPECTED
        failed = response.status_code >= 500 and not expected
        # A request that waited for a locked database must not wait for it once more.
        slow = seconds > settings.SLOW_REQUEST_SECONDS and not expected and _has_small_body(request)
        if failed or slow:
            _record(request, response, seconds)
        return response

    def process_exception(self, request, exception):
        request.failure = f"{type(exception).__name__}: {exception}"


def _count(request, response, seconds: float) -> None:
    route = request.resolver_match.route if request.resolver_match else "none"
    method = request.method if request.method in METHODS else "other"
    process_counters.count("lazuli_http_requests_total", f"/{route}", method, str(response.status_code))
    process_counters.observe("lazuli_http_request_duration_seconds", seconds, f"/{route}")
    process_counters.store_if_due()


def _has_small_body(request) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return length.isdigit() and int(length) <= SMALL_BODY


def _record(request, response, seconds: float) -> None:
    fields = {"request_id": request.id, "method": request.method[:10], "path": request.path[:300]}
    error = getattr(request, "failure", "") if response.status_code >= 500 else ""
    try:
        with skipped_if_busy():
            RequestRecord.add(
                **fields, status=response.status_code, seconds=seconds, person=_name_of(request), error=error[:300]
            )
    except DatabaseError as problem:
        logger.warning("%s %s is not recorded: %s", request.method, request.path, problem)


def _name_of(request) -> str:
    actor = getattr(request, "auth", None)
    view = find_view_as()
    user = actor.user if isinstance(actor, Actor) else view.admin if view else getattr(request, "user", None)
    return user.username if user is not None and user.is_authenticated else ""
