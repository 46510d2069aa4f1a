"""Adds error responses to the description of the API."""

from ninja.openapi.schema import OpenAPISchema

from studio.schemas import ErrorResponse

REFUSAL = {
    "description": "The request was refused; the message says why and what is allowed.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
}


def complete_schema(schema: OpenAPISchema) -> OpenAPISchema:
    named = schema["components"].setdefault("schemas", {})
    described = ErrorResponse.model_json_schema(ref_template="#/components/schemas/{model}")
    named |= described.pop("$defs")
    named["ErrorResponse"] = described
    for methods in schema["paths"].values():
        for operation in methods.values():
            operation["responses"]["default"] = REFUSAL
    return schema
