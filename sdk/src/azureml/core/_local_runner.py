"""Runs a local job on this machine: the same runner as on a node, as a process of its own in the background."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import IO, Any, Dict

from azureml.core.script_run import ScriptRun


def start(run: ScriptRun, job: Dict[str, Any]) -> None:
    """The runner gets a token that is good for this run alone, and outlives the notebook's cell."""
    workspace = run.experiment.workspace
    token = workspace._client.request("POST", f"{run._address}/token", json={}, repeatable=True).json()
    descriptor, path = tempfile.mkstemp(prefix="lazuli-run-", suffix=".json")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(spec_of(run, job), file)
    # The runner reads the file and removes it.
    command = [sys.executable, "-m", "lazuli.runner", path, "--remove-spec"]
    environment = dict(os.environ, AZUREML_RUN_TOKEN=token["token"])
    for name in ("LAZULI_TOKEN", "LAZULI_LIFELINE_FD"):
        environment.pop(name, None)
    if token.get("expiryTimeUtc"):
        environment["AZUREML_RUN_TOKEN_EXPIRY"] = str(token["expiryTimeUtc"])
    output = tempfile.TemporaryFile()  # noqa: SIM115 (the waiting thread closes it)
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
    threading.Thread(target=_wait, args=(process, output, run.id), name=f"runner of {run.id}", daemon=True).start()


def _wait(process: "subprocess.Popen[bytes]", output: IO[bytes], run_id: str) -> None:
    """Take note of the runner's end, so that no zombie stays, and of what it could not tell the server."""
    status = process.wait()
    with output:
        output.seek(0)
        lines = output.read().decode(errors="replace").splitlines()
    if status:
        said = lines[-1] if lines else "it said nothing"
        print(f"The runner of {run_id} ended with exit code {status}: {said}", file=sys.stderr)


def spec_of(run: ScriptRun, job: Dict[str, Any]) -> Dict[str, Any]:
    workspace = run.experiment.workspace
    return {
        "run_id": run.id,
        "experiment": run.experiment.name,
        "workspace": {
            "subscription_id": workspace.subscription_id,
            "resource_group": workspace.resource_group,
            "workspace_name": workspace.name,
            "workspace_id": workspace._workspace_id,
        },
        "server_url": workspace._client.base_url,
        "snapshot_id": job["codeId"],
        "command": None if "commandArgv" in job else job["command"],
        "argv": job.get("commandArgv"),
        "environment": job["environmentDefinition"],
        "environment_variables": job["environmentVariables"],
        "timeout_seconds": (job["runDefinition"] or {}).get("maxRunDurationSeconds"),
        "directories_to_watch": job["runDefinition"]["history"]["directoriesToWatch"],
        "node": None,
        "index_url": workspace._client.base_url + "/pypi/simple/",
    }
