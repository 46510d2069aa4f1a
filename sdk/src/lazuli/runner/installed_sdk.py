"""Whether an interpreter that the user manages has the SDK.

To ask it takes as long as many a replica takes to start, so the answer is kept in the cache of environments until one of
the folders with its packages changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import Any, Dict, Optional

from lazuli.environments.cache import cache_folder

FOLDER = "interpreters"
# The first line of its output names the paths that it searches; it ends with an error if one of the imports fails.
CHECK = """
import json, sys
print(json.dumps([sys.executable, *sys.path]), flush=True)
import azureml.core, lazuli.client, httpx
"""
# Variables on which these paths depend.
VARIABLES = ("HOME", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONUSERBASE", "VIRTUAL_ENV")


def has_sdk(python: str) -> bool:
    if python == sys.executable:
        return True
    path = _answer_path(python)
    known = _read_answer(path)
    if known is not None:
        return known
    done = subprocess.run([python, "-c", CHECK], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    found = done.returncode == 0
    try:
        program, *searched = json.loads(done.stdout.splitlines()[0])
    except (ValueError, IndexError):
        return found
    # A command such as that of pyenv is another interpreter tomorrow.
    if os.path.realpath(program) == os.path.realpath(python):
        # Relative ones belong to the current folder.
        paths = [python, *(each for each in searched if os.path.isabs(each))]
        _keep_answer(path, {"hasSdk": found, "times": {each: _read_time(each) for each in paths}})
    return found


def _answer_path(python: str) -> str:
    parts = [python, os.path.realpath(python), [os.environ.get(name) for name in VARIABLES]]
    name = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]
    return os.path.join(cache_folder(), FOLDER, f"{name}.json")


def _read_answer(path: str) -> Optional[bool]:
    """The answer that is kept; None if there is none that is still valid."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        is_current = all(_read_time(each) == time for each, time in content["times"].items())
        return bool(content["hasSdk"]) if is_current else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _read_time(path: str) -> int:
    """When the folder, zip or program was changed; 0 if it does not exist."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _keep_answer(path: str, content: Dict[str, Any]) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.{os.getpid()}", "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(f"{path}.{os.getpid()}", path)
    except OSError as error:
        # The next job asks again.
        print(f"{path} could not be written: {error}", file=sys.stderr)
