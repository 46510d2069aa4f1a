"""One run on a server: read it, cancel it, and access its files and metrics."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, cast

from lazuli.client import quote_segment
from lazuli.errors import NotFound, UserErrorException
from lazuli.runs.details import select_details
from lazuli.runs.files import RunFiles
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]


class RunClient:
    """The requests for one run. Creating the object sends nothing."""

    def __init__(self, workspace: WorkspaceClient, run_id: str):
        self.workspace = workspace
        self.id = run_id
        self.path = f"{workspace.history_path}/runs/{quote_segment(run_id)}"
        self.files = RunFiles(workspace.client, self.path, run_id, workspace.uploads_path)

    def get(self) -> Json:
        """The run as the server describes it. Raises UserErrorException if the workspace has no such run."""
        try:
            return cast(Json, self.workspace.client.get(self.path))
        except NotFound as error:
            message = f"The workspace has no run {self.id!r}."
            raise UserErrorException(message, inner_exception=error) from error

    def get_full_details(self) -> Json:
        """The run with its definition, log files and events."""
        return cast(Json, self.workspace.client.get(f"{self.path}/details"))

    def get_details(self) -> Json:
        """The details under SDK v1's keys, without those that have no value."""
        return select_details(self.get_full_details())

    def get_portal_url(self) -> str:
        """The address of the run's page in the studio."""
        return str(self.get().get("portalUrl") or f"{self.workspace.client.base_url}/runs/{self.id}")

    def list_metrics(self, name: Optional[str] = None, recursive: bool = False) -> Iterator[Json]:
        """The series of the run, and with `recursive` of its descendants: runId, name, kind, values."""
        params = {"name": name, "recursive": "true" if recursive else None}
        return self.workspace.client.items(f"{self.path}/metrics", params)

    def update(self, **changes: Any) -> Json:
        return self._send("PATCH", "", changes)

    def cancel(self) -> Json:
        return self._send("POST", "/cancel", {})

    def report_event(self, **event: Any) -> Json:
        """Report a status, or an error without one; a status that is not allowed raises Conflict."""
        return self._send("POST", "/events", event)

    def create_token(self) -> Json:
        """`token`, and `expiryTimeUtc` if it expires: a token for this run alone."""
        return self._send("POST", "/token", {})

    def _send(self, method: str, tail: str, body: Json) -> Json:
        answer = self.workspace.client.request(method, self.path + tail, json=body, repeatable=True)
        return cast(Json, answer.json())
