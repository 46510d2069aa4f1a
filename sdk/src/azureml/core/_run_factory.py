"""From what the server says about a run to an object of the right class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict

if TYPE_CHECKING:
    from azureml.core.run import Run

Json = Dict[str, Any]
RunFactory = Callable[..., "Run"]

factories: Dict[str, RunFactory] = {}


def run_of(experiment: Any, dto: Json, rehydrate: bool = True) -> Run:
    """The object for a run of the server: of the class that is registered for its type, else a plain `Run`."""
    from azureml.core.run import Run
    from azureml.core.script_run import ScriptRun

    kind = dto.get("runType")
    if rehydrate and kind in factories:
        return factories[str(kind)](experiment, dto)
    if rehydrate and kind == ScriptRun.RUN_TYPE:
        return ScriptRun(experiment, dto["runId"], _run_dto=dto)
    return Run(experiment, dto["runId"], _run_dto=dto)


def run_in_workspace(workspace: Any, dto: Json) -> Run:
    from azureml.core.experiment import Experiment

    known: Json = {"_skip_name_validation": True, "_create_in_cloud": False, "_id": dto.get("experimentId")}
    return run_of(Experiment(workspace, dto["experimentName"], **known), dto)
