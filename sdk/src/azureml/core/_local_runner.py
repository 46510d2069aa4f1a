"""Runs a local job on this machine: the same runner as on a node, as a process of its own in the background."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Dict

from azureml.core.script_run import ScriptRun


def start(run: ScriptRun, job: Dict[str, Any]) -> "subprocess.Popen[bytes]":
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
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


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
