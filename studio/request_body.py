"""Request bodies, and other JSON that people send: valid JSON with text that the databases can store."""

import datetime as dt
import json
import re
from typing import Annotated, Any, TypeVar

import pydantic
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from studio import numbers
from studio.errors import Invalid, Unsupported
from studio.formats import UNSTORABLE

MAX_DEPTH = 32
# Only a body with this in it can contain a NUL or an unpaired surrogate.
SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# Also such as `application/merge-patch+json`.
JSON = re.compile(r"application/(?:[\w.-]+\+)?json", re.I)
KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


def check_kind(request: HttpRequest) -> None:
    """Refuse all but JSON, because forms of other sites can send text, and compressed bodies of unknown size."""
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() not in ("identity", ""):
        raise Unsupported("The body is compressed (Content-Encoding). Send it as it is.", code="encoding_not_supported")
    if not JSON.fullmatch(request.content_type or "") and request.body:
        raise Unsupported("The body must be JSON. Send it with the header Content-Type: application/json.")


def parse_json(request: HttpRequest) -> dict:
    """The object as it was sent; its texts may contain characters that cannot be stored."""
    check_kind(request)
    try:
        # Decoded here, because the parser would accept other encodings.
        text = request.body.decode("utf-8-sig") or "{}"
    except UnicodeDecodeError as error:
        raise Invalid("The body is not UTF-8.", code="json_invalid") from error
    return load_object(text, "body")


def load_object(text: str, what: str, target: str = "") -> dict:
    """The object in a JSON text; Invalid says what is wrong: no JSON, too deep, or a value of another kind."""
    value = load_json(text, what, target)
    if not isinstance(value, dict):
        raise Invalid(
            f"The {what} must be a JSON object, not {KINDS[type(value)]}.", code="type_mismatch", target=target
        )
    return value


def load_json(text: str, what: str, target: str = "") -> Any:
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError as error:
        raise _too_deep(what, target) from error
    except ValueError as error:
        raise Invalid(f"The {what} is not JSON: {error}", code="json_invalid", target=target) from error
    check_depth(value, what, target)
    return value


def read_body(request: HttpRequest) -> dict:
    """The object; refused if it contains a text that cannot be stored."""
    value = parse_json(request)
    if SUSPECT.search(request.body):
        check_storable(value, "")
    return value


def read_lenient_body(request: HttpRequest) -> dict:
    """The object, with a replacement for each character that cannot be stored."""
    value = parse_json(request)
    return _mended(value) if SUSPECT.search(request.body) else value


def _mended(value):
    if isinstance(value, dict):
        return {_mended(name): _mended(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_mended(part) for part in value]
    return UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value


def check_depth(value, what: str = "body", target: str = "") -> None:
    """Breadth first, because a batch of metrics is wide and not deep."""
    layer: list[dict | list] = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        within = [part for node in layer for part in (node.values() if type(node) is dict else node)]
        layer = [part for part in within if type(part) is dict or type(part) is list]
        if not layer:
            return
    raise _too_deep(what, target)


def _too_deep(what: str, target: str) -> Invalid:
    return Invalid(f"The {what} is nested more than {MAX_DEPTH} levels deep.", code="too_deep", target=target)


def check_storable(value, path: str) -> None:
    """Texts and names at any depth; `path` leads to the value."""
    if isinstance(value, dict):
        for name, part in value.items():
            where = f"{path}/{name}" if path else name
            _check_text(name, path, "A name")
            check_storable(part, where)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            check_storable(part, f"{path}/{number}")
    elif isinstance(value, str):
        _check_text(value, path, "The text")


def _check_text(text: str, path: str, what: str) -> None:
    found = UNSTORABLE.search(text)
    if found:
        kind = "a NUL character" if found[0] == "\0" else "half of a character"
        raise Invalid(f"{path or 'body'}: {what} contains {kind}.", target=path, code="invalid_character")


def _no_constant(word: str):
    raise ValueError(f'Send the text "{word}" instead of the bare word {word}.')


def _finite(text: str) -> float:
    value = numbers.float_or_none(text)
    if value is None:
        raise ValueError(f"the number {text[:40]} is longer or larger than any that can be stored.")
    return value


class Body(pydantic.BaseModel):
    """The body of a route. Types are strict: neither a text nor a bool is accepted as a number."""

    model_config = pydantic.ConfigDict(strict=True)


BodyType = TypeVar("BodyType", bound=pydantic.BaseModel)


def validate_body(kind: type[BodyType], fields: dict) -> BodyType:
    """An object that was not sent as the body of a route, or Invalid with every wrong field."""
    try:
        return kind.model_validate(fields, strict=True)
    except pydantic.ValidationError as error:
        details = [
            {"code": "Invalid", "target": "/".join(map(str, problem["loc"])), "message": problem["msg"]}
            for problem in error.errors(include_url=False, include_input=False)
        ]
        first = details[0]
        raise Invalid(f"{first['target']}: {first['message']}", target=first["target"], details=details) from error


class LooseBody(Body):
    """Keeps fields that it does not know, for settings that are only stored and returned."""

    model_config = pydantic.ConfigDict(extra="allow")


def _without_point(value):
    return int(value) if isinstance(value, float) and value.is_integer() else value


# JSON has one type of number: 1.0 is whole.
Whole = Annotated[int, pydantic.BeforeValidator(_without_point)]


def _parse_time(value):
    try:
        found = parse_datetime(value)
        return found.astimezone(dt.UTC) if found and found.tzinfo else found or value
    except (TypeError, ValueError, OverflowError):
        return value


# A text of ISO 8601 with its offset from UTC.
Moment = Annotated[pydantic.AwareDatetime, pydantic.BeforeValidator(_parse_time)]
