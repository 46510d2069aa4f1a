"""The page of the API, generated from the OpenAPI description of `/api/openapi.json`."""

import functools
import json

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from ninja.errors import AuthenticationError
from ninja.responses import Response

from studio.api import Bearer, api
from studio.errors import StudioError

METHODS = ["get", "head", "put", "post", "patch", "delete"]


@require_safe
def api_docs(request):
    return render(request, "studio/api_docs.html", {"groups": list_operations(), "server": settings.PUBLIC_URL})


@login_not_required
@require_safe
def openapi_json(request):
    """The description of the API, for clients with a token and for people who are signed in."""
    try:
        if not request.user.is_authenticated and not Bearer()(request):
            return api.on_exception(request, AuthenticationError())
    except StudioError as error:
        return api.on_exception(request, error)
    return HttpResponse(describe_api(), content_type="application/json; charset=utf-8")


@functools.cache
def describe_api() -> bytes:
    """Cached, because it takes a second and routes do not change while the server runs."""
    return Response(api.get_openapi_schema()).content


@functools.cache
def list_operations() -> list[dict]:
    """[{"tag", "operations"}] in the order in which the apps are registered; routes do not change while the server runs."""
    schema = api.get_openapi_schema()
    groups: dict[str, list] = {}
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                tag = (methods[method].get("tags") or ["Other"])[0]
                groups.setdefault(tag, []).append(_operation(schema, path, method, methods[method]))
    return [{"tag": tag, "operations": found} for tag, found in groups.items()]


def _operation(schema: dict, path: str, method: str, described: dict) -> dict:
    body = described.get("requestBody", {}).get("content", {})
    kind: str
    content: dict
    kind, content = next(iter(body.items())) if body else ("", {})
    return {
        "id": described["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": described.get("summary", ""),
        "description": described.get("description", ""),
        "parameters": described.get("parameters", []),
        "body_type": kind,
        "body": json.dumps(_resolved(content["schema"], schema["components"]["schemas"]), indent=2) if content else "",
        "answer": _answer(schema, described),
        "open": not described.get("security"),
        "curl": _curl(path, method, bool(body), not described.get("security")),
    }


def _answer(schema: dict, described: dict) -> str:
    """A successful response as JSON, with the type of each value in place of the value; empty if it is not JSON."""
    answers = [answer for status, answer in described["responses"].items() if str(status).startswith("2")]
    content = next((answer["content"] for answer in answers if "application/json" in answer.get("content", {})), None)
    known = schema["components"]["schemas"]
    return (
        json.dumps(_write_example(content["application/json"]["schema"], known), indent=2, ensure_ascii=False)
        if content
        else ""
    )


def _write_example(part: dict, known: dict):
    if "$ref" in part:
        return _write_example(known[part["$ref"].rpartition("/")[2]], known)
    if "anyOf" in part:
        kinds = [_write_example(kind, known) for kind in part["anyOf"]]
        return next((kind for kind in kinds if isinstance(kind, dict | list)), " or ".join(map(str, kinds)))
    if part.get("type") == "array":
        return [_write_example(part["items"], known)]
    if part.get("type") != "object":
        return part.get("type", "any")
    fields = {name: _write_example(field, known) for name, field in part.get("properties", {}).items()}
    more = part.get("additionalProperties")
    return fields | ({"…": _write_example(more, known) if isinstance(more, dict) else "any"} if more else {})


def _resolved(part, known: dict, within: tuple = ()):
    """The description with every reference replaced by its target; a recursive one stays a name."""
    if isinstance(part, list):
        return [_resolved(item, known, within) for item in part]
    if not isinstance(part, dict):
        return part
    known = {**known, **part.get("$defs", {})}
    name = str(part.get("$ref", "")).rpartition("/")[2]
    if name:
        return name if name in within else _resolved(known[name], known, (*within, name))
    return {key: _resolved(value, known, within) for key, value in part.items() if key not in ("$defs", "title")}


def _curl(path: str, method: str, has_body: bool, is_open: bool) -> str:
    words = ["curl"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    if not is_open:
        words.append('-H "Authorization: Bearer $LAZULI_TOKEN"')
    if has_body:
        words.append("-H 'Content-Type: application/json' -d '{}'")
    return " ".join([*words, f'"{settings.PUBLIC_URL}{path}"'])
