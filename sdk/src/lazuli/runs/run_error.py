"""The error with which a run reports that it failed."""

from __future__ import annotations

import traceback
from typing import Any, Dict, Optional

from lazuli.errors import AzureMLException
from lazuli.masking import masker_of_process

Json = Dict[str, Any]


def describe_error(details: Any, code: Optional[str]) -> Json:
    """`code`, `message` and for an exception its traceback in `details`, from a text or an exception.

    Secrets that this process knows are masked.
    """
    described: Json = masker_of_process().mask_json(_describe(details, code))
    return described


def _describe(details: Any, code: Optional[str]) -> Json:
    if isinstance(details, BaseException):
        lines = traceback.format_exception(type(details), details, details.__traceback__)
        return {"code": code or "UserError", "message": _message_of(details), "details": "".join(lines)}
    return {"code": code or "UserError", "message": str(details or "The run was ended with run.fail().")}


def _message_of(error: BaseException) -> str:
    message = error.message if isinstance(error, AzureMLException) else str(error)
    return f"{type(error).__name__}: {message}"
