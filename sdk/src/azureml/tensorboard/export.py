"""`export_to_tensorboard`: the metrics of runs as TensorBoard's event files."""

from __future__ import annotations

import logging
import os
from typing import Any, Dict, Iterable, Optional, Union

from azureml.core.run import Run
from azureml.exceptions import UserErrorException
from azureml.tensorboard.tensorboard import require_tensorboard

__all__ = ["export_to_tensorboard"]


def export_to_tensorboard(
    run_data: Union[Run, Iterable[Run]], logdir: str, logger: Optional[logging.Logger] = None, recursive: bool = True
) -> None:
    """Write the numbers that the runs have logged into a folder for each run below `logdir`.

    With `recursive` the runs' descendants too. Tables and images are left out, with a message to `logger`.
    """
    require_tensorboard()
    runs = [run_data] if isinstance(run_data, Run) else list(run_data)
    if not runs:
        raise UserErrorException("export_to_tensorboard needs at least one run.")
    logger = logger or logging.getLogger("azureml.tensorboard")
    for run in runs:
        run.flush()
        series: Dict[str, Dict[str, Any]] = {}
        for found in run._remote.list_metrics(None, recursive):
            if found["kind"] in ("scalar", "list"):
                series.setdefault(found.get("runId") or run.id, {})[found["name"]] = found["values"]
            else:
                logger.info("The metric %s of the run %s is not a number; it is left out.", found["name"], run.id)
        for run_id, metrics in series.items():
            _write_events(os.path.join(logdir, run_id), metrics)


def _write_events(folder: str, metrics: Dict[str, Any]) -> None:
    from tensorboard.compat.proto.event_pb2 import Event  # optional: checked above
    from tensorboard.compat.proto.summary_pb2 import Summary  # optional: checked above
    from tensorboard.summary.writer.event_file_writer import EventFileWriter  # optional: checked above

    writer = EventFileWriter(folder)
    for name, values in metrics.items():
        for step, value in enumerate(values):
            if isinstance(value, (int, float)) or value in ("NaN", "Infinity", "-Infinity"):
                number = float(str(value).replace("Infinity", "inf"))
                summary = Summary(value=[Summary.Value(tag=name, simple_value=number)])
                writer.add_event(Event(step=step, summary=summary))
    writer.close()
