"""The packages of an environment, in the form of a conda file."""

from __future__ import annotations

import copy
import os
import re
from typing import Any, Dict, Iterable, List, Optional

from lazuli.environments.definitions import (
    DEFAULT_PIP_PYTHON,
    check_conda_structure,
    default_conda_structure,
    read_conda_file,
)
from lazuli.version import VERSION
from lazuli.yaml_text import format_yaml

from azureml import _absent
from azureml.exceptions import UserErrorException

BASE_PROJECT_FILE_RELATIVE_PATH = "base_project_files/conda_dependencies.yml"
BASE_PROJECT_MODULE = "azureml._project"
CHAINER_PACKAGE_PREFIX = "chainer"
CHANNELS = "channels"
CNTK_DEFAULT_VERSION = "2.7"
CNTK_PACKAGE_PREFIX = "cntk"
CONDA_FILE_NAME = "auto_conda_dependencies.yml"
CPU = "cpu"
CUPY_DEFAULT_VERSION = "cupy-cuda102"
DEFAULT_CHAINER_VERSION = "7.7.0"
DEFAULT_SDK_ORIGIN = "https://pypi.python.org/simple"
GPU = "gpu"
HOROVOD_DEFAULT_VERSION = "0.19.5"
LINUX_PLATFORM = "linux"
PACKAGES = "dependencies"
PIP = "pip"
PYTHON_DEFAULT_VERSION = DEFAULT_PIP_PYTHON
PYTHON_PREFIX = "python"
PYTORCH_DEFAULT_VERSION = "1.6.0"
PYTORCH_PACKAGE_PREFIX = "torch"
TENSORFLOW_DEFAULT_VERSION = "2.2.0"
TENSORFLOW_PACKAGE_PREFIX = "tensorflow"
TORCHVISION_DEFAULT_VERSION = "0.7.0"
TORCHVISION_PACKAGE_PREFIX = "torchvision"
WINDOWS_PLATFORM = "win32"

_SDK_NAME = re.compile(r"azureml-[a-z0-9-]+(\[[^\]]*\])?", re.IGNORECASE)


def package_name(requirement: str) -> str:
    """`scikit-learn` for `conda-forge::scikit-learn=1.0` and for `scikit-learn[extra]>=1`."""
    return re.split(r"[\s=<>!~\[;@(]", requirement.split("::")[-1].strip(), maxsplit=1)[0].lower()


def _check_list(packages: Optional[List[str]], what: str) -> List[str]:
    """A text is refused: each of its letters would be a package."""
    if isinstance(packages, str):
        raise UserErrorException(f"{what} must be a list, such as [{packages!r}], not str.")
    found = list(packages or [])
    wrong = [package for package in found if not isinstance(package, str)]
    if wrong:
        raise UserErrorException(f"{what} must contain strings, not {type(wrong[0]).__name__}.")
    return found


