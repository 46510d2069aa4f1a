"""The description of a service at /swagger.json."""

from __future__ import annotations

from typing import Any, Dict

from lazuli.scoring.entry_script import EntryScript

Json = Dict[str, Any]
ANYTHING: Json = {"type": "object"}


def describe_service(name: str, script: EntryScript, version: str = "2") -> Json:
    """Swagger 2, or OpenAPI for the versions 3 and 3.1."""
    takes, returns = script.input_schema or ANYTHING, script.output_schema or ANYTHING
    info = {"title": name, "description": f"The service {name}", "version": "1.0"}
    failed = {"description": "run() has failed."}
    if version.startswith("3"):
        content = {"application/json": {"schema": takes}}
        answer: Json = {"description": "The result of run().", "content": {"application/json": {"schema": returns}}}
        post: Json = {"requestBody": {"required": True, "content": content}}
        head: Json = {"openapi": "3.1.0" if version == "3.1" else "3.0.3"}
    else:
        answer = {"description": "The result of run().", "schema": returns}
        post = {"parameters": [{"name": "serviceInputPayload", "in": "body", "required": True, "schema": takes}]}
        head = {"swagger": "2.0", "schemes": ["http", "https"], "consumes": ["application/json"]}
    post.update(operationId="RunMLService", responses={"200": answer, "500": failed})
    health = {"operationId": "ServiceHealthCheck", "responses": {"200": {"description": "It lives."}}}
    return {**head, "info": info, "paths": {"/": {"get": health}, "/score": {"post": post}}}
