"""`Environment`: which interpreter and packages a script runs with."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
from typing import Any, Callable, Dict, List, Mapping, Optional

from azureml.core._config_element import ConfigElement
from azureml.core._environment_sections import (
    DEFAULT_CPU_IMAGE,
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
from lazuli import errors
from lazuli.client import quote_segment

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
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(conda_dependencies_file_path=file_path)
        return made

    @staticmethod
    def from_pip_requirements(name: str, file_path: str, pip_version: Optional[str] = None) -> Environment:
        made = Environment(name)
        dependencies = CondaDependencies.create(pip_packages=requirement_lines(file_path), pin_sdk_version=False)
        dependencies.add_conda_package(f"pip={pip_version}" if pip_version else "pip")
        made.python.conda_dependencies = dependencies
        return made

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Optional[Environment]:
        """The packages that `conda env export` names; needs conda on this machine."""
        conda = shutil.which("conda") or shutil.which("mamba") or shutil.which("micromamba")
        if conda is None:
            raise UserErrorException("conda is not on the PATH, so that its environments cannot be read.")
        command = [conda, "env", "export", "--name", conda_environment_name, "--no-builds"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserErrorException(f"conda could not export {conda_environment_name!r}: {done.stderr.strip()}")
        import yaml

        structure = yaml.safe_load(done.stdout)
        structure.pop("prefix", None)
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(_underlying_structure=structure)
        return made

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: Optional[ContainerRegistry] = None,
        conda_specification: Optional[str] = None,
        pip_requirements: Optional[str] = None,
    ) -> Environment:
        made = _with_packages(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str,
        conda_specification: Optional[str] = None,
        pip_requirements: Optional[str] = None,
    ) -> Environment:
        made = _with_packages(name, conda_specification, pip_requirements)
        made.docker.base_dockerfile = dockerfile
        made.docker.base_image = None
        return made

    @staticmethod
    def from_docker_build_context(name: str, docker_build_context: DockerBuildContext) -> Environment:
        made = _with_packages(name, None, None)
        made.docker.build_context = docker_build_context
        made.docker.base_image = None
        return made

    @staticmethod
    def add_private_pip_wheel(workspace: Any, file_path: str, exist_ok: bool = False) -> str:
        raise errors.NotAvailable("the workspace's store for private wheels", "Environment.add_private_pip_wheel")

    def build(self, workspace: Any, image_build_compute: Any = None) -> ImageBuildDetails:
        """Register the environment; its packages are installed on the first node that needs them."""
        self.register(workspace)
        return ImageBuildDetails(self, None)

    def build_local(self, workspace: Any, platform: Any = None, **kwargs: Any) -> LocalBuildDetails:
        """Install the packages on this machine, into the cache that local runs use."""
        return LocalBuildDetails(self, workspace)

    def clone(self, new_name: str) -> Environment:
        made = copy.deepcopy(self)
        made.name = new_name
        made.version = None
        made.asset_id = None
        return made

    def register(self, workspace: Any) -> Environment:
        """Keep it in the workspace under its name; an unchanged one keeps its version."""
        described = {"image": self.docker.base_image, "condaFile": _conda_text(self)}
        # Which version it was does not make it another one.
        body = {"properties": dict(described, definition=dict(self._to_dict(), version=None, assetId=None))}
        path = f"{workspace._path}/environments/{quote_segment(self.name)}/versions/auto"
        return _from_resource(workspace._client.request("PUT", path, json=body).json())

    @staticmethod
    def get(workspace: Any, name: str, version: Optional[str] = None, label: Optional[str] = None) -> Environment:
        if version and label:
            raise UserErrorException("Give a version or a label, not both.")
        wanted = quote_segment(str(version or label or "latest"))
        path = f"{workspace._path}/environments/{quote_segment(name)}/versions/{wanted}"
        try:
            return _from_resource(workspace._client.get(path))
        except errors.NotFound as error:
            which = f"version {version or label} of the environment" if version or label else "environment"
            raise UserErrorException(f"The workspace has no {which} {name!r}.", inner_exception=error) from error

    @staticmethod
    def list(workspace: Any) -> Dict[str, Environment]:
        """The newest version of every environment, by name."""
        found: Dict[str, Environment] = {}
        for item in workspace._client.items(f"{workspace._path}/environments"):
            properties = item.get("properties") or {}
            full = item if properties.get("definition") or properties.get("condaFile") else None
            found[item["name"]] = _from_resource(full) if full else Environment.get(workspace, item["name"])
        return found

    @staticmethod
    def label(workspace: Any, name: str, version: str, labels: List[str]) -> None:
        raise errors.NotAvailable("the environment labels service", "Environment.label")

    def get_image_details(self, workspace: Any) -> DockerImageDetails:
        """What is known of the image: that none is built, since a node installs the packages itself."""
        return DockerImageDetails(
            image={"name": self.docker.base_image, "imageExist": False},
            dockerfile=self.docker.base_dockerfile,
            interpreterPath=self.python.interpreter_path,
            registry=self.docker.base_image_registry._to_dict(),
        )

    def save_to_directory(self, path: str, overwrite: bool = False) -> None:
        """A folder with the definition as JSON, the conda file and the Dockerfile, to be read by people too."""
        if os.path.isdir(path) and os.listdir(path) and not overwrite:
            raise UserErrorException(f"{path!r} holds files already; pass overwrite=True to replace them.")
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
        """The folder that `save_to_directory` wrote; a conda file that was edited there wins."""
        file_path = os.path.join(path, DEFINITION_FILE)
        if not os.path.isfile(file_path):
            raise UserErrorException(f"There is no {DEFINITION_FILE} in {path!r}.")
        with open(file_path, encoding="utf-8") as file:
            made = environment_from_dict(json.load(file))
        conda_file = os.path.join(path, CONDA_FILE)
        if os.path.isfile(conda_file):
            made.python.conda_dependencies = CondaDependencies(conda_dependencies_file_path=conda_file)
        return made

    def _parsed(self, field: str, value: Any) -> Any:
        if field == "r" and isinstance(value, Mapping):
            return RSection()._fill(value)
        return super()._parsed(field, value)


class DockerImageDetails(Dict[str, Any]):
    """What the service says about an image, as a dict with names."""

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
    """A build that has nothing to wait for: nodes install the packages when a run first needs them."""

    def __init__(self, environment_client: Any, location: Optional[str]):
        self.environment_client = environment_client
        self.log_url = location

    @property
    def status(self) -> str:
        return "Succeeded"

    def get_log(self) -> str:
        return "Registered. A node installs the packages when a run first needs them, and shows its log there."

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
        from lazuli.environments import BuildFailed, prepare

        def log(text: str) -> None:
            self._lines.append(text)
            if show_output:
                print(text, end="", flush=True)

        try:
            prepare(self._environment._to_dict(), index_url=self._index_url, log=log)
        except BuildFailed as error:
            self._status = "Failed"
            raise UserErrorException(str(error), inner_exception=error) from error
        self._status = "Succeeded"
        return self


def environment_from_dict(definition: Mapping[str, Any]) -> Environment:
    made = Environment(str(definition.get("name") or "unnamed"))
    return made._fill(definition)


def requirement_lines(file_path: str) -> List[str]:
    """The lines of a requirements file without comments; `-r other.txt` is read too."""
    if not os.path.isfile(file_path):
        raise UserErrorException(f"There is no requirements file {file_path!r}.")
    lines: List[str] = []
    with open(file_path, encoding="utf-8") as file:
        text = re.sub(r"\\\n", " ", file.read())
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        other = re.fullmatch(r"(?:-r|--requirement)[\s=]*(.+)", line)
        if other:
            lines += requirement_lines(os.path.join(os.path.dirname(file_path), other.group(1)))
        elif line:
            lines.append(line)
    return lines


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
    made = Environment(name)
    made.python.user_managed_dependencies = True
    return made


def _conda_text(environment: Environment) -> Optional[str]:
    dependencies = environment.python.conda_dependencies
    return dependencies.serialize_to_string() if dependencies is not None else None


def _from_resource(resource: Mapping[str, Any]) -> Environment:
    """An environment of the REST API: made by us (`definition`), or by another client (`condaFile`, `image`)."""
    import yaml

    properties = resource.get("properties") or {}
    definition = properties.get("definition")
    if definition:
        made = environment_from_dict(definition)
    else:
        made = Environment(resource["name"])
        made.docker.base_image = properties.get("image") or DEFAULT_CPU_IMAGE
        if properties.get("condaFile"):
            structure = yaml.safe_load(properties["condaFile"])
            made.python.conda_dependencies = CondaDependencies(_underlying_structure=structure)
    parts = str(resource.get("id") or "").split("/")
    if "environments" in parts:
        made.name = parts[parts.index("environments") + 1]
    if "versions" in parts:
        made.version = parts[parts.index("versions") + 1]
    made.asset_id = resource.get("id")
    return made
