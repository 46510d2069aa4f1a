"""ETags of resources, and `If-Match`: a change is refused with 412 if the object has changed meanwhile."""

import copy
import hashlib

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

from studio.api import error_response

CHANGES = {"PUT", "PATCH", "DELETE", "POST"}
# MLflow's URLs do not identify objects, and scripts send thousands of requests to them.
WITHOUT = "/mlflow/"
NOT_MODIFIED = ("ETag", "Cache-Control", "Vary", "X-Request-Id")


class Etags:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path_info.startswith(WITHOUT):
            return self.get_response(request)
        if request.method in CHANGES and "HTTP_IF_MATCH" in request.META:
            return self._change(request)
        response = self.get_response(request)
        if request.method == "GET" and _add_etag(response):
            wanted = request.META.get("HTTP_IF_NONE_MATCH", "")
            if wanted and _fits(wanted, response.headers["ETag"]):
                return _not_modified(response)
        return response

    def _change(self, request: HttpRequest) -> HttpResponse:
        # Receiving a file takes as long as its sender needs, so it happens outside of the transaction with the lock.
        if request.content_type not in ("application/json", ""):
            return self._find_refusal(request) or self.get_response(request)
        with transaction.atomic():
            lock_path(request.path_info)
            return self._find_refusal(request) or self.get_response(request)

    def _find_refusal(self, request: HttpRequest) -> HttpResponse | None:
        """Find a reason to refuse: a GET of the same URL now returns something else than the client has seen."""
        # Not closed, because closing it ends the request in Django.
        now = self.get_response(_as_get(request))
        if now.status_code in (401, 403):
            return now
        _add_etag(now)
        etag = now.headers.get("ETag", "") if now.status_code == 200 else ""
        if etag and _fits(request.META["HTTP_IF_MATCH"], etag):
            return None
        what = "It has changed since you read it. Read it again, and repeat your change if it still makes sense."
        refusal = error_response(
            412, "ChangedMeanwhile", what if etag else "There is nothing here that If-Match could match."
        )
        if etag:
            refusal.headers["ETag"] = etag
        return refusal


def _add_etag(response: HttpResponse) -> bool:
    """Add an ETag to a response with a resource, unless it has one or is streamed."""
    if response.status_code != 200 or response.streaming or "ETag" in response.headers:
        return False
    response.headers["ETag"] = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    return True


def _fits(words: str, etag: str) -> bool:
    """A proxy that compresses makes an ETag weak; what we compare is the text before that."""
    return words.strip() == "*" or etag.removeprefix("W/") in [
        word.strip().removeprefix("W/") for word in words.split(",")
    ]


def _not_modified(response: HttpResponse) -> HttpResponse:
    short = HttpResponse(status=304)
    for name in NOT_MODIFIED:
        if name in response.headers:
            short.headers[name] = response.headers[name]
    return short


def _as_get(request: HttpRequest) -> HttpRequest:
    shown = copy.copy(request)
    shown.method = "GET"
    shown.META = {**request.META, "REQUEST_METHOD": "GET"}
    del shown.META["HTTP_IF_MATCH"]
    return shown


def lock_path(path: str) -> None:
    """Let the second of two changes through a URL see the first. SQLite lets one transaction write at a time anyway."""
    if connection.vendor == "postgresql":
        number = int.from_bytes(hashlib.sha256(path.lower().encode()).digest()[:8], signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
