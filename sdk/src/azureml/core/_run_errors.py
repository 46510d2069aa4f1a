"""How a run says what went wrong."""

from __future__ import annotations

from typing import Any, Dict, Optional

from azureml.exceptions import AzureMLException

Json = Dict[str, Any]


def error_body(details: Any, code: Optional[str]) -> Json:
    if isinstance(details, BaseException):
        import traceback

        lines = traceback.format_exception(type(details), details, details.__traceback__)
        return {"code": code or "UserError", "message": _said_by(details), "details": "".join(lines)}
    return {"code": code or "UserError", "message": str(details or "The run was ended with run.fail().")}


def _said_by(error: BaseException) -> str:
    message = error.message if isinstance(error, AzureMLException) else str(error)
    return f"{type(error).__name__}: {message}"
