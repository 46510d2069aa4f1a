"""The view of the API: authentication, routing, and responses or errors in MLflow's format."""

import base64
import json
import logging
import re
from urllib.parse import parse_qs

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic_core import to_json

from mlflow_api import sessions
from mlflow_api.errors import MlflowError, invalid_parameter, translate_error
from mlflow_api.request import MlflowRequest
from mlflow_api.request_fields import Fields
from mlflow_api.route_fields import FIELDS
from mlflow_api.routes import OF_BYTES, PLAIN, find_verb
from studio import outages
from studio.errors import StudioError

logger = logging.getLogger(__name__)
BASE = re.compile(r"(?:ajax-)?api/[23]\.0/(?P<route>mlflow(?:-artifacts)?/.*)")
LARGE, SHORT = 1024 * 1024, 64 * 1024
LOGGING = {f"mlflow/runs/log-{what}" for what in ("metric", "parameter", "batch")}
RUN_ID = re.compile(rb'"run_id" *: *"([\w-]{1,256})"')


@csrf_exempt
def call_api(request: HttpRequest, rest: str, **workspace_path) -> HttpResponse:
    try:
        return _make_response(request, rest, workspace_path)
    except MlflowError as error:
        return error_response(error)
    except StudioError as error:
        return error_response(translate_error(error))
    except outages.KINDS as error:
        refusal = outages.make_refusal(error)
        if refusal is None:
            raise
        logger.warning("%s %s: %s", request.method, request.path, error)
        return error_response(translate_error(refusal))
    except Http404 as error:
        return error_response(MlflowError("RESOURCE_DOES_NOT_EXIST", str(error)))
    except RequestDataTooBig:
        return error_response(invalid_parameter("The body is larger than 8 MB. Send it in smaller batches."))


def _make_response(request: HttpRequest, rest: str, workspace_path: dict) -> HttpResponse:
    method, rest = request.method, rest.lstrip("/")
    assert method is not None  # This only happens in a request without a server.
    if rest in PLAIN:
        return HttpResponse(PLAIN[rest], content_type="text/plain")
    match = BASE.fullmatch(rest)
    try:
        verb, words, route = find_verb(method, match["route"] if match else rest)
    except MlflowError:
        # Only authenticated clients learn which URLs exist.
        sessions.open_session(_read_token(request), workspace_path, method, "")
        raise
    as_method = "GET" if method == "HEAD" else method
    session = sessions.open_session(
        _read_token(request), workspace_path, as_method, route, _find_run_id(request, route)
    )
    request.auth = session.actor  # type: ignore[attr-defined]  # For the activity log, as django-ninja names it.
    body = verb(MlflowRequest(request, session, _read_fields(request, verb)), *words.values())
    response = json_response(body) if isinstance(body, dict) else body
    if not response.streaming and len(response.content) > LARGE:
        # Except on the slowest networks, compressing this takes longer than sending it.
        response.headers["Content-Encoding"] = "identity"
    return response


def json_response(body: dict) -> HttpResponse:
    """Encoded in a sixth of the time that `json` takes. MLflow writes NaN and the infinities as texts."""
    return HttpResponse(to_json(body, inf_nan_mode="strings"), content_type="application/json")


def _find_run_id(request: HttpRequest, route: str) -> str:
    """The run that a script logs to, if its request is short; only a hint, before authentication."""
    if route not in LOGGING or int(request.META.get("CONTENT_LENGTH") or 0) > SHORT:
        return ""
    found = RUN_ID.search(request.body)
    return found[1].decode() if found else ""


def _read_token(request: HttpRequest) -> str:
    """The bearer token, or the password of basic authentication, which MLflow's clients take from the URL."""
    kind, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind.lower() == "bearer":
        return secret.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(secret.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _read_fields(request: HttpRequest, verb) -> Fields:
    """Fields from the query for GET, else from the JSON body; views of uploads read the body themselves.

    Some clients send a GET's fields as JSON. As MLflow's server does, that is read if the address has no query, whatever
    its Content-Type says.
    """
    if request.method in ("GET", "HEAD"):
        if request.META.get("QUERY_STRING") or not FIELDS[verb]:
            return Fields.of_query(_parse_query(request), FIELDS[verb])
        return Fields.of_body(request.body, FIELDS[verb])
    if verb in OF_BYTES or (request.method == "DELETE" and not request.body):
        return Fields({}, FIELDS[verb])
    kind = request.META.get("CONTENT_TYPE", "").split(";")[0].strip().lower()
    if kind != "application/json":
        hint = f"The Content-Type is '{kind}'" if kind else "The Content-Type header is missing"
        raise invalid_parameter(f"Bad Request. {hint}; send application/json.")
    return Fields.of_body(request.body, FIELDS[verb])


def _parse_query(request: HttpRequest) -> dict[str, list[str]]:
    """Parse the query without Django's parser, which fails beyond a thousand values before the limit can be
    reported."""
    text = request.META.get("QUERY_STRING", "").encode("latin-1").decode(errors="replace")
    return parse_qs(text, keep_blank_values=True)


def error_response(error: MlflowError) -> HttpResponse:
    body = json.dumps({"error_code": error.code, "message": error.message})
    response = HttpResponse(body, status=error.status, content_type="application/json")
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="mlflow"'
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
