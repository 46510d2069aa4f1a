"""The last touch to the description of the API: each answer's shape by its name, and what a refusal looks like."""

from ninja.openapi.schema import OpenAPISchema

from studio.schemas import ErrorResponse

REFUSAL = {
    "description": "Refused: the status says how, the sentence why and what is allowed.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
}


def complete_schema(schema: OpenAPISchema) -> OpenAPISchema:
    named = schema["components"].setdefault("schemas", {})
    described = ErrorResponse.model_json_schema(ref_template="#/components/schemas/{model}")
    named |= described.pop("$defs")
    named["ErrorResponse"] = described
    for methods in schema["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                _name(answer, named)
            operation["responses"]["default"] = REFUSAL
    return schema


def _name(answer: dict, named: dict) -> None:
    """pydantic writes out in its place what it meets once; tools make a type of what has a name."""
    content = answer.get("content", {}).get("application/json", {})
    shape = content.get("schema", {})
    if shape.get("title") and "properties" in shape:
        named[shape["title"]] = shape
        content["schema"] = {"$ref": f"#/components/schemas/{shape['title']}"}
