"""Run definitions: SDK v1's run configurations as JSON, and the `.runconfig` files that hold them."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional

from lazuli.environments.definitions import (
    DEFAULT_NAME,
    default_run_structure,
    environment_definition,
    read_conda_file,
)
from lazuli.environments.requirement_files import read_text
from lazuli.errors import RunConfigurationException, UserErrorException
from lazuli.yaml_text import parse_yaml

# The target that stands for this machine.
LOCAL = "local"
SUFFIX = ".runconfig"
MAX_DURATION_SECONDS = 30 * 24 * 3600
FOLDERS = (".azureml", "aml_config", "")

Json = Dict[str, Any]


def default_definition() -> Json:
    """A Python script on this machine in the default environment."""
    return {
        "script": None,
        "arguments": [],
        "command": "",
        "target": LOCAL,
        "framework": "Python",
        "communicator": "None",
        "maxRunDurationSeconds": MAX_DURATION_SECONDS,
        "nodeCount": 1,
        "environment": environment_definition(DEFAULT_NAME, default_run_structure()),
        "environmentVariables": {},
        "history": {"outputCollection": True, "snapshotProject": True, "directoriesToWatch": ["logs"]},
    }


def find_definition_file(path: str, name: Optional[str]) -> str:
    """The path of the run configuration `name` of the folder `path`, or `path` itself if it is a file."""
    if os.path.isfile(path):
        return os.path.abspath(path)
    name = name or LOCAL
    for folder in FOLDERS:
        file_path = os.path.join(os.path.abspath(path), folder, name + SUFFIX)
        if os.path.isfile(file_path):
            return file_path
    raise UserErrorException(f"{path!r} has no run configuration {name!r}.")


def read_definition_file(path: str, name: Optional[str] = None) -> Json:
    """The content of a run configuration file, with the `environment.yml` next to it if it names no environment.

    Raises UserErrorException if there is no such file, RunConfigurationException if it is not a run configuration.
    """
    file_path = find_definition_file(path, name)
    content = _read_file(file_path)
    if not isinstance(content, dict):
        raise RunConfigurationException(f"{file_path} is not a run configuration.")
    separate = os.path.join(os.path.dirname(file_path), "environment.yml")
    if "environment" not in content and os.path.isfile(separate):
        content["environment"] = _read_file(separate)
    _read_named_conda_file(content, file_path, path)
    return content


def _read_file(path: str) -> Any:
    return parse_yaml(read_text(path, "The run configuration"), path)


def _read_named_conda_file(content: Json, file_path: str, path: str) -> None:
    """Put the conda file that the environment names in its place; its path is relative to the project, as in Azure.

    Raises UserErrorException if it does not exist. A definition that was saved with the packages needs no file.
    """
    python = _find_section(_find_section(content, "environment"), "python")
    named = next((value for key, value in python.items() if key.lower() == "condadependenciesfile"), None)
    if not named:
        return
    folder = os.path.dirname(file_path)
    in_project = os.path.basename(folder) in FOLDERS
    project = os.path.abspath(path) if os.path.isdir(path) else os.path.dirname(folder) if in_project else folder
    found = os.path.join(project, os.path.expanduser(str(named)))
    if not os.path.isfile(found):
        # As it is written on Windows.
        found = os.path.join(project, *str(named).split("\\"))
    if os.path.isfile(found):
        python.update(condaDependencies=read_conda_file(found), condaDependenciesFile=found)
    elif not any(key.lower() == "condadependencies" and value for key, value in python.items()):
        raise UserErrorException(
            f"{file_path} names the conda file {named!r}, which is not in the project folder {project!r}."
        )


def _find_section(content: Any, name: str) -> Json:
    found = next((value for key, value in content.items() if key.lower() == name), None)
    return found if isinstance(found, dict) else {}


def merge_definition(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Json:
    """`defaults` overridden by `given`, section by section; the case of a key's first letter is ignored."""
    merged = dict(defaults)
    for name, value in given.items():
        key = name[:1].lower() + name[1:]
        present = merged.get(key)
        # The keys of an empty section, such as the environment variables, are names that the user chose.
        if present and isinstance(present, Mapping) and isinstance(value, Mapping) and key != "condaDependencies":
            merged[key] = merge_definition(present, value)
        elif value is not None or not isinstance(present, Mapping):
            # A section without anything, `environment:`, is the usual one.
            merged[key] = value
    return merged
