"""`RunConfiguration`: everything that a run needs besides its source folder."""

from __future__ import annotations

import os
import warnings
from typing import Any, Dict, List, Mapping, Optional, Union

from lazuli.environments.definitions import DEFAULT_NAME, default_run_structure
from lazuli.runs.definitions import LOCAL, SUFFIX, find_definition_file, read_definition_file
from lazuli.yaml_text import write_yaml_file

from azureml import _absent
from azureml.core._config_element import ConfigElement, check_one_of
from azureml.core._run_config_sections import (
    SUPPORTED_DATAREF_MODES,
    SUPPORTED_DELIVERY_MECHANISM,
    SUPPORTED_PYTORCH_BACKENDS,
    AmlComputeConfiguration,
    ApplicationEndpointConfiguration,
    AzureContainerRegistry,
    ContainerRegistry,
    Data,
    DatacacheConfiguration,
    DataLocation,
    DataPath,
    DataReferenceConfiguration,
    Dataset,
    DatasetRegistrationOptions,
    DockerConfiguration,
    GlobsOptions,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    MountOptions,
    MpiConfiguration,
    OutputData,
    OutputOptions,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    RegistrationOptions,
    SparkConfiguration,
    TensorflowConfiguration,
    UploadOptions,
    Uri,
    parse_elements,
)
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.databricks import EggLibrary, JarLibrary, MavenLibrary, PyPiLibrary, RCranLibrary
from azureml.core.environment import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    DockerEnvironment,
    DockerSection,
    Environment,
    EnvironmentReference,
    PythonEnvironment,
    PythonSection,
    SparkEnvironment,
    SparkPackage,
    SparkSection,
)
from azureml.exceptions import UserErrorException

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "DEFAULT_MMLSPARK_CPU_IMAGE",
    "DEFAULT_MMLSPARK_GPU_IMAGE",
    "LOCAL_RUNCONFIG_NAME",
    "MPI_CPU_IMAGE",
    "MPI_GPU_IMAGE",
    "SUPPORTED_DATAREF_MODES",
    "SUPPORTED_DELIVERY_MECHANISM",
    "SUPPORTED_PYTORCH_BACKENDS",
    "AmlComputeConfiguration",
    "ApplicationEndpointConfiguration",
    "AzureContainerRegistry",
    "CondaDependencies",
    "ContainerRegistry",
    "Data",
    "DataLocation",
    "DataPath",
    "DataReferenceConfiguration",
    "DatacacheConfiguration",
    "Dataset",
    "DatasetRegistrationOptions",
    "DockerConfiguration",
    "DockerEnvironment",
    "DockerSection",
    "EggLibrary",
    "Environment",
    "EnvironmentDefinition",
    "EnvironmentReference",
    "GlobsOptions",
    "HdiConfiguration",
    "HistoryConfiguration",
    "JarLibrary",
    "KubernetesComputeConfiguration",
    "MavenLibrary",
    "MountOptions",
    "MpiConfiguration",
    "OutputData",
    "OutputOptions",
    "ParallelTaskConfiguration",
    "PyPiLibrary",
    "PyTorchConfiguration",
    "PythonEnvironment",
    "PythonSection",
    "RCranLibrary",
    "RegistrationOptions",
    "RunConfiguration",
    "SparkConfiguration",
    "SparkEnvironment",
    "SparkPackage",
    "SparkSection",
    "TensorflowConfiguration",
    "UploadOptions",
    "Uri",
]

LOCAL_RUNCONFIG_NAME = LOCAL
DEFAULT_MMLSPARK_CPU_IMAGE = "microsoft/mmlspark:0.12"
DEFAULT_MMLSPARK_GPU_IMAGE = "microsoft/mmlspark:gpu-0.12"
MPI_CPU_IMAGE = DEFAULT_CPU_IMAGE
MPI_GPU_IMAGE = DEFAULT_GPU_IMAGE
FRAMEWORKS = ("Python", "PySpark", "CNTK", "TensorFlow", "PyTorch")
COMMUNICATORS = ("None", "ParameterServer", "Mpi", "OpenMpi", "IntelMpi", "Gloo", "Nccl", "ParallelTask")
SUFFIXES = (SUFFIX, ".yml")


class EnvironmentDefinition(Environment):
    """The older name of `Environment`."""

    def __init__(self, name: Optional[str] = None):
        super().__init__(name or DEFAULT_NAME)


