"""From the server's lists of runs to Run objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple, Union

from lazuli.client import quote_segment

if TYPE_CHECKING:
    from azureml.core.experiment import Experiment
    from azureml.core.run import Run
    from azureml.core.workspace import Workspace

Json = Dict[str, Any]
Pairs = Union[None, str, Dict[str, Any], List[Any]]

PAGE = 100


def runs_of_experiment(
    experiment: Experiment, *, type: Optional[str], tags: Pairs, properties: Pairs, include_children: bool
) -> Iterator[Run]:
    """The experiment's runs, newest first; pages are fetched as they are needed."""
    path = f"{experiment.workspace._history}/experiments/{quote_segment(experiment.name)}/runs"
    params = _params(type, tags, properties, include_children)
    for dto in experiment.workspace._client.items(path, params):
        yield run_of(experiment, dto)


def runs_of_workspace(
    workspace: Workspace, *, type: Optional[str] = None, tags: Pairs = None, properties: Pairs = None
) -> Iterator[Tuple[Run, Json]]:
    """Every run of the workspace with what the server said about it, newest first."""
    from azureml.core.experiment import Experiment

    experiments: Dict[str, Experiment] = {}
    params = _params(type, tags, properties, include_children=True)
    for dto in workspace._client.items(workspace._history + "/runs", params):
        name = dto["experimentName"]
        if name not in experiments:
            experiments[name] = Experiment(workspace, name, _skip_name_validation=True, _create_in_cloud=False)
        yield run_of(experiments[name], dto), dto


def run_of(experiment: Experiment, dto: Json) -> Run:
    """The Run, or the ScriptRun, that this is."""
    from azureml.core.run import Run
    from azureml.core.script_run import ScriptRun

    kind = ScriptRun if dto.get("runType") == "azureml.scriptrun" else Run
    return kind(experiment, dto["runId"], _run_dto=dto)


def _params(type: Optional[str], tags: Pairs, properties: Pairs, include_children: bool) -> Json:
    return {
        "type": type,
        "tag": _pairs(tags),
        "property": _pairs(properties),
        "includeChildren": "true" if include_children else None,
        "$top": PAGE,
    }


def _pairs(given: Pairs) -> Optional[List[str]]:
    """A name, a list of names, or names with values, as `k` or `k:v`."""
    if not given:
        return None
    if isinstance(given, str):
        return [given]
    if isinstance(given, dict):
        return [str(key) if value is None else f"{key}:{value}" for key, value in given.items()]
    return [str(key) for key in given]
