"""The run that this process belongs to, from the variables that the runner sets."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from typing import Any, Dict, Optional, Tuple, Union

from lazuli.runs.run_error import describe_error

from azureml.core._offline_run import _OfflineRun
from azureml.core._run_inputs import InputDatasets, OutputDatasets
from azureml.core.authentication import AzureMLTokenAuthentication
from azureml.core.run import Run
from azureml.core.workspace import Workspace
from azureml.exceptions import RunEnvironmentException

REQUIRED = (
    "AZUREML_ARM_SUBSCRIPTION",
    "AZUREML_ARM_RESOURCEGROUP",
    "AZUREML_ARM_WORKSPACE_NAME",
    "AZUREML_ARM_PROJECT_NAME",
    "AZUREML_RUN_ID",
    "AZUREML_RUN_TOKEN",
    "AZUREML_SERVICE_ENDPOINT",
)

# Less than the time that the runner leaves between SIGTERM and SIGKILL.
SEND_SECONDS_AFTER_CANCEL = 8.0


class _SubmittedRun(Run):
    """A run as seen by its own script: the runner reports its end, so `complete()` only sends waiting metrics and files."""

    def __init__(self, experiment: Any, run_id: str):
        super().__init__(experiment, run_id)
        self.input_datasets = InputDatasets(experiment.workspace)
        self.output_datasets = OutputDatasets(experiment.workspace)

    def complete(self, _set_status: bool = True) -> None:
        self.flush()

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        self.flush()
        # An event without a status: the error is stored, and the run continues until its process has ended.
        self._remote.report_event(error=describe_error(error_details, error_code))

    def cancel(self) -> None:
        warnings.warn("A script cannot cancel its own run; end it with sys.exit() instead.", stacklevel=2)

    def __enter__(self) -> _SubmittedRun:
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> None:
        self.flush()


_contexts: Dict[Tuple[str, ...], _SubmittedRun] = {}


def find_run_context(allow_offline: bool) -> Union[Run, _OfflineRun]:
    values = tuple(os.environ.get(name, "") for name in REQUIRED)
    if not all(values):
        if allow_offline:
            return _OfflineRun()
        raise RunEnvironmentException()
    return _find_submitted_run(values)


def _find_submitted_run(values: Tuple[str, ...]) -> _SubmittedRun:
    subscription, group, name, experiment_name, run_id, token, server = values
    key = (subscription, group, name, experiment_name, run_id)
    if key not in _contexts:
        auth = AzureMLTokenAuthentication(token, os.environ.get("AZUREML_RUN_TOKEN_EXPIRY"), server)  # type: ignore[arg-type]
        workspace_id = os.environ.get("AZUREML_WORKSPACE_ID")
        given: Dict[str, Any] = {"_disable_service_check": True, "_workspace_id": workspace_id, "_url": server}
        workspace = Workspace(subscription, group, name, auth, **given)
        # Nothing is requested from the server here, so that a script starts quickly.
        experiment = workspace._experiment(experiment_name, _id=os.environ.get("AZUREML_EXPERIMENT_ID"))
        _contexts[key] = _SubmittedRun(experiment, run_id)
        _flush_metrics_on_cancel(_contexts[key])
    return _contexts[key]


def _flush_metrics_on_cancel(run: _SubmittedRun) -> None:
    """A cancel arrives as SIGTERM, which ends Python without its exit handlers; a handler of the script is not replaced."""
    in_main = threading.current_thread() is threading.main_thread()
    if os.name == "nt" or not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def flush_and_end(number: int, frame: Any) -> None:
        queue = run._metrics
        signal.signal(number, signal.SIG_DFL)
        if queue is not None:
            queue.close(SEND_SECONDS_AFTER_CANCEL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, flush_and_end)
