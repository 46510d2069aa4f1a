"""Errors outside of views: a page for people, and for clients the format of the API that they called."""

import sys

from django.conf import settings
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.views import defaults

from studio import outages
from studio.api import error_response
from studio.errors import StudioError
from studio.middleware import is_api, outage_page

MLFLOW_CODES = {
    400: "INVALID_PARAMETER_VALUE",
    404: "ENDPOINT_NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    507: "RESOURCE_EXHAUSTED",
}


def bad_request(request: HttpRequest, exception) -> HttpResponse:
    message = _reason(request, exception)
    if is_api(request):
        return _shaped(request, 400, "BadRequest", message)
    return render(request, "400.html", {"message": message}, status=400)


def _reason(request: HttpRequest, exception) -> str:
    if isinstance(exception, DisallowedHost):
        name = request.META.get("HTTP_HOST", "")[:100]
        return (
            f"The studio does not accept the host name {name!r}. Use {settings.PUBLIC_URL}, or add it to the setting "
            "ALLOWED_HOSTS and restart the studio."
        )
    # Django's other suspicious operations are for the log only.
    hidden = isinstance(exception, SuspiciousOperation)
    return "The request is not valid." if hidden else str(exception)


def not_found(request: HttpRequest, exception) -> HttpResponse:
    if is_api(request):
        return _shaped(request, 404, "ResourceNotFound", f"There is nothing at {request.path}.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Also for errors outside of views, such as reading a session without a database."""
    refusal = outages.make_refusal(sys.exception())
    if refusal:
        return render_error(request, refusal)
    if is_api(request):
        return _shaped(
            request,
            500,
            "InternalError",
            f"The server could not process the request {request.id}. The cause is in its log.",
        )
    page = loader.render_to_string("500.html", {"request_id": getattr(request, "id", "")})
    return HttpResponse(page, status=500)


def render_error(request: HttpRequest, error: StudioError) -> HttpResponse:
    """Respond to an error outside of a view, in the format of the requested API or page."""
    if not is_api(request):
        return outage_page(error)
    response = _shaped(request, error.status, error.code, error.message)
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _shaped(request: HttpRequest, status: int, code: str, message: str) -> JsonResponse:
    if request.path_info.startswith("/mlflow/"):
        return JsonResponse({"error_code": MLFLOW_CODES[status], "message": message}, status=status)
    return error_response(status, code, message)
