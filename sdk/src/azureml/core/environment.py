"""`Environment`: the interpreter and packages of a script."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from typing import Any, Callable, Dict, List, Mapping, Optional

from lazuli import errors
from lazuli.client import quote_segment
from lazuli.console import print_text
from lazuli.environments import definitions
from lazuli.environments.cache import BuildFailed
from lazuli.environments.definitions import DEFAULT_CPU_IMAGE
from lazuli.yaml_text import parse_yaml

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.core._config_element import ConfigElement
from azureml.core._environment_sections import (
    DEFAULT_GPU_IMAGE,
    DockerBuildContext,
    DockerEnvironment,
    DockerImagePlatform,
    DockerSection,
    PythonEnvironment,
    PythonSection,
    RCranPackage,
    RGitHubPackage,
    RSection,
    SparkEnvironment,
    SparkPackage,
    SparkSection,
)
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.container_registry import ContainerRegistry
from azureml.core.databricks import DatabricksSection
from azureml.exceptions import UserErrorException

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "CondaDependencies",
    "DockerBuildContext",
    "DockerEnvironment",
    "DockerImageDetails",
    "DockerImagePlatform",
    "DockerSection",
    "Environment",
    "EnvironmentReference",
    "ImageBuildDetails",
    "PythonEnvironment",
    "PythonSection",
    "RCranPackage",
    "RGitHubPackage",
    "RSection",
    "SparkEnvironment",
    "SparkPackage",
    "SparkSection",
]

DEFINITION_FILE = "azureml_environment.json"
CONDA_FILE = "conda_dependencies.yml"
DOCKERFILE = "BaseDockerfile"
CONTAINERS = "a service for container images"


class EnvironmentReference(ConfigElement):
    """A registered environment by its name and version."""

    _fields = ("name", "version")

    def __init__(self, name: str, version: Optional[str] = None):
        self.name = name
        self.version = version

    def get_environment(self, workspace: Any) -> Environment:
        return Environment.get(workspace, self.name, self.version)


class Environment(ConfigElement):
    """The Python packages, variables and settings with which a script runs. Raises UserErrorException without a name."""

    _fields = (
        "name",
        "version",
        "asset_id",
        "inferencing_stack_version",
        "environment_variables",
        "python",
        "docker",
        "spark",
        "databricks",
        "r",
    )

    def __init__(self, name: str, **kwargs: Any):
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise UserErrorException("An environment needs a name.")
        warn_of_unused("Environment", **kwargs)
        self.name = name
        self.version: Optional[str] = None
        self.asset_id: Optional[str] = None
        self.inferencing_stack_version: Optional[str] = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.spark = SparkSection()
        self.databricks = DatabricksSection()
        self.r: Optional[RSection] = None
        self._environment_variables: Dict[str, str] = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}

    @property
    def environment_variables(self) -> Dict[str, str]:
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, variables: Optional[Mapping[str, Any]]) -> None:
        self._environment_variables = {str(name): str(value) for name, value in (variables or {}).items()}

    @staticmethod
    def from_conda_specification(name: str, file_path: str) -> Environment:
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(conda_dependencies_file_path=file_path)
        return environment

    @staticmethod
    def from_pip_requirements(name: str, file_path: str, pip_version: Optional[str] = None) -> Environment:
        environment = Environment(name)
        dependencies = CondaDependencies.create(
            pip_packages=definitions.read_requirements_file(file_path), pin_sdk_version=False
        )
        dependencies.add_conda_package(f"pip={pip_version}" if pip_version else "pip")
        environment.python.conda_dependencies = dependencies
        return environment

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Optional[Environment]:
        """The packages that `conda env export` names; needs conda on this machine."""
        conda = shutil.which("conda") or shutil.which("mamba") or shutil.which("micromamba")
        if conda is None:
            raise UserErrorException("conda is not on the PATH, so its environments cannot be read.")
        command = [conda, "env", "export", "--name", conda_environment_name, "--no-builds"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserErrorException(f"conda could not export {conda_environment_name!r}: {done.stderr.strip()}")
        structure = parse_yaml(done.stdout, f"The export of {conda_environment_name!r}")
        structure.pop("prefix", None)
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure=structure)
        return environment

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: Optional[ContainerRegistry] = None,
        conda_specification: Optional[str] = None,
        pip_requirements: Optional[str] = None,
    ) -> Environment:
        environment = _with_packages(name, conda_specification, pip_requirements)
        environment.docker.base_image = image
        if container_registry is not None:
            environment.docker.base_image_registry = container_registry
        return environment

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str,
        conda_specification: Optional[str] = None,
        pip_requirements: Optional[str] = None,
    ) -> Environment:
        environment = _with_packages(name, conda_specification, pip_requirements)
        environment.docker.base_dockerfile = dockerfile
        environment.docker.base_image = None
        return environment

    @staticmethod
    def from_docker_build_context(name: str, docker_build_context: DockerBuildContext) -> Environment:
        environment = _with_packages(name, None, None)
        environment.docker.build_context = docker_build_context
        environment.docker.base_image = None
        return environment

    @staticmethod
    def add_private_pip_wheel(workspace: Any, file_path: str, exist_ok: bool = False) -> str:
        raise errors.NotAvailable("the workspace's store for private wheels", "Environment.add_private_pip_wheel")

    def build(self, workspace: Any, image_build_compute: Any = None) -> ImageBuildDetails:
        """Register the environment; its packages are installed on the first node that needs them."""
        warn_of_unused("Environment.build", image_build_compute=image_build_compute)
        self.register(workspace)
        return ImageBuildDetails(self, None)

    def build_local(self, workspace: Any, platform: Any = None, **kwargs: Any) -> LocalBuildDetails:
        """Install the packages on this machine, into the cache that local runs use."""
        warn_of_unused("Environment.build_local", platform=platform, **kwargs)
        return LocalBuildDetails(self, workspace)

    def clone(self, new_name: str) -> Environment:
        environment = copy.deepcopy(self)
        environment.name = new_name
        environment.version = None
        environment.asset_id = None
        return environment

    def register(self, workspace: Any) -> Environment:
        """Store it in the workspace under its name; an unchanged environment keeps its version."""
        described = {"image": self.docker.base_image, "condaFile": _conda_text(self)}
        # The version is not part of the content.
        body = {"properties": dict(described, definition=dict(self._to_dict(), version=None, assetId=None))}
        path = f"{workspace._path}/environments/{quote_segment(self.name)}/versions/auto"
        resource = workspace._client.request("PUT", path, json=body).json()
        return environment_from_dict(definitions.definition_from_resource(resource))

    @staticmethod
    def get(workspace: Any, name: str, version: Optional[str] = None, label: Optional[str] = None) -> Environment:
        if version and label:
            raise UserErrorException("Give a version or a label, not both.")
        wanted = version or label
        resource = definitions.get_environment(workspace._remote, name, str(wanted) if wanted else None)
        return environment_from_dict(definitions.definition_from_resource(resource))

    @staticmethod
    def list(workspace: Any) -> Dict[str, Environment]:
        """The newest version of every environment, by name."""
        found: Dict[str, Environment] = {}
        for item in workspace._client.items(f"{workspace._path}/environments"):
            properties = item.get("properties") or {}
            is_complete = properties.get("definition") or properties.get("condaFile")
            resource = item if is_complete else definitions.get_environment(workspace._remote, item["name"])
            environment = environment_from_dict(definitions.definition_from_resource(resource))
            found[item["name"]] = environment
        return found

    @staticmethod
    def label(workspace: Any, name: str, version: str, labels: List[str]) -> None:
        raise errors.NotAvailable("the environment labels service", "Environment.label")

    def get_image_details(self, workspace: Any) -> DockerImageDetails:
        """Details of the image, which the studio does not have: a machine pulls or builds it for a job."""
        return DockerImageDetails(
            image={"name": self.docker.base_image, "imageExist": False},
            dockerfile=self.docker.base_dockerfile,
            interpreterPath=self.python.interpreter_path,
            registry=self.docker.base_image_registry._to_dict(),
        )

    def save_to_directory(self, path: str, overwrite: bool = False) -> None:
        """Write a folder with the definition as JSON, the conda file and the Dockerfile."""
        if os.path.isdir(path) and os.listdir(path) and not overwrite:
            raise UserErrorException(f"{path!r} already contains files; pass overwrite=True to replace them.")
        os.makedirs(path, exist_ok=True)
        definition = self._to_dict()
        files = {CONDA_FILE: _conda_text(self), DOCKERFILE: self.docker.base_dockerfile}
        files[DEFINITION_FILE] = json.dumps(definition, indent=4)
        for name, text in files.items():
            if text is not None:
                with open(os.path.join(path, name), "w", encoding="utf-8") as file:
                    file.write(text)

    @staticmethod
    def load_from_directory(path: str) -> Environment:
        """Read a folder that `save_to_directory` wrote; a conda file that was edited there takes precedence."""
        file_path = os.path.join(path, DEFINITION_FILE)
        if not os.path.isfile(file_path):
            raise UserErrorException(f"{path!r} has no file {DEFINITION_FILE}.")
        with open(file_path, encoding="utf-8") as file:
            environment = environment_from_dict(json.load(file))
        conda_file = os.path.join(path, CONDA_FILE)
        if os.path.isfile(conda_file):
            environment.python.conda_dependencies = CondaDependencies(conda_dependencies_file_path=conda_file)
        return environment

    def _parse_value(self, field: str, value: Any) -> Any:
        if field == "r" and isinstance(value, Mapping):
            return RSection()._set_values(value)
        return super()._parse_value(field, value)


class DockerImageDetails(Dict[str, Any]):
    """The service's data about an image, as a dict with names."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)

    @property
    def image(self) -> Any:
        return self.get("image")

    @property
    def image_exist(self) -> bool:
        return bool((self.get("image") or {}).get("imageExist"))

    @property
    def dockerfile(self) -> Any:
        return self.get("dockerfile")

    @property
    def environment_path(self) -> Any:
        return self.get("pythonEnvironmentPath")

    @property
    def interpreter_path(self) -> Any:
        return self.get("interpreterPath")

    @property
    def registry(self) -> Any:
        return self.get("registry")

    @property
    def repository(self) -> Any:
        return (self.get("image") or {}).get("name")


