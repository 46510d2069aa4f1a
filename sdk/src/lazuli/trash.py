"""The trash of a workspace: what is in it, back out of it, and freed for ever."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Sequence, cast

from lazuli.errors import ServiceException

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

Json = Dict[str, Any]
OPEN = ("Queued", "Running")
SECONDS_BETWEEN = 1.0


class Trash:
    """`Trash(ws).restore(runs=["digits_1700000000_ab12cd34"])`"""

    def __init__(self, workspace: Workspace):
        self._client = workspace._client
        self._path = workspace._history + "/trash"

    def runs(self) -> Iterator[Json]:
        """Those that went by themselves, the last deleted first."""
        return self._client.items(self._path + "/runs")

    def experiments(self) -> Iterator[Json]:
        return self._client.items(self._path + "/experiments")

    def restore(self, runs: Sequence[str] = (), experiments: Sequence[str] = ()) -> int:
        """By ids and names; each comes with what went to the trash with it."""
        return cast(int, self._post("restore", _chosen(runs, experiments))["restored"])

    def purge(self, runs: Sequence[str] = (), experiments: Sequence[str] = ()) -> Json:
        """Start to free them for ever; the answer says how far that is."""
        return self._post("purge", _chosen(runs, experiments))

    def empty(self) -> Json:
        """Start to free all that is in the trash now."""
        return self._post("purge", {"all": True})

    def purges(self) -> Iterator[Json]:
        """What is being freed and what was, the newest first; of other workspaces too."""
        return self._client.items("/history/v1.0/purges")

    def wait(self, purge: Json, tell: Callable[[Json], Any] = lambda purge: None) -> Json:
        """Until it has come to its end; `tell` is called with it each second meanwhile."""
        while purge["state"] in OPEN:
            tell(purge)
            time.sleep(SECONDS_BETWEEN)
            purge = self._client.get(f"/history/v1.0/purges/{purge['purgeId']}")
        if purge["state"] == "Failed":
            raise ServiceException(purge["error"])
        return purge

    def _post(self, word: str, body: Json) -> Json:
        return cast(Json, self._client.request("POST", f"{self._path}/{word}", json=body).json())


def _chosen(runs: Sequence[str], experiments: Sequence[str]) -> Json:
    return {"runIds": list(runs), "experimentNames": list(experiments)}
