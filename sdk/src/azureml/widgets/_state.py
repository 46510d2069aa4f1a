"""The state of a run that its view shows, from five requests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from lazuli.client import quote_segment

if TYPE_CHECKING:
    from azureml.core.run import Run

# The tail starts at a multiple of this, so that its first line and the scroll position stay while it grows.
BLOCK_BYTES = 16 * 1024
MAX_CHILDREN = 20
ENDED = ("Completed", "Failed", "Canceled")
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
    log_name, log_size = _find_log(client, path)
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
        log=_read_log_tail(client, path, log_name, log_size) if log_name else "",
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


def _find_log(client: Any, path: str) -> Tuple[str, int]:
    """Name and size of the log to show: the script's own output, else the newest of the others; "" if there is none."""
    for folder in LOG_FOLDERS:
        sizes = {item["path"]: item["size"] for item in client.items(path + "/artifacts", {"prefix": folder})}
        texts = sorted(name for name in sizes if name.endswith((".txt", ".log")))
        if texts:
            name = texts[0] if folder == LOG_FOLDERS[0] else texts[-1]
            return str(name), int(sizes[name])
    return "", 0


def _read_log_tail(client: Any, path: str, name: str, size: int) -> str:
    start = max(0, size // BLOCK_BYTES - 1) * BLOCK_BYTES
    response = client.request(
        "GET",
        path + "/artifacts/content",
        params={"path": name},
        headers={"Range": f"bytes={start}-"},
        ok=(200, 206, 416),
    )
    if response.status_code == 416:  # the file is still empty
        return ""
    content = response.content if response.status_code == 206 else response.content[start:]
    text: str = content.decode("utf-8", "replace")
    # What is left of the line that the block begins in.
    return text.split("\n", 1)[-1] if start else text


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
