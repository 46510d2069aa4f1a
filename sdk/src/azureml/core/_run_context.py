"""The run that this process belongs to, from the variables that the runner sets."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any, Dict, Optional, Tuple, Union

from azureml.core._offline_run import OfflineRun
from azureml.core._run_errors import error_body
from azureml.core._run_inputs import InputDatasets, OutputDatasets
from azureml.core.run import Run
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

# Less than the grace that the runner gives between SIGTERM and SIGKILL.
LAST_WORDS_SECONDS = 8.0


class SubmittedRun(Run):
    """A run seen from its own script. The runner reports how it ends, so that `complete()` only sends what is left."""

    def __init__(self, experiment: Any, run_id: str):
        super().__init__(experiment, run_id)
        self.input_datasets = InputDatasets(experiment.workspace)
        self.output_datasets = OutputDatasets(experiment.workspace)

    def complete(self, _set_status: bool = True) -> None:
        self.flush()

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        self.flush()
        # An event without a status: what went wrong is kept, and the run goes on until its process has ended.
        body = {"error": error_body(error_details, error_code)}
        self._client.request("POST", f"{self._address}/events", json=body)

    def cancel(self) -> None:
        import warnings

        warnings.warn("A script cannot cancel its own run; end it with sys.exit() instead.", stacklevel=2)

    def __enter__(self) -> SubmittedRun:
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> None:
        self.flush()


_contexts: Dict[Tuple[str, ...], SubmittedRun] = {}


def find(allow_offline: bool) -> Union[Run, OfflineRun]:
    values = tuple(os.environ.get(name, "") for name in REQUIRED)
    if not all(values):
        if allow_offline:
            return OfflineRun()
        raise RunEnvironmentException()
    return _submitted(values)


def _submitted(values: Tuple[str, ...]) -> SubmittedRun:
    from azureml.core.authentication import AzureMLTokenAuthentication
    from azureml.core.experiment import Experiment
    from azureml.core.workspace import Workspace

    subscription, group, name, experiment, run_id, token, server = values
    key = (subscription, group, name, experiment, run_id)
    if key not in _contexts:
        auth = AzureMLTokenAuthentication(token, os.environ.get("AZUREML_RUN_TOKEN_EXPIRY"), server)  # type: ignore[arg-type]
        workspace_id = os.environ.get("AZUREML_WORKSPACE_ID")
        given: Dict[str, Any] = {"_disable_service_check": True, "_workspace_id": workspace_id, "_url": server}
        workspace = Workspace(subscription, group, name, auth, **given)
        # Nothing is asked of the server here, so that a script starts at once.
        known = {"_skip_name_validation": True, "_create_in_cloud": False}
        found = Experiment(workspace, experiment, _id=os.environ.get("AZUREML_EXPERIMENT_ID"), **known)  # type: ignore[arg-type]
        _contexts[key] = SubmittedRun(found, run_id)
        _send_what_is_left_when_canceled(_contexts[key])
    return _contexts[key]


def _send_what_is_left_when_canceled(run: SubmittedRun) -> None:
    """A cancel comes as SIGTERM, which ends Python without its exit handlers; a script's own handler is left alone."""
    in_main = threading.current_thread() is threading.main_thread()
    if os.name == "nt" or not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def last_words(number: int, frame: Any) -> None:
        queue = run._metrics
        signal.signal(number, signal.SIG_DFL)
        if queue is not None:
            queue.close(LAST_WORDS_SECONDS)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, last_words)
