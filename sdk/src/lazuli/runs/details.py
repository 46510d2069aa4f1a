"""The result of `run.get_details()`."""

from __future__ import annotations

from typing import Any, Dict

Json = Dict[str, Any]

KEYS = (
    "runId",
    "target",
    "status",
    "startTimeUtc",
    "endTimeUtc",
    "services",
    "error",
    "warnings",
    "properties",
    "inputDatasets",
    "outputDatasets",
    "runDefinition",
    "logFiles",
)


def select_details(found: Json) -> Json:
    """The server's details under SDK v1's keys; keys without a value are left out, except `submittedBy`."""
    details = {key: found[key] for key in KEYS if found.get(key) not in (None, "")}
    if details.get("error"):
        details["error"] = nest_error(details["error"])
    else:
        details.pop("error", None)
    return dict(details, submittedBy=found.get("submittedBy"))


def nest_error(error: Json) -> Json:
    """`{"error": {"code", "message"}}`, nested as in Azure."""
    return error if isinstance(error.get("error"), dict) else {"error": error}
