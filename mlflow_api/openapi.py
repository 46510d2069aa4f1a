"""The OpenAPI description of the tracking server, built from its tables of routes and fields."""

import functools
import re

from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.views.decorators.http import require_safe
from ninja.errors import AuthenticationError

from mlflow_api.request_fields import BOOLEAN, INTEGER, NUMBER, TEXT, TEXTS
from mlflow_api.route_fields import FIELDS
from mlflow_api.routes import FIXED, OF_BYTES, PATTERNS
from studio.api import Bearer, W, api

BASE = f"/mlflow/v1.0{W}/api/2.0/"
ARTIFACT_PATH = re.findall(r"{(\w+)}", W)
WORD = re.compile(r"\(\?P<(\w+)>(?:[^()\[\]]|\[[^\]]*\])*\)")
KINDS: dict[str, dict] = {
    TEXT: {"type": "string"},
    INTEGER: {"type": "integer", "format": "int64"},
    NUMBER: {"type": "number"},
    BOOLEAN: {"type": "boolean"},
    TEXTS: {"type": "array", "items": {"type": "string"}},
}


@login_not_required
@require_safe
def openapi_json(request):
    """For tools, with a token, and for people who are signed in."""
    if not request.user.is_authenticated and not Bearer()(request):
        return api.on_exception(request, AuthenticationError())
    return JsonResponse(describe_api())


@functools.cache
def describe_api() -> dict:
    paths: dict[str, dict] = {}
    for (method, route), verb in FIXED.items():
        paths.setdefault(BASE + route, {})[method.lower()] = _operation(method, verb, [])
    for method, pattern, verb in PATTERNS:
        route, words = WORD.sub(r"{\1}", pattern), WORD.findall(pattern)
        paths.setdefault(BASE + route, {})[method.lower()] = _operation(method, verb, words)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lazuli Studio: MLflow tracking", "version": "1.0"},
        "paths": paths,
        "components": {"securitySchemes": {"Bearer": {"type": "http", "scheme": "bearer"}}},
        "security": [{"Bearer": []}],
    }


def _operation(method: str, verb, words: list[str]) -> dict:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": KINDS[TEXT]} for name in [*ARTIFACT_PATH, *words]
    ]
    message: dict = {
        "parameters": in_path,
        "responses": {"200": {"description": "OK"}, "400": {"description": "Wrong"}},
    }
    if verb in OF_BYTES:
        any_bytes = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        return message | ({} if method == "DELETE" else {"requestBody": {"content": any_bytes}})
    if method == "GET":
        message["parameters"] = in_path + [
            {"name": name, "in": "query", "schema": _schema(kind)} for name, kind in FIELDS[verb].items()
        ]
    else:
        message["requestBody"] = {"content": {"application/json": {"schema": _schema(FIELDS[verb])}}}
    return message


def _schema(kind) -> dict:
    if isinstance(kind, dict):
        return {"type": "object", "properties": {name: _schema(part) for name, part in kind.items()}}
    return {"type": "array", "items": _schema(kind[0])} if isinstance(kind, list) else KINDS[kind]
