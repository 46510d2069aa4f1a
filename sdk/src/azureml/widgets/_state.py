"""The state of a run that its view shows, from five requests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional

from lazuli.client import quote_segment

if TYPE_CHECKING:
    from azureml.core.run import Run

TAIL_BYTES = 8192
TAIL_LINES = 40
MAX_CHILDREN = 20
LOG_FOLDERS = ("user_logs/", "azureml-logs/", "logs/")


class Series(NamedTuple):
    name: str
    values: List[float]


class Child(NamedTuple):
    run_id: str
    display_name: str
    status: str
    portal_url: Optional[str]
    created: Optional[str]
    started: Optional[str]
    ended: Optional[str]


class State(NamedTuple):
    run_id: str
    display_name: str
    status: str
    portal_url: Optional[str]
    created: Optional[str]
    started: Optional[str]
    ended: Optional[str]
    duration: Optional[float]
    target: Optional[str]
    error: str
    tags: Dict[str, str]
    properties: Dict[str, str]
    series: List[Series]
    log_name: str
    log: str
    children: List[Child]
    more_children: bool


def fetch_state(run: Run) -> State:
    client = run.experiment.workspace._client
    path = f"{run.experiment.workspace._history}/runs/{quote_segment(run.id)}"
    dto = client.get(path)
    metrics = client.get(path + "/metrics")
    log_name = _find_log_name(client, path)
    children = client.get(path + "/children", **{"$top": MAX_CHILDREN})
    return State(
        run_id=dto["runId"],
        display_name=dto.get("displayName") or dto["runId"],
        status=dto["status"],
        portal_url=dto.get("portalUrl"),
        created=dto.get("createdUtc"),
        started=dto.get("startTimeUtc"),
        ended=dto.get("endTimeUtc"),
        duration=dto.get("duration"),
        target=dto.get("target"),
        error=_error_text(dto.get("error")),
        tags=dto.get("tags") or {},
        properties=dto.get("properties") or {},
        series=[
            Series(m["name"], _finite_numbers(m["values"])) for m in metrics["value"] if m["kind"] in ("scalar", "list")
        ],
        log_name=log_name,
        log=_read_log_tail(client, path, log_name) if log_name else "",
        children=[_to_child(dto) for dto in children["value"]],
        more_children=bool(children.get("nextLink")),
    )


def _to_child(dto: Dict[str, Any]) -> Child:
    return Child(
        run_id=dto["runId"],
        display_name=dto.get("displayName") or dto["runId"],
        status=dto["status"],
        portal_url=dto.get("portalUrl"),
        created=dto.get("createdUtc"),
        started=dto.get("startTimeUtc"),
        ended=dto.get("endTimeUtc"),
    )


def _find_log_name(client: Any, path: str) -> str:
    """The log to show: the script's own output, else the newest of the others; "" if there is none."""
    for folder in LOG_FOLDERS:
        names = sorted(item["path"] for item in client.items(path + "/artifacts", {"prefix": folder}))
        texts = [name for name in names if name.endswith((".txt", ".log"))]
        if texts:
            return str(texts[0] if folder == LOG_FOLDERS[0] else texts[-1])
    return ""


def _read_log_tail(client: Any, path: str, name: str) -> str:
    response = client.request(
        "GET",
        path + "/artifacts/content",
        params={"path": name},
        headers={"Range": f"bytes=-{TAIL_BYTES}"},
        ok=(200, 206, 416),
    )
    if response.status_code == 416:  # the file is still empty
        return ""
    text = response.content[-TAIL_BYTES:].decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def _finite_numbers(values: List[Any]) -> List[float]:
    """The finite numbers among the values, which can be drawn."""
    found = []
    for value in values:
        if isinstance(value, (int, float)) and math.isfinite(value):
            found.append(float(value))
    return found


def _error_text(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error or "")
    if isinstance(error.get("error"), dict):
        error = error["error"]
    return str(error.get("message") or "")
