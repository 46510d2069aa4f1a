"""A folder of the server with packages, which the studio's index offers: private ones, and all where there is no internet."""

import functools
import pathlib
import re

from django.conf import settings

from assets.packages import is_own_package, normalize_name

# The name is before the first hyphen of a wheel, and before the last one of a source distribution.
WHEEL = re.compile(r"(?P<name>[A-Za-z0-9._]+)-[0-9][^-]*(-[^-]+){3,4}\.whl")
SOURCE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)-[0-9][^-]*\.(tar\.gz|zip)")


def list_names() -> list[str]:
    return sorted(_read_folder())


def list_files(name: str) -> list[str]:
    """The file names of a package with this normalized name."""
    return _read_folder().get(name, [])


def find_file(filename: str) -> pathlib.Path | None:
    """The path of a file that the index lists."""
    name = _name_of(filename)
    return settings.WHEELS_DIR / filename if filename in list_files(name) else None


def _read_folder() -> dict[str, list[str]]:
    try:
        return _read_names(settings.WHEELS_DIR, settings.WHEELS_DIR.stat().st_mtime_ns)
    except (FileNotFoundError, NotADirectoryError):
        return {}


@functools.lru_cache(maxsize=4)
def _read_names(folder: pathlib.Path, changed: int) -> dict[str, list[str]]:
    """The files by normalized names; read again when the folder has `changed`. The studio's own names are left out."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir()):
        name = _name_of(path.name)
        if name and not is_own_package(name) and path.is_file():
            found.setdefault(name, []).append(path.name)
    return found


def _name_of(filename: str) -> str:
    """Empty if it is no package."""
    match = WHEEL.fullmatch(filename) or SOURCE.fullmatch(filename)
    return normalize_name(match["name"]) if match else ""
