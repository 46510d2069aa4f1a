"""`mlflow.projects.run(…, backend="azureml")`: an MLproject as a run of a workspace, here or on a cluster.

The backend's settings are Azure's: `COMPUTE` is a compute target, or `local` (as if left out); `USE_CONDA: False` uses the
interpreter as it is, else the project's environment is built.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, List, Optional, Tuple

import mlflow
import yaml
from mlflow.entities import RunStatus
from mlflow.projects import SubmittedRun
from mlflow.projects.backend.abstract_backend import AbstractBackend
from mlflow.projects.utils import fetch_and_validate_project, load_project

from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import Environment
from azureml.core.experiment import Experiment
from azureml.core.run import Run
from azureml.core.script_run_config import ScriptRunConfig
from azureml.exceptions import UserErrorException
from azureml.mlflow._workspaces import find_workspace

LOCAL, CONDA = "local", "conda_env"
SETTINGS = {"COMPUTE", "USE_CONDA"}
# What mlflow itself adds to a backend's settings.
OF_MLFLOW = {"ENV_MANAGER", "SYNCHRONOUS", "DOCKER_ARGS", "STORAGE_DIR", "build_image", "docker_auth"}


class ProjectBackend(AbstractBackend):  # type: ignore[misc]  # mlflow has no types here
    """The class that mlflow finds under the name `azureml`."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Dict[str, Any],
        version: Optional[str],
        backend_config: Dict[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> SubmittedProject:
        target, use_conda = _read_settings(backend_config)
        workspace = find_workspace(tracking_uri)
        folder = fetch_and_validate_project(project_uri, version, entry_point, params)
        project = load_project(folder)
        config = ScriptRunConfig(
            folder,
            command=project.get_entry_point(entry_point).compute_command(params, backend_config.get("STORAGE_DIR")),
            compute_target=target,
            environment=_read_environment(project, folder) if use_conda else _own_interpreter(),
        )
        client = mlflow.MlflowClient()
        experiment = Experiment(workspace, client.get_experiment(experiment_id).name)
        run = experiment.submit(config, tags=_make_tags(project_uri, entry_point, version))
        for name, value in params.items():
            client.log_param(run.id, name, value)
        return SubmittedProject(run)


class SubmittedProject(SubmittedRun):  # type: ignore[misc]  # mlflow has no types here
    """A submitted run, as mlflow's SubmittedRun."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    @property
    def run_id(self) -> str:
        return self._run.id

    def wait(self) -> bool:
        """Wait for the end of the run; return whether it has completed."""
        self._run.wait_for_completion(raise_on_error=False)
        return self._run.get_status() == "Completed"

    def get_status(self) -> Any:
        return RunStatus.from_string(mlflow.get_run(self.run_id).info.status)

    def cancel(self) -> None:
        self._run.cancel()
        self._run.wait_for_completion(raise_on_error=False)


def _read_settings(config: Dict[str, Any]) -> Tuple[str, bool]:
    unknown = sorted(set(config) - SETTINGS - OF_MLFLOW)
    if unknown:
        raise UserErrorException(f"backend_config has {', '.join(unknown)}; COMPUTE and USE_CONDA are known.")
    use_conda = config.get("USE_CONDA", True)
    if not isinstance(use_conda, bool):
        raise UserErrorException(f"USE_CONDA={use_conda!r}: write True or False.")
    target = str(config.get("COMPUTE") or LOCAL)
    if target != LOCAL and not use_conda:
        raise UserErrorException(f"USE_CONDA is False, but {target} has no interpreter of yours: leave it out.")
    return target, use_conda and config.get("ENV_MANAGER") != "local"


def _own_interpreter() -> Environment:
    environment = Environment("mlproject-local")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    return environment


def _read_environment(project: Any, folder: str) -> Environment:
    """The environment of the project's conda.yml or python_env.yml; only mlflow if it has neither."""
    if project.docker_env:
        raise UserErrorException("The project has a docker_env; images are not built here: use a conda_env.")
    path = getattr(project, "env_config_path", None) or getattr(project, "conda_env_path", None)
    name = f"mlproject-{project.name or 'unnamed'}"
    if path and getattr(project, "env_type", CONDA) == CONDA:
        return Environment.from_conda_specification(name, path)
    environment = Environment(name)
    packages = _read_python_env(path) if path else ["azureml-mlflow"]
    environment.python.conda_dependencies = CondaDependencies.create(
        python_version=_python_version(path), pip_packages=packages, pin_sdk_version=False
    )
    return environment


def _read_python_env(path: str) -> List[str]:
    """The packages of a python_env.yml; `-r` names a file of more beside it."""
    found: List[str] = []
    for line in _load_yaml(path).get("dependencies") or []:
        if line.startswith("-r "):
            with open(os.path.join(os.path.dirname(path), line[3:].strip())) as file:
                found += [text.strip() for text in file if text.strip() and not text.startswith("#")]
        else:
            found.append(line)
    return found


def _python_version(path: Optional[str]) -> str:
    given = str(_load_yaml(path).get("python") or "") if path else ""
    return given or f"{sys.version_info.major}.{sys.version_info.minor}"


def _load_yaml(path: str) -> Dict[str, Any]:
    with open(path) as file:
        return yaml.safe_load(file) or {}


def _make_tags(uri: str, entry_point: str, version: Optional[str]) -> Dict[str, str]:
    tags = {"mlflow.source.name": uri, "mlflow.source.type": "PROJECT", "mlflow.project.entryPoint": entry_point}
    return dict(tags, **({"mlflow.source.git.commit": version} if version else {}))
