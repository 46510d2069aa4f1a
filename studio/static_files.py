"""URLs of static files. They change with the content, so that browsers can cache the files permanently.

JavaScript modules import each other by relative URLs, so the version is a folder in the URL and not a query: a page
loads all of them in one version.
"""

import functools
import hashlib
import pathlib
import re
from importlib.metadata import version

from django.contrib.staticfiles import finders

# Packages with their own static files.
PACKAGES = ("django", "django-htmx")
# `import … from "./x.js"`, `export … from "./x.js"` and `import "./x.js"`, as the linter has them: one line each.
IMPORT = re.compile(r"""^(?:import|export)\b[^"']*["'](\.{1,2}/[^"']+)["'];""", re.M)


def static_version(folder: pathlib.Path) -> str:
    """A short hash of all static files, the same on every machine with the same files."""
    digest = hashlib.blake2b(digest_size=6)
    for package in PACKAGES:
        digest.update(f"{package} {version(package)}\n".encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=1000)
def find_static(path: str) -> pathlib.Path:
    found = finders.find(path)
    if not found:
        raise FileNotFoundError(f"There is no static file {path!r}.")
    return pathlib.Path(found)


def list_imports(path: str) -> list[str]:
    """All modules that a module imports, directly or indirectly: what a page can preload."""
    found: list[str] = []
    waiting = [path]
    while waiting:
        module = waiting.pop(0)
        for name in IMPORT.findall(find_static(module).read_text()):
            imported = _resolve(module, name)
            if imported != path and imported not in found:
                found.append(imported)
                waiting.append(imported)
    return found


def _resolve(module: str, name: str) -> str:
    folder = pathlib.PurePosixPath(module).parent
    for part in name.split("/"):
        folder = folder.parent if part == ".." else folder if part == "." else folder / part
    return str(folder)
