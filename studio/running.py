"""Finds the studio that runs from this checkout, so that commands use its data folder and URL.

Otherwise `make signin` next to `make up DATA_DIR=…` would create an empty data folder and print a link that does not
work.
"""

import os
import pathlib
from collections.abc import MutableMapping

import psutil

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
COMMANDS = {
    "signin",
    "token",
    "tracking-uri",
    "seed",
    "doctor",
    "backup",
    "changepassword",
    "createsuperuser",
    "shell",
    "dbshell",
}
# Creates a studio if there is none.
MAKES_STUDIO = {"seed"}
# The settings that identify the studio.
SETTINGS = ("DATA_DIR", "HOST", "PORT", "PUBLIC_URL", "DATABASE_URL", "STORAGE_URL", "REDIS_URL", "SECRET_KEY")
DATABASE = "studio.sqlite3"


class NoStudio(Exception):
    """There is no studio, or several; the message says what to do."""


def use_running_studio(words: list[str], environ: MutableMapping[str, str]) -> None:
    """Fill in the settings of the studio that a command of manage.py means. Raises NoStudio."""
    if not words or words[0] not in COMMANDS or environ.get("DATABASE_URL"):
        return
    given = folder_of(environ) if environ.get("DATA_DIR") else None
    found = [other for other in find_running() if given in (None, folder_of(other))]
    if len(found) > 1:
        folders = ", ".join(f"DATA_DIR={folder_of(other)}" for other in found)
        raise NoStudio(f"Several studios run from here; choose one: {folders}")
    for other in found:
        environ.update({name: other[name] for name in SETTINGS if other.get(name) and not environ.get(name)})
    if not found and words[0] not in MAKES_STUDIO and not (folder_of(environ) / DATABASE).is_file():
        raise NoStudio(
            f"There is no studio in the data folder {folder_of(environ)}. Start it once with `make up`, or name its "
            f"folder: DATA_DIR=/path/to/folder"
        )


def folder_of(environ) -> pathlib.Path:
    return pathlib.Path(environ.get("DATA_DIR") or REPOSITORY / "data").expanduser().resolve()


def find_running() -> list[dict[str, str]]:
    """The environments of the supervisors that this account has started from this checkout."""
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = process.uids().real == os.getuid() and process.cmdline()[1:3] == ["-m", "studio.up"]
            if is_ours and pathlib.Path(process.cwd()).resolve() == REPOSITORY:
                found.append(process.environ())
        except psutil.Error:
            # It has ended in the meantime.
            continue
    return found
