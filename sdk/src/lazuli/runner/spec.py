"""The spec file: what the runner runs, written by a node or a local submission."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, Dict, List, Mapping, Optional

from lazuli.client import quote_segment

# Variables of the runner itself, which a script does not get.
PRIVATE = (
    "LAZULI_TOKEN", "LAZULI_LIFELINE_FD", "LAZULI_WORK_DIR", "LAZULI_ENV_CACHE", "LAZULI_RUNNER_RECORD",
    "LAZULI_HIDDEN_PATHS", "NODE_WRITABLE", "NODE_ISOLATION", "LAZULI_WORK_GPUS", "LAZULI_WARM_DIR",
    "NODE_DISK_GB", "LAZULI_CONTAINER_ENGINE",
)  # fmt: skip


# At its end, a job waits longer for an unreachable server than a local script.
EXIT_PATIENCE_SECONDS = "3600"


class BadSpec(Exception):
    """The spec file is missing, broken or incomplete."""


@dataclasses.dataclass
class Spec:
    run_id: str
    experiment: str
    workspace: Dict[str, str]
    server_url: str
    token: str
    snapshot_id: Optional[str] = None
    command: Optional[str] = None
    argv: Optional[List[str]] = None
    environment: Dict[str, Any] = dataclasses.field(default_factory=dict)
    environment_variables: Dict[str, str] = dataclasses.field(default_factory=dict)
    timeout_seconds: Optional[float] = None
    node: Optional[str] = None
    index_url: Optional[str] = None
    experiment_id: Optional[str] = None
    mlflow_tracking_uri: Optional[str] = None
    directories_to_watch: List[str] = dataclasses.field(default_factory=lambda: ["logs"])
    grace_seconds: float = 10.0
    # The memory of its part of the node, which it must not exceed; None outside a node.
    memory_gb: Optional[float] = None
    # As lazuli.runs.job_data reads them from a run definition.
    inputs: List[Dict[str, Any]] = dataclasses.field(default_factory=list)
    outputs: List[Dict[str, Any]] = dataclasses.field(default_factory=list)
    # For a job of several nodes: the number of this one, how many there are, and which processes they run.
    rank: int = 0
    node_count: int = 1
    distribution: Dict[str, Any] = dataclasses.field(default_factory=dict)
    # How the container of a job runs whose environment asks for an image: `use_docker`, `shm_size`, and `is_warned` if the
    # submitter was told that there is none. Empty for a job without an image.
    container: Dict[str, Any] = dataclasses.field(default_factory=dict)
    # Settings of the job without effect.
    warnings: List[str] = dataclasses.field(default_factory=list)

    @classmethod
    def read_file(cls, path: str, environ: Mapping[str, str]) -> Spec:
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
        except (OSError, ValueError) as error:
            raise BadSpec(f"The spec {path} cannot be read: {error}") from error
        if not environ.get("AZUREML_RUN_TOKEN"):
            raise BadSpec("AZUREML_RUN_TOKEN is not set: the runner needs the run's token.")
        return cls.from_dict(content, environ["AZUREML_RUN_TOKEN"])

    @classmethod
    def from_dict(cls, content: Any, token: str) -> Spec:
        if not isinstance(content, dict):
            raise BadSpec("The spec is not a JSON object.")
        missing = [name for name in ("run_id", "experiment", "workspace", "server_url") if not content.get(name)]
        if missing:
            raise BadSpec(f"The spec lacks {', '.join(missing)}.")
        if not content.get("command") and not content.get("argv"):
            raise BadSpec("The spec needs command or argv.")
        known = {field.name for field in dataclasses.fields(cls)}
        given = {key: value for key, value in content.items() if key in known and value is not None}
        return cls(**dict(given, token=token))

    @property
    def workspace_path(self) -> str:
        workspace = self.workspace
        return (
            f"/subscriptions/{quote_segment(workspace['subscription_id'])}"
            f"/resourceGroups/{quote_segment(workspace['resource_group'])}"
            "/providers/Microsoft.MachineLearningServices"
            f"/workspaces/{quote_segment(workspace['workspace_name'])}"
        )

    @property
    def run_address(self) -> str:
        return f"/history/v1.0{self.workspace_path}/runs/{quote_segment(self.run_id)}"

    @property
    def snapshot_address(self) -> str:
        return f"/content/v1.0{self.workspace_path}/snapshots/{self.snapshot_id}/zip"

    @property
    def uploads_address(self) -> str:
        return f"{self.workspace_path}/uploads"

    def environment_for_script(self, folder: str) -> Dict[str, str]:
        """The environment variables of the script: Azure's, MLflow's and the user's own."""
        workspace = self.workspace
        found = {
            "AZUREML_ARM_SUBSCRIPTION": workspace["subscription_id"],
            "AZUREML_ARM_RESOURCEGROUP": workspace["resource_group"],
            "AZUREML_ARM_WORKSPACE_NAME": workspace["workspace_name"],
            "AZUREML_ARM_PROJECT_NAME": self.experiment,
            "AZUREML_RUN_ID": self.run_id,
            "AZUREML_RUN_TOKEN": self.token,
            "AZUREML_SERVICE_ENDPOINT": self.server_url,
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{self.server_url}/discovery",
            "AZUREML_EXPERIMENT_ID": self.experiment_id or "",
            "AZUREML_EXPERIMENT_SCOPE": f"{self.workspace_path}/experiments/{self.experiment}",
            "AZUREML_WORKSPACE_ID": workspace.get("workspace_id") or "",
            "AZUREML_OUTPUT_DIRECTORY": "./outputs",
            "AZUREML_SCRIPT_DIRECTORY_NAME": folder,
            "MLFLOW_TRACKING_URI": self._tracking_uri(),
            "MLFLOW_TRACKING_TOKEN": self.token,
            "MLFLOW_RUN_ID": self.run_id,
            "MLFLOW_EXPERIMENT_ID": self.experiment_id or "",
            "MLFLOW_EXPERIMENT_NAME": self.experiment,
            "LAZULI_URL": self.server_url,
            "LAZULI_EXIT_PATIENCE_SECONDS": os.environ.get("LAZULI_EXIT_PATIENCE_SECONDS", EXIT_PATIENCE_SECONDS),
            "PYTHONUNBUFFERED": "1",
            # The log is UTF-8, whatever the locale of the node.
            "PYTHONIOENCODING": "utf-8",
        }
        return {**{key: value for key, value in found.items() if value}, **self.user_variables()}

    def user_variables(self) -> Dict[str, str]:
        """The variables that the user set, in the environment and in the run configuration."""
        own = {**(self.environment.get("environmentVariables") or {}), **self.environment_variables}
        return {name: str(value) for name, value in own.items()}

    def _tracking_uri(self) -> str:
        return self.mlflow_tracking_uri or f"{self.server_url}/mlflow/v1.0{self.workspace_path}"
