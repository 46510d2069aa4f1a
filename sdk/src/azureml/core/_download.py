"""Several files of a run at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List, Optional

from azureml.core._artifacts import PARALLEL, RunFiles
from azureml.exceptions import UserErrorException


def many(files: RunFiles, prefix: Optional[str], folder: Optional[str], output_paths: Any, append_prefix: bool) -> None:
    prefix = (prefix or "").strip("/")
    # "outputs" means the folder, not also "outputs_old/".
    names = [name for name in files.names() if not prefix or name == prefix or name.startswith(prefix + "/")]
    targets = _given(output_paths, names) or [_below(name, prefix, append_prefix) for name in names]
    targets = [os.path.join(folder or ".", target) for target in targets]
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="lazuli-download") as pool:
        list(pool.map(files.download, names, targets))


def _given(output_paths: Any, names: List[str]) -> List[str]:
    paths = [output_paths] if isinstance(output_paths, str) else list(output_paths or [])
    if paths and len(paths) != len(names):
        raise UserErrorException(f"{len(paths)} output_paths do not fit the {len(names)} files of the run.")
    return paths


def _below(name: str, prefix: str, append_prefix: bool) -> str:
    if append_prefix or not prefix:
        return name
    return name[len(prefix) :].lstrip("/") or os.path.basename(name)
