"""Send the metrics of a run to the server."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from lazuli.runs.metrics_queue import MetricsQueue
from lazuli.runs.metrics_spool import Spool, open_spool
from lazuli.runs.run_client import RunClient

from azureml.core.authentication import AbstractAuthentication, AzureMLTokenAuthentication


def make_metrics_queue(run: RunClient, auth: AbstractAuthentication) -> MetricsQueue:
    """A queue for the metrics of one run; in a job also in a file, from which the runner sends what the script could not."""

    def send(batch_id: str, metrics: List[Dict[str, Any]]) -> None:
        body = {"batchId": batch_id, "metrics": metrics}
        run.workspace.client.request("POST", f"{run.path}/metrics", json=body, repeatable=True, attempts=3)

    def open_file() -> Optional[Spool]:
        # The runner sends with the token of its run, so the file is for that token's clients alone.
        return open_spool(run.path) if isinstance(auth, AzureMLTokenAuthentication) else None

    return MetricsQueue(send, f"Run {run.id}", open_file)
