"""config.json: which workspace a folder belongs to, and where on the way to the root it is looked for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional

from azureml._names import parse_scope
from azureml.exceptions import UserErrorException

FOLDER = ".azureml"
OLD_FOLDER = "aml_config"
KEYS = ("subscription_id", "resource_group", "workspace_name")


class Found(NamedTuple):
    subscription_id: str
    resource_group: str
    workspace_name: str
    url: Optional[str]


def find(path: Optional[str], file_name: Optional[str] = None) -> Path:
    start = Path(path or ".").resolve()
    if start.is_file():
        return start
    if not start.exists():
        # Looking above it would give another workspace than the one that was named.
        raise UserErrorException(f"There is no file or folder {str(start)!r} to read the workspace configuration from.")
    for candidate in _candidates(start, file_name):
        if candidate.is_file():
            return candidate
    raise UserErrorException(
        f"The workspace configuration file config.json could not be found in {start} or its parent folders. "
        "Download it from the workspace's page in the studio, or give the path of your file."
    )


def _candidates(start: Path, file_name: Optional[str]) -> Iterator[Path]:
    folders = [start, *start.parents]
    names = [file_name] if file_name else ["config.json", "project.json"]
    # Each place is looked for all the way up before the next one.
    for inner in (FOLDER, OLD_FOLDER, ""):
        for name in names:
            for folder in folders:
                yield folder / inner / name


def read(path: Path) -> Found:
    content: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        raise UserErrorException(f"{path} holds no JSON object.")
    url = content.get("url")
    if content.get("Scope"):
        return Found(*parse_scope(content["Scope"]), url)
    missing = [key for key in KEYS if not content.get(key)]
    if missing:
        raise UserErrorException(f"{path} lacks {', '.join(missing)}.")
    subscription_id, resource_group, workspace_name = (str(content[key]) for key in KEYS)
    return Found(subscription_id, resource_group, workspace_name, url)


def write(scope: str, url: str, path: Optional[str], file_name: Optional[str]) -> Path:
    base = Path(path or os.getcwd())
    folder = base / OLD_FOLDER if (base / OLD_FOLDER).is_dir() else base / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (file_name or "config.json")
    target.write_text(json.dumps({"Id": None, "Scope": scope, "url": url}, indent=4), encoding="utf-8")
    return target