class CondaDependencies:
    """`name`, `channels` and `dependencies`; the pip packages are a list inside the dependencies."""

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 0
    DEFAULT_NUMBER_OF_PIP_PACKAGES = 0

    def __init__(self, conda_dependencies_file_path: Optional[str] = None, _underlying_structure: Any = None):
        if conda_dependencies_file_path and _underlying_structure:
            raise UserErrorException("Give a file or a structure, not both.")
        if conda_dependencies_file_path:
            self._structure = read_conda_file(conda_dependencies_file_path)
        elif _underlying_structure is not None:
            self._structure = check_conda_structure(copy.deepcopy(_underlying_structure), "The structure")
        else:
            self._structure = default_conda_structure()

    @staticmethod
    def create(
        pip_indexurl: Optional[str] = None,
        pip_packages: Optional[List[str]] = None,
        conda_packages: Optional[List[str]] = None,
        python_version: str = PYTHON_DEFAULT_VERSION,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        dependencies = CondaDependencies()
        dependencies.set_python_version(python_version)
        if pip_packages is not None:
            dependencies.remove_pip_package("azureml-defaults")
        for package in _check_list(conda_packages, "conda_packages"):
            dependencies.add_conda_package(package)
        for package in _check_list(pip_packages, "pip_packages"):
            pinned = pin_sdk_version and _SDK_NAME.fullmatch(package)
            dependencies.add_pip_package(f"{package}~={VERSION}" if pinned else package)
        if pip_indexurl:
            dependencies.set_pip_index_url(pip_indexurl)
        return dependencies

    @staticmethod
    def merge_requirements(requirements: Iterable[str]) -> List[str]:
        """One line per package, with the conditions of all its lines joined by commas."""
        merged: Dict[str, str] = {}
        for line in requirements:
            name = re.split(r"[<>=!~]", line, maxsplit=1)[0].strip()
            wish = line[len(name) :].strip()
            present = merged.get(name)
            if present and wish and wish not in present.split(","):
                merged[name] = f"{present},{wish}"
            else:
                merged[name] = present or wish
        return [name + wish for name, wish in merged.items()]

    @staticmethod
    def sdk_origin_url() -> str:
        return DEFAULT_SDK_ORIGIN

    @property
    def conda_channels(self) -> Iterable[str]:
        return iter(self._structure.get(CHANNELS) or [])

    @property
    def conda_packages(self) -> Iterable[str]:
        return iter(self._conda_lines())

    @property
    def pip_packages(self) -> Iterable[str]:
        return iter([line for line in self._pip_lines() if not line.startswith("-")])

    @property
    def pip_options(self) -> Iterable[str]:
        return iter([line for line in self._pip_lines() if line.startswith("-")])

    def add_channel(self, channel: str) -> None:
        channels = self._structure.setdefault(CHANNELS, [])
        if channel not in channels:
            channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        channels = self._structure.get(CHANNELS) or []
        self._structure[CHANNELS] = [name for name in channels if name != channel]

    def add_conda_package(self, conda_package: str) -> None:
        """Add a package, and remove an older line of the same name."""
        self.remove_conda_package(conda_package)
        self._dependencies().append(conda_package)

    def remove_conda_package(self, conda_package: str) -> None:
        name = package_name(conda_package)
        kept = [line for line in self._dependencies() if not isinstance(line, str) or package_name(line) != name]
        self._structure[PACKAGES] = kept

    def add_pip_package(self, pip_package: str) -> None:
        """Add a package, and remove an older line of the same name."""
        self.remove_pip_package(pip_package)
        self._pip_list().append(pip_package)

    def remove_pip_package(self, pip_package: str) -> None:
        name = package_name(pip_package)
        lines = self._pip_lines()
        self._set_pip([line for line in lines if line.startswith("-") or package_name(line) != name])

    def set_pip_option(self, pip_option: str) -> None:
        self.remove_pip_option(pip_option)
        self._pip_list().insert(0, pip_option)

    def remove_pip_option(self, pip_option: str) -> None:
        option = re.split(r"[\s=]", pip_option.strip(), maxsplit=1)[0]
        self._set_pip([line for line in self._pip_lines() if re.split(r"[\s=]", line, maxsplit=1)[0] != option])

    def set_pip_index_url(self, index_url: str) -> None:
        self.set_pip_option(f"--index-url {index_url}")

    def set_pip_requirements(self, pip_requirements: List[str]) -> None:
        """Replace all pip packages by these lines; the options stay."""
        self._set_pip(list(self.pip_options) + list(pip_requirements))

    def set_python_version(self, version: str) -> None:
        if not re.fullmatch(r"\d+(\.\d+){0,2}", str(version)):
            raise UserErrorException(f"python_version={version!r} is not a version such as 3.10 or 3.10.18.")
        self.remove_conda_package(PYTHON_PREFIX)
        self._dependencies().insert(0, f"{PYTHON_PREFIX}={version}")

    def get_python_version(self) -> Optional[str]:
        for line in self._conda_lines():
            if package_name(line) == PYTHON_PREFIX:
                found = re.search(r"\d+(?:\.\d+)*", line[line.index(PYTHON_PREFIX) + len(PYTHON_PREFIX) :])
                return found.group() if found else None
        return None

    def get_default_number_of_packages(self) -> int:
        return self.DEFAULT_NUMBER_OF_CONDA_PACKAGES + self.DEFAULT_NUMBER_OF_PIP_PACKAGES

    def add_tensorflow_pip_package(self, core_type: str = CPU, version: Optional[str] = None) -> None:
        self.add_pip_package(_with_version(_for_core("tensorflow", core_type), version or TENSORFLOW_DEFAULT_VERSION))

    def add_tensorflow_conda_package(self, core_type: str = CPU, version: Optional[str] = None) -> None:
        name = _for_core("tensorflow", core_type)
        self.add_conda_package(f"{name}={version or TENSORFLOW_DEFAULT_VERSION}")

    def add_cntk_package(self, core_type: str = CPU) -> None:
        self.add_pip_package(_with_version(_for_core("cntk", core_type), CNTK_DEFAULT_VERSION))

    def as_dict(self) -> Dict[str, Any]:
        return copy.deepcopy(self._structure)

    def serialize_to_string(self) -> str:
        return format_yaml(self._structure)

    def save(self, path: Optional[str] = None) -> str:
        """Write the conda file and return its path; `path` may be a folder."""
        path = path or CONDA_FILE_NAME
        if os.path.isdir(path):
            path = os.path.join(path, CONDA_FILE_NAME)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.serialize_to_string())
        return path

    def save_to_file(self, base_directory: str, conda_file_path: Optional[str] = None) -> str:
        """Write the conda file below `base_directory` and return its path relative to it."""
        relative = conda_file_path or CONDA_FILE_NAME
        target = os.path.join(base_directory, relative)
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        self.save(target)
        return relative

    def __repr__(self) -> str:
        return self.serialize_to_string()

    def _dependencies(self) -> List[Any]:
        found: List[Any] = self._structure.setdefault(PACKAGES, [])
        return found

    def _conda_lines(self) -> List[str]:
        return [line for line in self._dependencies() if isinstance(line, str)]

    def _pip_lines(self) -> List[str]:
        return [line for item in self._dependencies() if isinstance(item, dict) for line in item.get(PIP) or []]

    def _pip_list(self) -> List[str]:
        for item in self._dependencies():
            if isinstance(item, dict) and PIP in item:
                item[PIP] = item[PIP] or []
                lines: List[str] = item[PIP]
                return lines
        made: List[str] = []
        self._dependencies().append({PIP: made})
        return made

    def _set_pip(self, lines: List[str]) -> None:
        self._pip_list()[:] = lines
        if not lines:
            self._structure[PACKAGES] = [item for item in self._dependencies() if not isinstance(item, dict)]


def _for_core(name: str, core_type: str) -> str:
    if core_type not in (CPU, GPU):
        raise UserErrorException(f"core_type={core_type!r} is not known. Allowed: {CPU}, {GPU}.")
    return name if core_type == CPU else f"{name}-{GPU}"


def _with_version(name: str, version: str) -> str:
    return f"{name}=={version}"


__getattr__ = _absent.find_missing(__name__)
