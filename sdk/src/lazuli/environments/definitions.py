"""Environments as JSON, with SDK v1's keys: read from files and from the workspace's registry."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional, cast

from lazuli.client import quote_segment
from lazuli.errors import NotFound, UserErrorException
from lazuli.workspaces import WorkspaceClient
from lazuli.yaml_text import parse_yaml

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1"
DEFAULT_NAME = "default-environment"
DEFAULT_CONDA_PYTHON = "3.8.13"
DEFAULT_PIP_PYTHON = "3.10.18"
# What a script finds if no environment is given for it.
DEFAULT_PACKAGES = ("azureml-defaults", "matplotlib", "pandas", "scikit-learn", "numpy", "joblib")

Json = Dict[str, Any]


def conda_structure(*packages: str, pip: List[str], python: str) -> Json:
    """A conda file as a dict: `name`, `channels`, and `dependencies` with the pip packages as their last element."""
    return {
        "name": "project_environment",
        "dependencies": [f"python={python}", *packages, {"pip": pip}],
        "channels": ["anaconda", "conda-forge"],
    }


def default_conda_structure() -> Json:
    return conda_structure(pip=["azureml-defaults"], python=DEFAULT_CONDA_PYTHON)


def default_run_structure() -> Json:
    """The packages of the environment of a run for which none is given."""
    return conda_structure(pip=list(DEFAULT_PACKAGES), python=DEFAULT_CONDA_PYTHON)


def read_conda_file(path: str) -> Json:
    """A conda file, with the lines of the files that its `pip:` names by `-r` and `-c`, which lie beside it.

    Raises UserErrorException if a file does not exist or cannot be read, or is not a conda file.
    """
    from lazuli.environments import requirement_files  # start-up time

    if not os.path.isfile(path):
        raise UserErrorException(f"The conda file {path!r} does not exist.")
    structure = parse_yaml(requirement_files.read_text(path, "The conda file"), path)
    checked = check_conda_structure(structure, path)
    if "dependencies" in checked:
        checked["dependencies"] = requirement_files.expand_dependencies(checked["dependencies"], path)
    return checked


def check_conda_structure(structure: Any, source: str) -> Json:
    """Return the structure of a conda file; `source` names it in the error. Raises UserErrorException."""
    if structure is None:
        return {}
    if not isinstance(structure, dict):
        raise UserErrorException(f"{source} is not a conda file: it has no `dependencies`.")
    dependencies = structure.get("dependencies") or []
    if not isinstance(dependencies, list):
        raise UserErrorException(f"{source}: `dependencies` is a list of packages, such as [python=3.11, numpy].")
    for item in dependencies:
        is_pip = isinstance(item, dict) and list(item) == ["pip"] and isinstance(item["pip"], (list, type(None)))
        if not isinstance(item, str) and not (is_pip and all(isinstance(line, str) for line in item["pip"] or [])):
            raise UserErrorException(f"{source}: {item!r} is neither a package nor a `pip:` list of requirements.")
    if structure.get("dependencies") is None:
        structure.pop("dependencies", None)
    return structure


def read_requirements_file(path: str) -> List[str]:
    """The lines of a pip requirements file without comments, with those of the files that it names by `-r` and `-c`."""
    from lazuli.environments import requirement_files  # start-up time

    return requirement_files.read_requirements_file(path)


def requirements_structure(path: str) -> Json:
    """The conda structure of an environment with the packages of a pip requirements file."""
    return conda_structure("pip", pip=read_requirements_file(path), python=DEFAULT_PIP_PYTHON)


def environment_definition(name: str, dependencies: Optional[Mapping[str, Any]] = None) -> Json:
    """An environment whose packages a conda structure names; left out, SDK v1's default packages."""
    python = {
        "interpreterPath": "python",
        "userManagedDependencies": False,
        "condaDependencies": dict(dependencies or default_conda_structure()),
    }
    return {"name": name, "version": None, "environmentVariables": {}, "python": python}


def get_environment(workspace: WorkspaceClient, name: str, version: Optional[str] = None) -> Json:
    """A registered environment as a resource; `version` may be a label, and is the latest if left out.

    Raises UserErrorException if the workspace does not have it.
    """
    path = f"{workspace.path}/environments/{quote_segment(name)}/versions/{quote_segment(version or 'latest')}"
    try:
        return cast(Json, workspace.client.get(path))
    except NotFound as error:
        which = f"The workspace has no version {version} of the environment {name!r}. " if version else ""
        raise UserErrorException(f"{which}{error.message}", inner_exception=error) from error


def definition_from_resource(resource: Mapping[str, Any]) -> Json:
    """The definition of a registered environment, whether SDK v1 (`definition`) or another client registered it."""
    properties = resource.get("properties") or {}
    parts = str(resource.get("id") or "").split("/")
    name = parts[parts.index("environments") + 1] if "environments" in parts else resource.get("name")
    version = parts[parts.index("versions") + 1] if "versions" in parts else None
    definition = dict(properties.get("definition") or {})
    if not definition:
        definition["docker"] = {"baseImage": properties.get("image") or DEFAULT_CPU_IMAGE}
        if properties.get("condaFile"):
            packages = parse_yaml(properties["condaFile"], f"The conda file of the environment {name!r}")
            definition["python"] = {"condaDependencies": packages}
    return dict(definition, name=name, version=version or definition.get("version"), assetId=resource.get("id"))
