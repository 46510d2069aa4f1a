"""From a `ScriptRunConfig` to a job on the server, and to a runner on this machine if the job is local."""

from __future__ import annotations

import os
import time
import uuid
from typing import Any, Dict, List, Optional

from azureml.core import _git, _snapshot
from azureml.core.runconfig import LOCAL_RUNCONFIG_NAME, RunConfiguration
from azureml.core.script_run import ScriptRun
from azureml.core.script_run_config import ScriptRunConfig, get_run_config_from_script_run
from azureml.exceptions import ExperimentExecutionException
from lazuli.client import quote_segment


def submit(
    experiment: Any,
    config: ScriptRunConfig,
    *,
    run_id: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
    parent_run_id: Optional[str] = None,
) -> ScriptRun:
    _check(config)
    run_config = get_run_config_from_script_run(config)
    workspace = experiment.workspace
    run_id = run_id or f"{experiment.name}_{int(time.time())}_{uuid.uuid4().hex[:8]}"
    snapshot_id = _snapshot.take(workspace, config.source_directory)
    body = _job(experiment, run_config, snapshot_id)
    body.update(tags=tags or {}, parentRunId=parent_run_id)
    body["properties"].update(_git.properties_of(config.source_directory))
    workspace._client.request("PUT", f"{workspace._path}/jobs/{quote_segment(run_id)}", json={"properties": body})
    run = ScriptRun(experiment, run_id, directory=config.source_directory, _run_config=run_config)
    if run_config.target == LOCAL_RUNCONFIG_NAME:
        from azureml.core import _local_runner

        _local_runner.start(run, body)
    return run


def _check(config: ScriptRunConfig) -> None:
    folder = config.source_directory
    if not os.path.isdir(folder):
        raise ExperimentExecutionException(f"The source directory {folder!r} is not there.")
    _check_nodes(config)
    if config.command:
        return
    if not config.script:
        raise ExperimentExecutionException("Give a script or a command to run.")
    if not os.path.isfile(os.path.join(folder, config.script)):
        raise ExperimentExecutionException(f"There is no script {config.script!r} in {folder!r}.")


def _check_nodes(config: ScriptRunConfig) -> None:
    """Known before anything is uploaded."""
    nodes = get_run_config_from_script_run(config).node_count
    if nodes is not None and nodes > 1:
        raise ExperimentExecutionException(
            f"node_count is {nodes}: a run over more than one node is not available in this version of Lazuli Studio. "
            "Set it to 1 in the run configuration and in distributed_job_config; one node may run several processes."
        )


def _job(experiment: Any, run_config: RunConfiguration, snapshot_id: str) -> Dict[str, Any]:
    arguments = argv(run_config)
    job: Dict[str, Any] = {
        "jobType": "Command",
        "experimentName": experiment.name,
        "codeId": snapshot_id,
        "computeId": run_config.target,
        "environmentVariables": run_config.environment_variables,
        "resources": {"instanceCount": run_config.node_count},
        "properties": {"ContentSnapshotId": snapshot_id, "_azureml.ComputeTargetType": _kind(run_config)},
        "runDefinition": run_config._to_dict(),
        "environmentDefinition": run_config.environment._to_dict(),
    }
    if isinstance(arguments, str):
        job["command"] = arguments
    else:
        job["commandArgv"] = arguments
        job["command"] = _shown(arguments)
    if run_config.max_run_duration_seconds:
        job["limits"] = {"timeout": f"PT{int(run_config.max_run_duration_seconds)}S"}
    return job


def argv(run_config: RunConfiguration) -> Any:
    """A list to start without a shell, or a text for one."""
    command = run_config.command
    if isinstance(command, str) and command:
        return command
    if command:
        return [_text(item) for item in command]
    script = str(run_config.script)
    interpreter = ["bash"] if script.endswith(".sh") else ["python"]
    return [*interpreter, script, *[_text(item) for item in run_config.arguments or []]]


def _text(argument: Any) -> str:
    """An argument as the script will see it; a list of numbers is written as one text."""
    return argument if isinstance(argument, str) else str(argument)


def _shown(arguments: List[str]) -> str:
    import shlex

    return " ".join(shlex.quote(argument) for argument in arguments)


def _kind(run_config: RunConfiguration) -> str:
    return "local" if run_config.target == LOCAL_RUNCONFIG_NAME else "amlctrain"
