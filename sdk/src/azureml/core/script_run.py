"""`ScriptRun`: a run that was submitted as a script or command."""

from __future__ import annotations

from typing import Any, Dict, Optional

from azureml import _absent
from azureml.core.run import Run


class ScriptRun(Run):
    RUN_TYPE = "azureml.scriptrun"

    def __init__(
        self, experiment: Any, run_id: str, directory: Optional[str] = None, _run_config: Any = None, **kwargs: Any
    ):
        super().__init__(experiment, run_id, **kwargs)
        self._directory = directory
        self._run_config = _run_config

    def cancel(self) -> None:
        """Ask for the script to be stopped: it receives SIGTERM, and a few seconds later SIGKILL."""
        super().cancel()


def _make_script_run(experiment: Any, run_dto: Dict[str, Any]) -> ScriptRun:
    return ScriptRun(experiment, run_dto["runId"], _run_dto=run_dto)


Run.add_type_provider(ScriptRun.RUN_TYPE, _make_script_run)


__getattr__ = _absent.find_missing(__name__)
