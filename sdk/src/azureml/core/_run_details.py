"""What `run.get_details()` shows."""

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


def shown(found: Json) -> Json:
    """The server's details in SDK v1's keys; those without a value are left out, but for `submittedBy`."""
    details = {key: found[key] for key in KEYS if found.get(key) not in (None, "")}
    if details.get("error"):
        details["error"] = wrapped_error(details["error"])
    else:
        details.pop("error", None)
    return dict(details, submittedBy=found.get("submittedBy"))


def wrapped_error(error: Json) -> Json:
    """`{"error": {"code", "message"}}`, as Azure nests it."""
    return error if isinstance(error.get("error"), dict) else {"error": error}
