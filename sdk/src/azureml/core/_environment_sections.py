"""The parts of an environment: Python, Docker, Spark and R."""

from __future__ import annotations

import enum
import os
from typing import Any, List, Mapping, Optional

from lazuli.environments.definitions import DEFAULT_CPU_IMAGE

from azureml._unused import warn_of_unused
from azureml.core._config_element import ConfigElement
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.container_registry import ContainerRegistry
from azureml.exceptions import UserErrorException

DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04"


class PythonSection(ConfigElement):
    """`user_managed_dependencies=True` uses the existing interpreter; otherwise the conda dependencies are
    installed."""

    _fields = (
        "interpreter_path",
        "user_managed_dependencies",
        "conda_dependencies",
        "base_conda_environment",
        "conda_dependencies_file",
    )

    def __init__(self, **kwargs: Any):
        warn_of_unused("PythonSection", **kwargs)
        self.interpreter_path = "python"
        self.user_managed_dependencies = False
        self.conda_dependencies: Optional[CondaDependencies] = CondaDependencies()
        self.base_conda_environment: Optional[str] = None
        self._conda_dependencies_file: Optional[str] = None
        if kwargs.get("_skip_defaults"):
            self.conda_dependencies = None

    @property
    def conda_dependencies_file(self) -> Optional[str]:
        return self._conda_dependencies_file

    @conda_dependencies_file.setter
    def conda_dependencies_file(self, path: Optional[str]) -> None:
        if path is not None:
            self.conda_dependencies = CondaDependencies(conda_dependencies_file_path=path)
        self._conda_dependencies_file = path

    def _parse_value(self, field: str, value: Any) -> Any:
        if field == "conda_dependencies" and isinstance(value, Mapping):
            return CondaDependencies(_underlying_structure=value)
        if field == "conda_dependencies_file" and value and not os.path.isfile(value):
            # The file was read where the environment was created; its content is in conda_dependencies.
            return None
        return super()._parse_value(field, value)


class PythonEnvironment(PythonSection):
    """The older name of `PythonSection`."""

    def __init__(self) -> None:
        super().__init__()


class DockerImagePlatform(ConfigElement):
    _fields = ("os", "architecture")

    def __init__(self) -> None:
        self.os = "Linux"
        self.architecture = "amd64"


class DockerBuildContext(ConfigElement):
    """A folder with a Dockerfile: its path is stored with the environment, but the folder is not sent to the studio."""

    _fields = ("location_type", "location", "dockerfile_path")

    class LocationType(enum.Enum):
        Git = "git"
        StorageAccount = "storageaccount"

    def __init__(
        self,
        location_type: Optional[str] = None,
        location: Optional[str] = None,
        dockerfile_path: str = "Dockerfile",
    ):
        self.location_type = location_type
        self.location = location
        self.dockerfile_path = dockerfile_path

    @staticmethod
    def from_local_directory(workspace: Any, path: str, dockerfile_path: str = "Dockerfile") -> DockerBuildContext:
        if not os.path.isfile(os.path.join(path, dockerfile_path)):
            raise UserErrorException(f"{path!r} has no file {dockerfile_path!r}.")
        return DockerBuildContext("localdirectory", os.path.abspath(path), dockerfile_path)


