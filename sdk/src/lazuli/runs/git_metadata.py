"""The git repository, branch and commit of a source folder."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Dict, List, Optional, Tuple


def read_git_properties(path: str) -> Dict[str, str]:
    """Repository, branch, commit and whether it is dirty, under the names of Azure and MLflow; empty outside a repository."""
    folder = path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path))
    names: Tuple[Tuple[str, List[str], str], ...] = (
        ("repository_uri", ["config", "--get", "remote.origin.url"], "mlflow.source.git.repoURL"),
        ("branch", ["rev-parse", "--abbrev-ref", "HEAD"], "mlflow.source.git.branch"),
        ("commit", ["rev-parse", "HEAD"], "mlflow.source.git.commit"),
    )
    found: Dict[str, str] = {}
    for name, command, mlflow_name in names:
        value = os.environ.get(f"AZUREML_GIT_{name.upper()}") or _run_git(folder, *command)
        if value:
            found[f"azureml.git.{name}"] = found[mlflow_name] = _without_password(value)
    if found:
        status = _run_git(folder, "status", "--porcelain", "--", ".")
        found["azureml.git.dirty"] = os.environ.get("AZUREML_GIT_DIRTY") or str(bool(status))
    return found


def _run_git(folder: str, *command: str) -> Optional[str]:
    try:
        done = subprocess.run(["git", "-C", folder, *command], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _without_password(address: str) -> str:
    return re.sub(r"(?<=://)[^/@]+@", "", address)
