"""The packages that a warm parent imports for the replicas of its environment: usual ones, whose import starts nothing and
reads no setting that differs between services."""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
from typing import Any, Iterable, List, Tuple

import lazuli

USUAL = frozenset(
    [
        "annotated_types", "azureml", "azureml_inference_server_http", "cachetools", "catboost", "certifi",
        "charset_normalizer", "click", "cloudpickle", "dateutil", "google", "idna", "imblearn", "importlib_metadata",
        "inference_schema", "jinja2", "joblib", "lightgbm", "mlflow", "narwhals", "numpy", "onnxruntime", "packaging",
        "pandas", "PIL", "psutil", "pyarrow", "pydantic", "pydantic_core", "pytz", "requests", "rich", "scipy", "six",
        "sklearn", "sqlparse", "statsmodels", "threadpoolctl", "torch", "typing_extensions", "typing_inspection",
        "urllib3", "xgboost", "yaml", "zipp",
    ]
)  # fmt: skip
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
MAX_NAMES, MAX_BYTES = 5000, 400_000
# Beside a warm parent: what it imports, and the file that says that it forks replicas.
MODULES, READY = "modules.json", "ready"
# The variable with the path of the file to which a scoring server writes what it has imported.
LIST_VARIABLE = "LAZULI_IMPORTED_MODULES"
# Its name, in the folder of the replica.
IMPORTED = "imported-modules.json"
# The variable that tells a replica why it is not forked.
PLAIN_VARIABLE = "LAZULI_PLAIN_START"


def choose_usual(names: Iterable[Any]) -> List[str]:
    """The names that are modules of usual packages, in their order."""
    found = [name for name in names if isinstance(name, str) and NAME.fullmatch(name)]
    return [name for name in found if name.partition(".")[0] in USUAL][:MAX_NAMES]


_inherited = 0


def note_inherited() -> None:
    """From now on, forked processes share the modules that this one has."""
    global _inherited
    _inherited = len(sys.modules)


def write_imported(path: str) -> None:
    """Write down which modules of usual packages this process has imported from its environment; nothing if a warm parent
    had imported them all, so that their pages stay shared with it."""
    count = len(sys.modules) - _inherited
    if _inherited and not choose_usual(itertools.islice(reversed(sys.modules), max(count, 0))):
        return
    # For a Python that the user manages, the SDK is in a folder of its own.
    folders = (sys.prefix, os.path.dirname(os.path.dirname(lazuli.__file__)))
    roots = tuple(os.path.realpath(folder) + os.sep for folder in folders)
    names = [name for name in choose_usual(sys.modules) if _is_below(roots, name)]
    with open(path, "w", encoding="ascii") as file:
        json.dump(names, file)


def _is_below(roots: Tuple[str, ...], name: str) -> bool:
    path = getattr(sys.modules.get(name), "__file__", None)
    return isinstance(path, str) and os.path.realpath(path).startswith(roots)


def read_imported(path: str) -> List[str]:
    """The names that a scoring server has written; none if it has written something else."""
    try:
        with open(path, "rb") as file:
            names = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError):
        return []
    return choose_usual(names) if isinstance(names, list) else []
