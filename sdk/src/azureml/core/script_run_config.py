"""`ScriptRunConfig`: a script, its arguments, and where it runs."""

from __future__ import annotations

import copy
import os
import warnings
from typing import Any, Dict, List, Optional, Union

from lazuli.runs.experiments import check_experiment_name, create_experiment

from azureml import _absent
from azureml.core._config_element import check_type, warn_unless_setting
from azureml.core.environment import Environment
from azureml.core.runconfig import (
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from azureml.exceptions import UserErrorException


class ScriptRunConfig:
    """A script (or command) with its source directory, arguments, compute target and environment.

    `max_run_duration_seconds` ends a run that takes longer; 30 days if left out. Raises UserErrorException for a
    combination that is not allowed, RunConfigurationException for a value of the wrong type.
    """

    DELIM = "#"
    MAX_DURATION_SECONDS_DEFAULT = 2592000
    _SETTINGS = ("source_directory", "script", "arguments", "command", "run_config")

    def __init__(
        self,
        source_directory: Optional[str],
        script: Optional[str] = None,
        arguments: Optional[List[Any]] = None,
        run_config: Optional[RunConfiguration] = None,
        _telemetry_values: Any = None,
        compute_target: Any = None,
        environment: Optional[Environment] = None,
        distributed_job_config: Any = None,
        resume_from: Any = None,
        max_run_duration_seconds: Optional[int] = MAX_DURATION_SECONDS_DEFAULT,
        command: Union[str, List[Any], None] = None,
        docker_runtime_config: Optional[DockerConfiguration] = None,
    ):
        self.source_directory = os.path.abspath(os.path.expanduser(source_directory or "."))
        _check_command(script, arguments, command)
        if resume_from is not None:
            raise UserErrorException(
                "resume_from is not available: give the folder to the script as an argument, such as "
                "arguments=['--resume-from', dataset.as_named_input('checkpoint').as_mount()]."
            )
        settings = {
            "compute_target": compute_target,
            "environment": environment,
            "distributed_job_config": distributed_job_config,
            "docker_runtime_config": docker_runtime_config,
        }
        if run_config is not None:
            _warn_about_ignored(settings, max_run_duration_seconds)
            self.run_config = copy.deepcopy(check_type(RunConfiguration, run_config, "run_config"))
        else:
            self.run_config = _build_run_config(settings, max_run_duration_seconds)
        self.script = script if script is not None or command is not None else self.run_config.script
        self.arguments = self.run_config.arguments if arguments is None else list(arguments)
        self.command = command if command is not None else self._command_unless(script)

    def __setattr__(self, name: str, value: Any) -> None:
        warn_unless_setting(self, name, self._SETTINGS, " Set it in run_config.")
        super().__setattr__(name, value)

    def _command_unless(self, script: Optional[str]) -> Union[str, List[Any], None]:
        return None if script is not None else self.run_config.command or None

    @property
    def identity(self) -> str:
        return f"{type(self).__name__}{self.DELIM}{id(self)}"

    def __repr__(self) -> str:
        what = f"command={self.command!r}" if self.command else f"script={self.script!r}, arguments={self.arguments!r}"
        target = self.run_config.target
        return f"ScriptRunConfig(source_directory={self.source_directory!r}, {what}, compute_target={target!r})"


def _check_command(script: Optional[str], arguments: Any, command: Any) -> None:
    if command is not None and (script is not None or arguments is not None):
        raise UserErrorException("Give a command, or a script with its arguments, not both.")
    if arguments is not None and not isinstance(arguments, (list, tuple)):
        raise UserErrorException(f"arguments must be a list, not {type(arguments).__name__}.")


def _warn_about_ignored(settings: Dict[str, Any], seconds: Optional[int]) -> None:
    given = [name for name, value in settings.items() if value is not None]
    if seconds not in (None, ScriptRunConfig.MAX_DURATION_SECONDS_DEFAULT):
        given.append("max_run_duration_seconds")
    if given:
        warnings.warn(
            f"These are ignored, because run_config is given: {', '.join(given)}. Set them in run_config.", stacklevel=3
        )


def _build_run_config(settings: Dict[str, Any], seconds: Optional[int]) -> RunConfiguration:
    config = RunConfiguration()
    config.script, config.max_run_duration_seconds = None, seconds
    config.target = settings["compute_target"]
    if settings["environment"] is not None:
        config.environment = check_type(Environment, settings["environment"], "environment")
    if settings["docker_runtime_config"] is not None:
        config.docker = check_type(DockerConfiguration, settings["docker_runtime_config"], "docker_runtime_config")
    if settings["distributed_job_config"] is not None:
        _apply_distribution(config, settings["distributed_job_config"])
    return config


def _apply_distribution(config: RunConfiguration, job: Any) -> None:
    if isinstance(job, MpiConfiguration):
        config.framework, config.communicator, config.mpi = "Python", "IntelMpi", job
        config.node_count = job.node_count
    elif isinstance(job, PyTorchConfiguration):
        config.framework, config.communicator, config.pytorch = "PyTorch", job.communication_backend, job
        config.node_count = job.node_count
    elif isinstance(job, TensorflowConfiguration):
        config.framework, config.communicator, config.tensorflow = "TensorFlow", "ParameterServer", job
        config.node_count = job.worker_count + job.parameter_server_count
    else:
        allowed = "MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration"
        raise UserErrorException(f"distributed_job_config must be a {allowed}, not a {type(job).__name__}.")


def get_run_config_from_script_run(script_run_config: ScriptRunConfig) -> RunConfiguration:
    """The run configuration with the script, arguments and command of `script_run_config`."""
    config = copy.deepcopy(script_run_config.run_config)
    config.script = script_run_config.script
    config.arguments = list(script_run_config.arguments or [])
    config.command = script_run_config.command or ""
    return config


def submit(
    script_run_config: ScriptRunConfig,
    workspace: Any,
    experiment_name: str,
    run_id: Optional[str] = None,
    credential_passthrough: bool = False,
) -> Any:
    """Submit the script in the experiment of this name, which is created if it does not exist."""
    if credential_passthrough:
        script_run_config = copy.copy(script_run_config)
        script_run_config.run_config = copy.copy(script_run_config.run_config)
        script_run_config.run_config.credential_passthrough = True
    create_experiment(workspace._remote, check_experiment_name(experiment_name))
    return workspace._experiment(experiment_name).submit(script_run_config, run_id=run_id)


__getattr__ = _absent.find_missing(__name__)
