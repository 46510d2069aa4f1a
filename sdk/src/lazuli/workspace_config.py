"""`config.json`: which workspace a folder belongs to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional

from lazuli.errors import UserErrorException
from lazuli.resource_ids import parse_workspace_id

FOLDER = ".azureml"
OLD_FOLDER = "aml_config"
KEYS = ("subscription_id", "resource_group", "workspace_name")


class WorkspaceConfig(NamedTuple):
    """The content of a `config.json`; `url` is the server, if the file names it."""

    subscription_id: str
    resource_group: str
    workspace_name: str
    url: Optional[str]


def find_config_file(path: Optional[str], file_name: Optional[str] = None) -> Path:
    """The configuration file at `path` (default: the current folder), in it, or in a folder above it.

    Raises UserErrorException if `path` does not exist or there is no such file.
    """
    start = Path(path or ".").resolve()
    if start.is_file():
        return start
    if not start.exists():
        # A search above it would find another workspace than the one that was named.
        raise UserErrorException(f"The file or folder {str(start)!r} with the workspace configuration does not exist.")
    for candidate in _list_candidates(start, file_name):
        if candidate.is_file():
            return candidate
    raise UserErrorException(
        f"The workspace configuration file config.json could not be found in {start} or its parent folders. "
        "Download it from the workspace's page in the studio, or pass the path of your file."
    )


def _list_candidates(start: Path, file_name: Optional[str]) -> Iterator[Path]:
    folders = [start, *start.parents]
    names = [file_name] if file_name else ["config.json", "project.json"]
    # Each kind of place is searched up to the root before the next one.
    for inner in (FOLDER, OLD_FOLDER, ""):
        for name in names:
            for folder in folders:
                yield folder / inner / name


def read_config_file(path: Path) -> WorkspaceConfig:
    """Read a `config.json`.

    Raises json.JSONDecodeError if it is not JSON, as SDK v1 does, UserErrorException if it does not name a workspace.
    """
    content = read_json_object(path)
    url = content.get("url")
    if content.get("Scope"):
        return WorkspaceConfig(*parse_workspace_id(content["Scope"]), url)
    missing = [key for key in KEYS if not content.get(key)]
    if missing:
        raise UserErrorException(f"{path} lacks {', '.join(missing)}.")
    subscription_id, resource_group, workspace_name = (str(content[key]) for key in KEYS)
    return WorkspaceConfig(subscription_id, resource_group, workspace_name, url)


def read_json_object(path: Path) -> Dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        raise UserErrorException(f"{path} does not contain a JSON object.")
    return content


def write_config_file(scope: str, url: str, path: Optional[str], file_name: Optional[str]) -> Path:
    """Write the file into `.azureml/` below `path` (default: the current folder), and return its path."""
    parent = Path(path or os.getcwd())
    folder = parent / OLD_FOLDER if (parent / OLD_FOLDER).is_dir() else parent / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (file_name or "config.json")
    target.write_text(json.dumps({"Id": None, "Scope": scope, "url": url}, indent=4), encoding="utf-8")
    return target
