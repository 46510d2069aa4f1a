"""The trash of a workspace: list, restore and permanently delete its items."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Iterator, Sequence, cast

from lazuli.errors import ServiceException
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]
ACTIVE_STATES = ("Queued", "Running")
POLL_SECONDS = 1.0


class Trash:
    """`Trash(workspace).restore(runs=["digits_1700000000_ab12cd34"])`"""

    def __init__(self, workspace: WorkspaceClient):
        self._client = workspace.client
        self._path = workspace.history_path + "/trash"

    def list_runs(self) -> Iterator[Json]:
        """The runs that were deleted by themselves, not with their experiment; the last deleted first."""
        return self._client.items(self._path + "/runs")

    def list_experiments(self) -> Iterator[Json]:
        return self._client.items(self._path + "/experiments")

    def restore(self, runs: Sequence[str] = (), experiments: Sequence[str] = ()) -> int:
        """Restore runs by id and experiments by name, each with what was deleted with it; return their number."""
        return cast(int, self._post_request("restore", _select_items(runs, experiments))["restored"])

    def purge(self, runs: Sequence[str] = (), experiments: Sequence[str] = ()) -> Json:
        """Start to delete them permanently; return the purge, which tells the progress."""
        return self._post_request("purge", _select_items(runs, experiments))

    def empty(self) -> Json:
        """Start to delete everything that is in the trash now; return the purge."""
        return self._post_request("purge", {"all": True})

    def list_purges(self) -> Iterator[Json]:
        """The purges, running and finished, newest first; of other workspaces too."""
        return self._client.items("/history/v1.0/purges")

    def wait_for_purge(self, purge: Json, report: Callable[[Json], Any] = lambda purge: None) -> Json:
        """Wait for the end of the purge; `report` is called with its state once a second.

        Raises ServiceException if the purge fails.
        """
        while purge["state"] in ACTIVE_STATES:
            report(purge)
            time.sleep(POLL_SECONDS)
            purge = self._client.get(f"/history/v1.0/purges/{purge['purgeId']}")
        if purge["state"] == "Failed":
            raise ServiceException(purge["error"])
        return purge

    def _post_request(self, action: str, body: Json) -> Json:
        return cast(Json, self._client.request("POST", f"{self._path}/{action}", json=body).json())


def _select_items(runs: Sequence[str], experiments: Sequence[str]) -> Json:
    return {"runIds": list(runs), "experimentNames": list(experiments)}
