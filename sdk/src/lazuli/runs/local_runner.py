"""Run a local job on this machine, with the same runner as on a node, in a background process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import IO, Any, Dict, Sequence

from lazuli.runs import job_data
from lazuli.runs.run_client import RunClient
from lazuli.workspaces import WorkspaceClient


def start_local_run(run: RunClient, job: Dict[str, Any], warnings: Sequence[str] = ()) -> None:
    """Start the runner, which has its own token and keeps running after the notebook's cell has ended."""
    token = _get_token(run)
    descriptor, path = tempfile.mkstemp(prefix="lazuli-run-", suffix=".json")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(dict(build_spec(run.workspace, run.id, job), warnings=list(warnings)), file)
    # The runner reads the file and removes it.
    command = [sys.executable, "-m", "lazuli.runner", path, "--remove-spec"]
    environment = dict(os.environ, AZUREML_RUN_TOKEN=token["token"])
    for name in ("LAZULI_TOKEN", "LAZULI_LIFELINE_FD"):
        environment.pop(name, None)
    if token.get("expiryTimeUtc"):
        environment["AZUREML_RUN_TOKEN_EXPIRY"] = str(token["expiryTimeUtc"])
    output = tempfile.TemporaryFile()  # noqa: SIM115 (the thread below closes it)
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
    threading.Thread(
        target=_report_end, args=(process, output, run.id), name=f"runner of {run.id}", daemon=True
    ).start()


def _get_token(run: RunClient) -> Dict[str, Any]:
    """A new token for this run alone; a script that submits a child run passes on its own, which is valid for the child."""
    own = run.workspace.client.token()
    if own and own.startswith("run."):
        return {"token": own, "expiryTimeUtc": os.environ.get("AZUREML_RUN_TOKEN_EXPIRY")}
    return run.create_token()


def _report_end(process: "subprocess.Popen[bytes]", output: IO[bytes], run_id: str) -> None:
    """Wait for the runner's end, so that no zombie process remains, and print the error that it could not report itself."""
    status = process.wait()
    with output:
        output.seek(0)
        lines = output.read().decode(errors="replace").splitlines()
    if status:
        reason = lines[-1] if lines else "it printed nothing"
        print(f"The runner of {run_id} ended with exit code {status}: {reason}", file=sys.stderr)


def build_spec(workspace: WorkspaceClient, run_id: str, job: Dict[str, Any]) -> Dict[str, Any]:
    """The content of the runner's spec file, as `lazuli.runner.spec.Spec` reads it."""
    definition = job["runDefinition"]
    return {
        "run_id": run_id,
        "experiment": job["experimentName"],
        "workspace": {
            "subscription_id": workspace.subscription_id,
            "resource_group": workspace.resource_group,
            "workspace_name": workspace.name,
            "workspace_id": workspace.workspace_id,
        },
        "server_url": workspace.client.base_url,
        "snapshot_id": job["codeId"],
        "command": None if "commandArgv" in job else job["command"],
        "argv": job.get("commandArgv"),
        "environment": job["environmentDefinition"],
        "environment_variables": job["environmentVariables"],
        "timeout_seconds": definition.get("maxRunDurationSeconds"),
        "directories_to_watch": definition["history"]["directoriesToWatch"],
        "inputs": job_data.read_inputs(definition),
        "outputs": job_data.read_outputs(definition),
        "node": None,
        "index_url": workspace.client.base_url + "/pypi/simple/",
    }
