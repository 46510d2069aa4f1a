"""The API, in Azure's format, with Azure's errors and only with tokens. Each app adds its router in studio/urls.py."""

import logging
from collections.abc import Callable
from urllib.parse import urlencode

import pydantic
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.security import HttpBearer

from studio import numbers, openapi, outages, request_body
from studio.errors import StudioError
from studio.public_url import public_url
from studio.request_context import current_request
from studio.schemas import Page, list_of

logger = logging.getLogger(__name__)
A_TIME = "write a time with its offset from UTC, such as 2030-01-31T18:00:00Z"
# Messages for the most common errors of pydantic.
EXPECTED = {
    "bool_type": "write true or false",
    "datetime_type": A_TIME,
    "dict_type": "write an object",
    "float_type": "write a number",
    "int_type": "write a whole number",
    "list_type": "write a list",
    "missing": "is missing",
    "model_type": "write an object",
    "string_type": "write a text",
    "timezone_aware": A_TIME,
}
W = "/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/Microsoft.MachineLearningServices/workspaces/{workspace_name}"


class Bearer(HttpBearer):
    """Finds the owner of the token; the result is `request.auth`, an Actor."""

    # Set by accounts.apps, because this app cannot import others.
    authenticate_token = None

    def authenticate(self, request, token):
        return Bearer.authenticate_token(token, request.method, request.resolver_match.route)


# Reports of how a run or its runner ended. They are never refused because of their text.
REPORTS = ("/events", "/done")


class ObjectsOnly(Parser):
    """Refuses bodies that are not objects: a list or text would otherwise count as an empty object."""

    def parse_body(self, request):
        if request.method == "POST" and request.path_info.endswith(REPORTS):
            return request_body.read_lenient_body(request)
        return request_body.read_body(request)


class StudioAPI(NinjaAPI):
    def get_openapi_schema(self, **words):
        """The paths start with the path of the public URL, if it has one."""
        root = self.get_root_path({}).removeprefix(settings.PUBLIC_PATH)
        return openapi.complete_schema(super().get_openapi_schema(path_prefix=root, **words))


api = StudioAPI(
    title="Lazuli Studio",
    version="1.0",
    description="Azure Machine Learning's resource, job and run-history routes. Send `Authorization: Bearer <token>`.",
    # studio/api_docs.py gives both: the page in the shell and in the reader's theme, the description to tokens too.
    docs_url=None,
    openapi_url=None,
    auth=Bearer(),
    parser=ObjectsOnly(),
)


def error_response(status: int, code: str, message: str, target: str = "", details: list | None = None) -> JsonResponse:
    error = {"code": code, "message": message, "target": target, "details": details or []}
    request = current_request()
    if request is not None:
        error["requestId"] = request.id
    return JsonResponse({"error": error}, status=status)


@api.exception_handler(StudioError)
def studio_error(request, error):
    answer = error_response(error.status, error.code, error.message, error.target, error.details)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def outage(request, error):
    refusal = outages.make_refusal(error)
    if refusal is None:
        raise error
    logger.warning("%s %s: %s", request.method, request.path, error)
    return studio_error(request, refusal)


for kind in outages.KINDS:
    api.add_exception_handler(kind, outage)


@api.exception_handler(AuthenticationError)
def not_authenticated(request, error):
    answer = error_response(
        401,
        "AuthenticationFailed",
        "Send a valid token: `Authorization: Bearer <token>`. Make one in the studio, or with `lazuli login`.",
    )
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(Http404)
def not_found(request, error):
    return error_response(404, "ResourceNotFound", str(error) or f"There is nothing at {request.path}.")


@api.exception_handler(ValidationError)
def not_valid(request, error):
    details = [
        {"code": e["type"], "target": _field_path(e["loc"]), "message": EXPECTED.get(e["type"], e["msg"])}
        for e in error.errors
    ]
    first = details[0]
    # The whole body has no path; it is missing only if nothing was sent.
    said = f"{first['target']}: {first['message']}" if first["target"] else "The body is empty: send a JSON object."
    return error_response(422, "ValidationError", said, first["target"], details)


def _field_path(steps: tuple) -> str:
    """The path of a field, without the first step: ninja puts the fields of a body below the name of the view's argument."""
    return "/".join(str(step) for step in steps[2 if steps[0] == "body" else 1 :])


@api.exception_handler(RequestDataTooBig)
def too_big(request, error):
    return error_response(
        413, "TooLarge", f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20} MiB."
    )


@api.exception_handler(HttpError)
def http_error(request, error):
    if isinstance(error.__cause__, StudioError):
        return studio_error(request, error.__cause__)
    return error_response(error.status_code, "BadRequest", str(error))


def paginate(request: HttpRequest, rows, resource: type[pydantic.BaseModel], of: Callable | None = None) -> Page:
    """The page of a list that a request asks for; `of` creates the resource of a row if the class alone cannot."""
    found, next_link = cut_page(request, rows)
    make = of or resource.of
    return list_of(resource)(value=[make(row) for row in found], nextLink=next_link)


def cut_page(request: HttpRequest, rows, *, size: int = 100, max_size: int = 1000) -> tuple[list, str]:
    """`$top` rows from `$skiptoken` on, and the address of the next page if there is one."""
    top = _number(request, "$top", size, max_size)
    start = _number(request, "$skiptoken", 0, 10**9)
    found = list(rows[start : start + top + 1])
    if len(found) <= top:
        return found, ""
    query = {**dict(request.GET.lists()), "$top": top, "$skiptoken": start + top}
    return found[:top], public_url(f"{request.path}?{urlencode(query, doseq=True)}")


def _number(request, name: str, default: int, max_value: int) -> int:
    return numbers.parse_int(request.GET.get(name, str(default)), name, max_value=max_value)