class DockerSection(ConfigElement):
    """Settings of the container that Azure would use: stored without effect on a node's process."""

    _fields = (
        "enabled",
        "base_image",
        "platform",
        "base_dockerfile",
        "base_image_registry",
        "build_context",
        "shared_volumes",
        "shm_size",
        "gpu_support",
        "arguments",
    )

    def __init__(self, **kwargs: Any):
        warn_of_unused("DockerSection", **kwargs)
        self._base_image: Optional[str] = DEFAULT_CPU_IMAGE
        self._base_dockerfile: Optional[str] = None
        self._build_context: Optional[DockerBuildContext] = None
        self._settings = {"enabled": False, "shared_volumes": True, "shm_size": "2g", "gpu_support": False}
        self._arguments: List[str] = []
        self.platform = DockerImagePlatform()
        self.base_image_registry = ContainerRegistry()

    @property
    def base_image(self) -> Optional[str]:
        return self._base_image

    @base_image.setter
    def base_image(self, image: Optional[str]) -> None:
        self._base_image = image

    @property
    def base_dockerfile(self) -> Optional[str]:
        return self._base_dockerfile

    @base_dockerfile.setter
    def base_dockerfile(self, text_or_path: Optional[str]) -> None:
        """The text of a Dockerfile, or the path of one, which is read immediately."""
        if text_or_path and "\n" not in text_or_path and os.path.isfile(text_or_path):
            with open(text_or_path, encoding="utf-8") as file:
                text_or_path = file.read()
        self._base_dockerfile = text_or_path

    @property
    def build_context(self) -> Optional[DockerBuildContext]:
        return self._build_context

    @build_context.setter
    def build_context(self, context: Optional[DockerBuildContext]) -> None:
        self._build_context = context

    @property
    def enabled(self) -> bool:
        return bool(self._settings["enabled"])

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._settings["enabled"] = bool(value)

    @property
    def shared_volumes(self) -> bool:
        return bool(self._settings["shared_volumes"])

    @shared_volumes.setter
    def shared_volumes(self, value: bool) -> None:
        self._settings["shared_volumes"] = bool(value)

    @property
    def gpu_support(self) -> bool:
        return bool(self._settings["gpu_support"])

    @gpu_support.setter
    def gpu_support(self, value: bool) -> None:
        self._settings["gpu_support"] = bool(value)

    @property
    def shm_size(self) -> str:
        return str(self._settings["shm_size"])

    @shm_size.setter
    def shm_size(self, value: str) -> None:
        self._settings["shm_size"] = value

    @property
    def arguments(self) -> List[str]:
        return self._arguments

    @arguments.setter
    def arguments(self, value: Optional[List[str]]) -> None:
        self._arguments = list(value or [])

    def _parse_value(self, field: str, value: Any) -> Any:
        if field == "build_context" and isinstance(value, Mapping):
            return DockerBuildContext()._set_values(value)
        return super()._parse_value(field, value)


class DockerEnvironment(DockerSection):
    """The older name of `DockerSection`."""

    def __init__(self) -> None:
        super().__init__()


class SparkPackage(ConfigElement):
    _fields = ("group", "artifact", "version")

    def __init__(self, group: Optional[str] = None, artifact: Optional[str] = None, version: Optional[str] = None):
        self.group = group
        self.artifact = artifact
        self.version = version


class SparkSection(ConfigElement):
    _fields = ("repositories", "packages", "precache_packages")

    def __init__(self, **kwargs: Any):
        warn_of_unused("SparkSection", **kwargs)
        self.repositories: List[str] = []
        self.packages: List[SparkPackage] = []
        self.precache_packages = True


class SparkEnvironment(SparkSection):
    """The older name of `SparkSection`."""

    def __init__(self) -> None:
        super().__init__()


class RCranPackage(ConfigElement):
    _fields = ("name", "version", "repository")

    def __init__(self) -> None:
        self.name: Optional[str] = None
        self.version: Optional[str] = None
        self.repository: Optional[str] = None


class RGitHubPackage(ConfigElement):
    _fields = ("repository", "auth_token")

    def __init__(self) -> None:
        self.repository: Optional[str] = None
        self.auth_token: Optional[str] = None


class RSection(ConfigElement):
    _fields = (
        "r_version",
        "user_managed",
        "rscript_path",
        "snapshot_date",
        "cran_packages",
        "github_packages",
        "custom_url_packages",
        "bioconductor_packages",
    )

    def __init__(self) -> None:
        self.r_version: Optional[str] = None
        self.user_managed = False
        self.rscript_path: Optional[str] = None
        self.snapshot_date: Optional[str] = None
        self.cran_packages: List[RCranPackage] = []
        self.github_packages: List[RGitHubPackage] = []
        self.custom_url_packages: List[str] = []
        self.bioconductor_packages: List[str] = []
