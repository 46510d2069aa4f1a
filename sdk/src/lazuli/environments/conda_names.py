"""The names of conda packages on a Python package index, and the distributions of modules, from conda_names.txt."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from typing import Dict, Set

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conda_names.txt")

# Backports of what every Python from 3.8 on has; their last versions do not install there.
PARTS_OF_PYTHON = frozenset(["argparse", "contextvars", "dataclasses", "enum34", "functools32", "futures", "typing"])
# Of several distributions that bring a module, and where the table has none: the one that people mean.
MODULES = {
    "Crypto": "pycryptodome",
    "IPython": "ipython",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google.protobuf": "protobuf",
    "imblearn": "imbalanced-learn",
    "interpret.ext": "interpret-community",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "osgeo": "gdal",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "skopt": "scikit-optimize",
    "slugify": "python-slugify",
    "tables": "tables",
    "umap": "umap-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


@dataclasses.dataclass
class _Table:
    index_names: Dict[str, str]
    distributions: Set[str]
    modules: Dict[str, str]


@functools.lru_cache(maxsize=1)
def _read_table() -> _Table:
    table = _Table({}, set(), {})
    with open(TABLE, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if not words or words[0] == "#":
                continue
            index_name = words[1] if len(words) > 1 and words[1] != "=" else words[0]
            table.index_names[words[0]] = index_name
            table.distributions.add(index_name)
            if len(words) > 2:
                table.modules.setdefault(words[2], index_name)
    return table


def normalize_name(name: str) -> str:
    """PEP 503's one spelling of a name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_index_name(conda_name: str) -> str:
    """The name on a Python package index; "" if conda's package is not known to be a Python distribution."""
    return _read_table().index_names.get(normalize_name(conda_name), "")


def is_known_distribution(name: str) -> bool:
    """Whether a Python package index is known to have a distribution of this name that conda's users mean by it."""
    return normalize_name(name) in _read_table().distributions


def find_distribution(module: str) -> str:
    """The distribution that brings a module such as `sklearn` or `azure.storage.blob`; "" if it is not known."""
    table, parts = _read_table(), module.split(".")
    # The longest name first: azure.storage.blob is not in the distribution azure.
    for count in range(min(len(parts), 5), 0, -1):
        name = ".".join(parts[:count])
        found = MODULES.get(name) or table.modules.get(name)
        if found or normalize_name(name) in table.distributions:
            return found or normalize_name(name)
    return ""
