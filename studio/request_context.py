"""The current request, for code that does not get it as an argument: the activity log."""

import contextvars
import uuid

from django.http import HttpRequest

# The key in a request's WSGI variables of the route that Django found, for traces (studio/spans.py).
ROUTE = "studio.route"
_current: contextvars.ContextVar[HttpRequest | None] = contextvars.ContextVar("request", default=None)


class RequestContext:
    """Sets the id of each request, which is also the response header `X-Request-Id`."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.id = uuid.uuid4().hex
        token = _current.set(request)
        try:
            response = self.get_response(request)
        finally:
            _current.reset(token)
        response.headers["X-Request-Id"] = request.id
        if request.resolver_match:
            request.META[ROUTE] = request.resolver_match.route
        return response


def current_request() -> HttpRequest | None:
    """None in tasks and commands."""
    return _current.get()