class RunConfiguration(ConfigElement):
    _fields = (
        "script",
        "arguments",
        "target",
        "framework",
        "communicator",
        "max_run_duration_seconds",
        "node_count",
        "priority",
        "environment",
        "history",
        "spark",
        "docker",
        "hdi",
        "tensorflow",
        "mpi",
        "pytorch",
        "paralleltask",
        "data_references",
        "data",
        "datacaches",
        "output_data",
        "source_directory_data_store",
        "amlcompute",
        "auto_cluster_compute_specification",
        "kubernetescompute",
        "credential_passthrough",
        "command",
        "environment_variables",
        "services",
    )
    _renamed = {"services": "applicationEndpoints"}

    def __init__(
        self,
        script: Optional[str] = None,
        arguments: Optional[List[Any]] = None,
        framework: Optional[str] = None,
        communicator: Optional[str] = None,
        conda_dependencies: Optional[CondaDependencies] = None,
        _history_enabled: Optional[bool] = None,
        _path: Optional[str] = None,
        _name: Optional[str] = None,
        command: Union[str, List[Any], None] = None,
    ):
        if command is not None and (script is not None or arguments):
            raise UserErrorException("Give a command, or a script with its arguments, not both.")
        self.script = script if script is not None or command is not None else "train.py"
        self.arguments = list(arguments or [])
        self.command = command if command is not None else ""
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        self._path, self._name = _path, _name
        self._target = LOCAL_RUNCONFIG_NAME
        self._set_defaults()
        self.history.output_collection = _history_enabled is not False
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies

    def _set_defaults(self) -> None:
        self.max_run_duration_seconds: Optional[int] = None
        self.node_count = 1
        self.priority: Optional[int] = None
        self.environment = Environment(DEFAULT_NAME)
        packages = CondaDependencies(_underlying_structure=default_run_structure())
        self.environment.python.conda_dependencies = packages
        self.history = HistoryConfiguration()
        self.spark = SparkConfiguration()
        self.docker = DockerConfiguration()
        self.hdi = HdiConfiguration()
        self.tensorflow = TensorflowConfiguration()
        self.mpi = MpiConfiguration()
        self.pytorch = PyTorchConfiguration()
        self.paralleltask = ParallelTaskConfiguration()
        self.data_references: Dict[str, DataReferenceConfiguration] = {}
        self.data: Dict[str, Data] = {}
        self.datacaches: Dict[str, DatacacheConfiguration] = {}
        self.output_data: Dict[str, OutputData] = {}
        self.services: Dict[str, ApplicationEndpointConfiguration] = {}
        self.source_directory_data_store: Optional[str] = None
        self.amlcompute = AmlComputeConfiguration()
        self.auto_cluster_compute_specification: Any = None
        self.kubernetescompute = KubernetesComputeConfiguration()
        self.credential_passthrough = False

    @property
    def target(self) -> str:
        """The name of the compute; `local` is this machine."""
        return self._target

    @target.setter
    def target(self, target: Any) -> None:
        name = target if isinstance(target, str) else getattr(target, "name", None)
        if target is not None and not name:
            kind = type(target).__name__
            raise UserErrorException(f"target must be a compute target or the name of one, not {kind}.")
        self._target = name or LOCAL_RUNCONFIG_NAME

    @property
    def framework(self) -> str:
        return self._framework

    @framework.setter
    def framework(self, framework: Optional[str]) -> None:
        self._framework = check_one_of(framework or "Python", FRAMEWORKS, "framework")

    @property
    def communicator(self) -> str:
        return self._communicator

    @communicator.setter
    def communicator(self, communicator: Optional[str]) -> None:
        self._communicator = check_one_of(communicator or "None", COMMUNICATORS, "communicator")

    @property
    def environment_variables(self) -> Dict[str, str]:
        return self.environment.environment_variables

    @environment_variables.setter
    def environment_variables(self, variables: Optional[Mapping[str, Any]]) -> None:
        self.environment.environment_variables = dict(variables or {})

    @property
    def auto_prepare_environment(self) -> bool:
        """Environments are always prepared by the node."""
        return True

    @auto_prepare_environment.setter
    def auto_prepare_environment(self, value: bool) -> None:
        if not value:
            raise UserErrorException("Environments are always prepared before a script starts.")

    def save(
        self, path: Optional[str] = None, name: Optional[str] = None, separate_environment_yaml: bool = False
    ) -> None:
        """Write `<path>/.azureml/<name>.runconfig`; `path` may also be a file to write."""
        file_path = _file_for_saving(path or self._path or ".", name or self._name or LOCAL_RUNCONFIG_NAME)
        content = self._to_dict()
        if separate_environment_yaml:
            separate = os.path.join(os.path.dirname(file_path), "environment.yml")
            write_yaml_file(separate, content.pop("environment"))
        write_yaml_file(file_path, content)

    @staticmethod
    def load(path: str, name: Optional[str] = None) -> RunConfiguration:
        """Read a run configuration file; `path` is its folder, or the file itself.

        Raises UserErrorException if it does not exist, RunConfigurationException if it is not a run configuration.
        """
        content = read_definition_file(path, name)
        known = {RunConfiguration._json_key(field) for field in RunConfiguration._fields}
        unknown = sorted(key for key in content if key[:1].lower() + key[1:] not in known)
        if unknown:
            warnings.warn(f"The run configuration has unknown settings: {', '.join(unknown)}.", stacklevel=2)
        return run_configuration_from_dict(content)

    @staticmethod
    def delete(path: str, name: str) -> None:
        os.remove(find_definition_file(path, name))

    def _parse_value(self, field: str, value: Any) -> Any:
        kinds = {
            "data_references": DataReferenceConfiguration,
            "data": Data,
            "datacaches": DatacacheConfiguration,
            "output_data": OutputData,
            "services": ApplicationEndpointConfiguration,
        }
        return parse_elements(kinds[field], value) if field in kinds else super()._parse_value(field, value)


def run_configuration_from_dict(content: Mapping[str, Any]) -> RunConfiguration:
    config = RunConfiguration()._set_values(content)
    config.arguments = list(config.arguments or [])
    return config


def _file_for_saving(path: str, name: str) -> str:
    if path.endswith(SUFFIXES):
        return os.path.abspath(path)
    folder = "aml_config" if os.path.isdir(os.path.join(path, "aml_config")) else ".azureml"
    return os.path.join(os.path.abspath(path), folder, name + SUFFIX)


__getattr__ = _absent.find_missing(__name__)
