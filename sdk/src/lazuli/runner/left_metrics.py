"""Send the metrics that a script has logged and could not send before it ended."""

from __future__ import annotations

import threading
from typing import Any, Dict, Iterator, List

from lazuli import errors
from lazuli.errors import ServiceException
from lazuli.runner.run_api import RunApi, retry_while_unavailable
from lazuli.runs.metrics_queue import batch_length, describe_refusal, is_refusal, may_accept_parts, split_batch
from lazuli.runs.metrics_spool import BadSpool, Unsent, list_spools, read_spool

Metrics = List[Dict[str, Any]]


def send_left_metrics(api: RunApi, folder: str, stopped: threading.Event) -> Iterator[str]:
    """Send all metrics in the files of this folder; yield the problems. Once `stopped` is set nothing is retried."""
    for path in list_spools(folder):
        try:
            unsent = read_spool(path)
        except BadSpool as error:
            yield str(error)
            continue
        if unsent:
            yield from _send_all(api, unsent, stopped)


def _send_all(api: RunApi, unsent: Unsent, stopped: threading.Event) -> Iterator[str]:
    for batch_id, batch in unsent.batches(batch_length):
        try:
            yield from _send_batch(api, unsent.address, batch_id, batch, stopped)
        except (ServiceException, errors.Unreachable) as error:
            yield f"{len(unsent.metrics)} metric(s) that the script had logged could not be sent: {error.message}"
            return


def _send_batch(api: RunApi, address: str, batch_id: str, batch: Metrics, stopped: threading.Event) -> Iterator[str]:
    try:
        retry_while_unavailable(lambda: api.send_metrics(address, batch_id, batch), stopped=stopped)
    except ServiceException as error:
        if not is_refusal(error):
            raise
        if may_accept_parts(batch, error):
            for own_id, metric in split_batch(batch_id, batch):
                yield from _send_batch(api, address, own_id, metric, stopped)
        else:
            yield f"After the script had ended, {describe_refusal(batch, error)}"
