"""Submit a script or command as a job, and start a runner on this machine if the job is local.

A run definition is SDK v1's run configuration as JSON, with the keys that `.runconfig` files have.
"""

from __future__ import annotations

import os
import shlex
import time
import uuid
from typing import Any, Dict, List, Optional, Union

from lazuli.client import quote_segment
from lazuli.errors import ExperimentExecutionException
from lazuli.runs import git_metadata, local_runner, snapshots
from lazuli.runs.definitions import LOCAL
from lazuli.runs.run_client import RunClient
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]


def submit_job(
    workspace: WorkspaceClient,
    experiment_name: str,
    definition: Json,
    source_directory: str,
    *,
    run_id: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
    parent_run_id: Optional[str] = None,
) -> RunClient:
    """Upload the snapshot, store the job and return its run.

    Raises ExperimentExecutionException, before anything is uploaded, if the source or the definition is wrong.
    """
    check_definition(definition, source_directory)
    run_id = run_id or f"{experiment_name}_{int(time.time())}_{uuid.uuid4().hex[:8]}"
    snapshot_id = snapshots.upload_snapshot(workspace, source_directory)
    job = _build_job(experiment_name, definition, snapshot_id)
    job.update(tags=tags or {}, parentRunId=parent_run_id)
    job["properties"].update(git_metadata.read_git_properties(source_directory))
    workspace.client.request("PUT", f"{workspace.path}/jobs/{quote_segment(run_id)}", json={"properties": job})
    run = RunClient(workspace, run_id)
    if definition["target"] == LOCAL:
        local_runner.start_local_run(run, job)
    return run


def check_definition(definition: Json, source_directory: str) -> None:
    if not os.path.isdir(source_directory):
        raise ExperimentExecutionException(f"The source directory {source_directory!r} does not exist.")
    nodes = definition["nodeCount"]
    if nodes is not None and nodes > 1:
        raise ExperimentExecutionException(
            f"node_count is {nodes}: a run over more than one node is not available in this version of Lazuli Studio. "
            "Set it to 1 in the run configuration and in distributed_job_config; one node may run several processes."
        )
    script = definition["script"]
    if definition["command"]:
        return
    if not script:
        raise ExperimentExecutionException("The run has no script and no command.")
    if not os.path.isfile(os.path.join(source_directory, script)):
        raise ExperimentExecutionException(f"{source_directory!r} has no script {script!r}.")


def _build_job(experiment_name: str, definition: Json, snapshot_id: str) -> Json:
    target = definition["target"]
    compute_type = "local" if target == LOCAL else "amlctrain"
    job: Json = {
        "jobType": "Command",
        "experimentName": experiment_name,
        "codeId": snapshot_id,
        "computeId": target,
        "environmentVariables": definition["environmentVariables"],
        "resources": {"instanceCount": definition["nodeCount"]},
        "properties": {"ContentSnapshotId": snapshot_id, "_azureml.ComputeTargetType": compute_type},
        "runDefinition": definition,
        "environmentDefinition": definition["environment"],
    }
    command = build_command(definition)
    if isinstance(command, str):
        job["command"] = command
    else:
        job["commandArgv"] = command
        job["command"] = " ".join(shlex.quote(argument) for argument in command)
    if definition["maxRunDurationSeconds"]:
        job["limits"] = {"timeout": f"PT{int(definition['maxRunDurationSeconds'])}S"}
    return job


def build_command(definition: Json) -> Union[str, List[str]]:
    """The arguments to start without a shell, or a text for a shell; other arguments become texts."""
    command = definition["command"]
    if isinstance(command, str) and command:
        return command
    if command:
        return [str(argument) for argument in command]
    script = str(definition["script"])
    interpreter = "bash" if script.endswith(".sh") else "python"
    return [interpreter, script, *(str(argument) for argument in definition["arguments"] or [])]
