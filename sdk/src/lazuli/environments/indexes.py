"""Where packages come from: the studio's index first, then what the machine's own settings of pip and uv name."""

from __future__ import annotations

import configparser
import os
import sys
from typing import Dict, List, Optional

PIP_KEYS = ("index-url", "extra-index-url", "find-links")


def arguments(index_url: Optional[str]) -> List[str]:
    """A name that the studio's index knows comes from it alone; its own index passes the others on.

    Without it all the machine's indexes count alike, as they do for pip.
    """
    settings = pip_settings()
    found = ["--index", index_url] if index_url else ["--index-strategy", "unsafe-best-match"]
    for url in settings["extra-index-url"]:
        found += ["--index", url]
    for url in settings["index-url"][-1:]:
        found += ["--default-index", url]
    for place in settings["find-links"]:
        found += ["--find-links", place]
    return found


def pip_settings() -> Dict[str, List[str]]:
    """pip's configuration files and variables; uv reads neither, and its own variables it reads itself."""
    found: Dict[str, List[str]] = {key: [] for key in PIP_KEYS}
    for path in _files():
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


def _files() -> List[str]:
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = os.path.expanduser("~")
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    places = ["/etc/pip.conf", os.path.join(home, ".pip", "pip.conf"), os.path.join(config, "pip", "pip.conf")]
    places.append(os.path.join(sys.prefix, "pip.conf"))
    return [path for path in [*places, named or ""] if path and os.path.isfile(path)]


def constraint_files() -> List[str]:
    """`LAZULI_CONSTRAINTS` is the site's; pip's and uv's own variables count too."""
    found: List[str] = []
    for name in ("LAZULI_CONSTRAINTS", "PIP_CONSTRAINT", "UV_CONSTRAINT"):
        found += os.environ.get(name, "").split()
    return list(dict.fromkeys(found))
