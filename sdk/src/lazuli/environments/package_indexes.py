"""The package indexes to install from: the studio's first, then those in the machine's settings of pip and uv."""

from __future__ import annotations

import configparser
import os
import re
import sys
from typing import Dict, List, Optional

from lazuli.environments.requirements import Requirements

PIP_KEYS = ("index-url", "extra-index-url", "find-links")


def build_arguments(index_url: Optional[str], wanted: Optional[Requirements] = None) -> List[str]:
    """The arguments of uv. A package that the studio's index has is taken from there alone.

    Where the environment names indexes, the best version of all is taken, as pip does; our own packages are installed
    before. Without the studio's index all indexes of the machine have the same rank.
    """
    settings = read_pip_settings()
    named = wanted is not None and wanted.names_indexes
    own = wanted if named and wanted is not None else Requirements()
    links = [*settings["find-links"], *map(expand_variables, own.find_links)]
    indexes, default = [*map(expand_variables, own.indexes), *settings["extra-index-url"]], settings["index-url"][-1:]
    if own.default_indexes:
        default = [expand_variables(own.default_indexes[-1])]
    elif named and index_url:
        # It forwards other names to the index of its host; queried last, for its own names too.
        default = [index_url]
    elif index_url:
        indexes = [index_url, *indexes]
    found = ["--index-strategy", "unsafe-best-match"] if named or not index_url else []
    found += [argument for url in indexes for argument in ("--index", url)]
    found += [argument for url in default for argument in ("--default-index", url)]
    return found + [argument for location in links for argument in ("--find-links", location)]


def expand_variables(url: str) -> str:
    """`${NAME}` in an address is a variable of this machine, as for pip; one that is not there stays."""
    return re.sub(r"\$\{([A-Z0-9_]+)\}", lambda match: os.environ.get(match[1], match[0]), url)


def read_pip_settings() -> Dict[str, List[str]]:
    """pip's configuration files and variables, which uv does not read; uv reads its own variables itself."""
    found: Dict[str, List[str]] = {key: [] for key in PIP_KEYS}
    for path in _find_pip_files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("global", "install"):
            for key in PIP_KEYS:
                if parser.has_option(section, key):
                    found[key] += parser.get(section, key).split()
    for key in PIP_KEYS:
        value = os.environ.get("PIP_" + key.upper().replace("-", "_"))
        if value:
            found[key] = [*found[key], *value.split()] if key != "index-url" else [value.strip()]
    return {key: list(dict.fromkeys(values)) for key, values in found.items()}


def _find_pip_files() -> List[str]:
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = os.path.expanduser("~")
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    paths = ["/etc/pip.conf", os.path.join(home, ".pip", "pip.conf"), os.path.join(config, "pip", "pip.conf")]
    paths.append(os.path.join(sys.prefix, "pip.conf"))
    return [path for path in [*paths, named or ""] if path and os.path.isfile(path)]


def find_constraint_files() -> List[str]:
    """The constraint files of the site (`LAZULI_CONSTRAINTS`), and those that pip's and uv's variables name."""
    found: List[str] = []
    for name in ("LAZULI_CONSTRAINTS", "PIP_CONSTRAINT", "UV_CONSTRAINT"):
        found += os.environ.get(name, "").split()
    return list(dict.fromkeys(found))
