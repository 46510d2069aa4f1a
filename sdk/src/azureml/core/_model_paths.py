"""Find the files of a model for a script: in the folder of its service, its cache, or on the server."""

from __future__ import annotations

import os
from typing import Any, Optional

from lazuli import models

from azureml.core import _registry
from azureml.exceptions import ModelNotFoundException, RunEnvironmentException

CACHE = "azureml-models"


def find_model_path(name: str, version: Optional[int], workspace: Any) -> str:
    """The path of the model's file or folder. Raises ModelNotFoundException with the searched paths."""
    in_service = os.environ.get("AZUREML_MODEL_DIR")
    if in_service:
        found = _in_model_folder(in_service, name, version)
        if found:
            return found
    workspace = workspace or _workspace_of_run()
    if workspace is not None:
        return _download_once(workspace, name, version)
    root = os.environ.get("AML_APP_ROOT") or os.getcwd()
    found = _in_cache(os.path.join(root, CACHE), name, version)
    if found:
        return found
    if os.path.exists(os.path.join(root, name)):
        return os.path.join(root, name)
    looked = ", ".join(filter(None, [in_service, os.path.join(root, CACHE), root]))
    raise ModelNotFoundException(
        f"Model {name} was not found in the local cache or in the root folder (looked at: {looked}). "
        "Outside of a service or run, download it with Model(workspace, name).download(), or pass the workspace."
    )


def _in_model_folder(folder: str, name: str, version: Optional[int]) -> Optional[str]:
    """The variable names the folder of all models of a service, or that of its only one."""
    parts = os.path.normpath(folder).split(os.sep)
    if len(parts) > 1 and parts[-2] == name and version in (None, _as_number(parts[-1])):
        return _only_entry(folder)
    return _in_cache(folder, name, version)


def _in_cache(cache: str, name: str, version: Optional[int]) -> Optional[str]:
    folder = os.path.join(cache, name)
    numbers = sorted(filter(None, map(_as_number, os.listdir(folder)))) if os.path.isdir(folder) else []
    if version is None:
        return _only_entry(os.path.join(folder, str(numbers[-1]))) if numbers else None
    return _only_entry(os.path.join(folder, str(version))) if int(version) in numbers else None


def _download_once(workspace: Any, name: str, version: Optional[int]) -> str:
    resource = models.get_version(workspace._remote, name, "latest" if version is None else version)
    cache = os.path.join(os.environ.get("AML_APP_ROOT") or os.getcwd(), CACHE)
    folder = os.path.join(cache, name, resource["name"])
    # The mark says that a download has ended; without it another process may have been killed in the middle.
    mark = os.path.join(cache, f".{name}.{resource['name']}.complete")
    if not os.path.exists(mark):
        models.download(workspace._remote, resource, name, folder, exist_ok=True)
        with open(mark, "w", encoding="ascii"):
            """It is empty."""
    return _only_entry(folder)


def _workspace_of_run() -> Any:
    try:
        return _registry.find_run_context(False).experiment.workspace
    except RunEnvironmentException:
        return None


def _only_entry(folder: str) -> str:
    """The file or folder that the model is; several are the folder of the version itself."""
    entries = os.listdir(folder)
    return os.path.join(folder, entries[0]) if len(entries) == 1 else folder


def _as_number(text: str) -> Optional[int]:
    return int(text) if text.isdigit() else None
