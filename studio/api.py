"""The one API: Azure's shapes, Azure's errors, tokens only. Each room adds its router in studio/urls.py."""

import json
import logging
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.security import HttpBearer

from studio.errors import Invalid, StudioError

logger = logging.getLogger(__name__)
W = "/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/Microsoft.MachineLearningServices/workspaces/{workspace_name}"


class Bearer(HttpBearer):
    """Asks the workspaces room who holds the token; the answer is `request.auth`, an Actor."""

    # Set by workspaces.apps, since this room imports no other.
    authenticate_token = None

    def authenticate(self, request, token):
        return Bearer.authenticate_token(token)


class ObjectsOnly(Parser):
    """Without this a list or a text would be read for attributes, of which it has none, and pass for an empty object."""

    def parse_body(self, request):
        return parsed(request)


api = NinjaAPI(
    title="Lazuli Studio",
    version="1.0",
    description="Azure Machine Learning's resource, job and run-history routes. Send `Authorization: Bearer <token>`.",
    # studio/api_docs.py gives both: the page in the shell and in the reader's theme, the description to tokens too.
    docs_url=None,
    openapi_url=None,
    auth=Bearer(),
    parser=ObjectsOnly(),
)


def problem(status: int, code: str, message: str, target: str = "", details: list | None = None) -> JsonResponse:
    error = {"code": code, "message": message, "target": target, "details": details or []}
    return JsonResponse({"error": error}, status=status)


@api.exception_handler(StudioError)
def studio_error(request, error):
    return problem(error.status, error.code, error.message, error.target, error.details)


@api.exception_handler(AuthenticationError)
def not_authenticated(request, error):
    answer = problem(
        401,
        "AuthenticationFailed",
        "Send a valid token: `Authorization: Bearer <token>`. Make one in the studio, or with `lazuli login`.",
    )
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(Http404)
def not_found(request, error):
    return problem(404, "ResourceNotFound", str(error) or f"There is nothing at {request.path}.")


@api.exception_handler(ValidationError)
def not_valid(request, error):
    details = [
        {"code": e["type"], "target": "/".join(str(part) for part in e["loc"][1:]), "message": e["msg"]}
        for e in error.errors
    ]
    first = details[0]
    return problem(422, "ValidationError", f"{first['target']}: {first['message']}", first["target"], details)


@api.exception_handler(RequestDataTooBig)
def too_big(request, error):
    return problem(413, "TooLarge", f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20} MiB.")


@api.exception_handler(HttpError)
def http_error(request, error):
    if isinstance(error.__cause__, StudioError):
        return studio_error(request, error.__cause__)
    return problem(error.status_code, "BadRequest", str(error))


def page(request: HttpRequest, rows, describe, *, size: int = 100, most: int = 1000) -> dict:
    """A list in Azure's shape: `$top` rows from `$skiptoken`, and the address of the next page if there is one."""
    top = _number(request, "$top", size, most)
    start = _number(request, "$skiptoken", 0, 10**9)
    found = list(rows[start : start + top + 1])
    answer = {"value": [describe(row) for row in found[:top]]}
    if len(found) > top:
        query = {**dict(request.GET.items()), "$top": top, "$skiptoken": start + top}
        answer["nextLink"] = request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
    return answer


def _number(request, name: str, default: int, most: int) -> int:
    text = request.GET.get(name, str(default))
    if not text.isdecimal() or len(text) > 12 or int(text) > most:
        raise Invalid(f"{name}={text!r}: write a whole number up to {most}.", target=name)
    return int(text)


def body(request: HttpRequest) -> dict:
    """A JSON object that has no schema of its own, all of which can be stored."""
    value = parsed(request)
    _check_storable(value)
    return value


def parsed(request: HttpRequest) -> dict:
    """A JSON object, without what Python's parser takes and JSON does not allow."""
    try:
        value = json.loads(request.body or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The body is not JSON: {error}", code="json_invalid") from error
    if not isinstance(value, dict):
        raise Invalid(f"The body must be a JSON object, not {type(value).__name__}.", code="type_mismatch")
    return value


def _check_storable(value: dict) -> None:
    """What no database keeps as JSON: numbers beyond all bounds, halves of characters, NUL."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError as error:
        raise Invalid(f"The body holds a number or a character that cannot be stored: {error}.") from error
    if "\\u0000" in text:
        raise Invalid("The body holds a NUL character.", code="json_invalid")


def _no_constant(word: str):
    raise ValueError(f'Send the text "{word}" instead of the bare word {word}.')