class ImageBuildDetails:
    """A build that needs no waiting: nodes install the packages when a run first needs them."""

    def __init__(self, environment_client: Any, location: Optional[str]):
        self.environment_client = environment_client
        self.log_url = location

    @property
    def status(self) -> str:
        return "Succeeded"

    def get_log(self) -> str:
        return "Registered. A node installs the packages when a run first needs them, and the run shows the log."

    def wait_for_completion(self, show_output: bool = True) -> ImageBuildDetails:
        if show_output:
            print(self.get_log())
        return self


class LocalBuildDetails(ImageBuildDetails):
    """A build on this machine; it happens in `wait_for_completion`."""

    def __init__(self, environment: Environment, workspace: Any):
        super().__init__(environment, None)
        self._environment = environment
        self._index_url = f"{workspace._client.base_url}/pypi/simple/" if workspace is not None else None
        self._lines: List[str] = []
        self._status = "Queued"

    @property
    def status(self) -> str:
        return self._status

    def get_log(self) -> str:
        return "".join(self._lines)

    def wait_for_completion(self, show_output: bool = True) -> LocalBuildDetails:
        from lazuli.environments.building import prepare_environment  # start-up time

        def log(text: str) -> None:
            self._lines.append(text)
            if show_output:
                print_text(text, end="")

        try:
            prepare_environment(self._environment._to_dict(), index_url=self._index_url, log=log)
        except BuildFailed as error:
            self._status = "Failed"
            raise UserErrorException(str(error), inner_exception=error) from error
        self._status = "Succeeded"
        return self


def environment_from_dict(definition: Mapping[str, Any]) -> Environment:
    """The environment that a definition describes, with SDK v1's keys in camelCase."""
    return Environment(str(definition.get("name") or "unnamed"))._set_values(definition)


def _with_packages(name: str, conda_specification: Optional[str], pip_requirements: Optional[str]) -> Environment:
    if conda_specification and pip_requirements:
        raise UserErrorException("Give conda_specification or pip_requirements, not both.")
    readers: Dict[bool, Callable[[str, str], Environment]] = {
        True: Environment.from_conda_specification,
        False: Environment.from_pip_requirements,
    }
    file_path = conda_specification or pip_requirements
    if file_path:
        return readers[bool(conda_specification)](name, file_path)
    environment = Environment(name)
    environment.python.user_managed_dependencies = True
    return environment


def _conda_text(environment: Environment) -> Optional[str]:
    dependencies = environment.python.conda_dependencies
    return dependencies.serialize_to_string() if dependencies is not None else None


__getattr__ = _absent.find_missing(__name__)
