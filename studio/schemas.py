"""Base classes of all resources, for responses and request bodies.

A resource has one class, in the `resources.py` of its app: `of(row)` creates the response from a row, and `response=` of the route names the
class, so that the description of the API always matches the responses. The fields of a request are in a `Body` class
next to it.
"""

import functools
import operator
from typing import Any, Self

import pydantic

from studio.formats import utc_time


class Shape(pydantic.BaseModel):
    """Fields without a default are always present."""


class Open(Shape):
    """A shape with additional fields, which are returned as the client sent them."""

    model_config = pydantic.ConfigDict(extra="allow")


class Page(Shape):
    """A list, or a page of it."""

    value: list[Any]
    nextLink: str = pydantic.Field(
        default="", description="The address of the next page; absent on the last one.", exclude_if=operator.not_
    )


@functools.cache
def list_of(resource: type[pydantic.BaseModel]) -> type[Page]:
    """The class of a list: for `Run` it is RunList. `studio.api.paginate` fills it."""
    return pydantic.create_model(f"{resource.__name__}List", __base__=Page, value=(list[resource], ...))  # type: ignore[valid-type]


class Nothing(Shape):
    """An empty object: success without content."""


class ErrorDetail(Shape):
    code: str
    message: str = pydantic.Field(description="What was wrong, and what is allowed.")
    target: str = pydantic.Field("", description="The field or parameter that it is about.")


class ErrorInformation(Shape):
    code: str
    message: str
    target: str
    details: list[dict[str, Any]]
    requestId: str = pydantic.Field("", description="As in the header X-Request-Id.")


class ErrorResponse(Shape):
    error: ErrorInformation


class SystemData(Shape):
    createdBy: str | None
    createdAt: str | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The data of a row with `created_by` and `created_at`."""
        return cls(createdBy=row.created_by.label if row.created_by else None, createdAt=utc_time(row.created_at))


def described_body(body: type[pydantic.BaseModel]) -> dict:
    """For `openapi_extra`: a body that the route reads itself."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _inlined(body)}}}}


def _inlined(body: type[pydantic.BaseModel]) -> dict:
    """The schema without references, which would have no target inside the description of a route."""
    schema = body.model_json_schema()
    parts = schema.pop("$defs", {})

    def resolve(node):
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolve(parts[node["$ref"].rpartition("/")[2]])
        return {key: resolve(value) for key, value in node.items()}

    return resolve(schema)


# For `openapi_extra`: a request with the bytes of a file.
BYTES = {"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


def bytes_response(kind: str, *statuses: int) -> dict:
    """For `openapi_extra`: a response that is not JSON."""
    answer = {"description": "OK", "content": {kind: {"schema": {"type": "string", "format": "binary"}}}}
    return {"responses": dict.fromkeys(statuses, answer)}
