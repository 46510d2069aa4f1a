"""The names of conda packages on a Python package index, from conda_names.txt."""

from __future__ import annotations

import functools
import os
import re
from typing import Dict, FrozenSet

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conda_names.txt")

# Backports of what every Python from 3.8 on has; their last versions do not install there.
PARTS_OF_PYTHON = frozenset(["argparse", "contextvars", "dataclasses", "enum34", "functools32", "futures", "typing"])

# Builds for Python that only conda has any use for; some names are a stranger's or an old one's on a package index.
CONDA_ONLY = frozenset(
    [
        "anaconda",
        "anaconda-client",
        "anaconda-navigator",
        "anaconda-project",
        "conda",
        "conda-build",
        "conda-content-trust",
        "conda-env",
        "conda-libmamba-solver",
        "conda-pack",
        "conda-package-handling",
        "conda-package-streaming",
        "conda-repo-cli",
        "conda-token",
        "conda-verify",
        "libmambapy",
        "mamba",
        "menuinst",
        "mkl-fft",
        "mkl-random",
        "mkl-service",
        "navigator-updater",
        "nb-conda",
        "nb-conda-kernels",
        "python-abi",
        "rapids",
    ]
)


@functools.lru_cache(maxsize=1)
def _read_table() -> Dict[str, str]:
    with open(TABLE, encoding="utf-8") as file:
        rows = [line.split() for line in file if not line.startswith("#")]
    return {words[0]: words[-1] for words in rows}


@functools.lru_cache(maxsize=1)
def _list_distributions() -> FrozenSet[str]:
    return frozenset(_read_table().values())


def normalize_name(name: str) -> str:
    """PEP 503's one spelling of a name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_index_name(conda_name: str) -> str:
    """The name on a Python package index; "" if conda's package is not known to be a Python distribution."""
    name = normalize_name(conda_name)
    return "" if name in CONDA_ONLY else _read_table().get(name, "")


def is_known_distribution(name: str) -> bool:
    """Whether a Python package index is known to have a distribution of this name that conda's users mean by it."""
    return normalize_name(name) in _list_distributions()
