"""Keep the data folder private: no other account of the machine can read it.

It holds the database, secret key, logs, snapshots and outputs of all users. Needs no Django, because host agents use it too.
"""

from __future__ import annotations

import os
import pathlib
import stat
from collections.abc import Collection, Iterator

UMASK = 0o077
OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Built environments are linked to uv's cache, whose files have modes of their own; the folder above keeps others out.
LINKED = pathlib.PurePath("nodes", "environments")
# May hold a million files, which are looked at only if the folder above was open.
MANY = pathlib.PurePath("storage")
# The data folder of a studio or a host agent has at least one of these.
OURS = {"secret.key", "up.lock", "nodes"}


class NotPrivate(Exception):
    """The folder cannot be made private; the text says why and what to do."""


def close_new_files() -> None:
    """Make new files of this process and its children readable only by their own account."""
    os.umask(UMASK)


def close_folder(folder: pathlib.Path) -> int:
    """Create the folder if needed; remove all access of others to it and its content. Returns how many entries had any."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    was_open = _is_open(folder)
    if was_open:
        _refuse_shared(folder)
        _close_path(folder)
        if _is_open(folder):
            raise NotPrivate(
                f"The file system of {folder} has no access rights, so every account of this machine can read the "
                "folder. Choose a folder on another one: make up DATA_DIR=~/lazuli-data"
            )
    return was_open + sum(map(_close_path, open_entries(folder, skipped={LINKED} if was_open else {LINKED, MANY})))


def _close_path(path: pathlib.Path) -> bool:
    try:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
    except FileNotFoundError:
        # It was somebody's temporary file.
        return False
    except PermissionError as error:
        raise NotPrivate(_not_ours(path)) from error
    return True


def open_entries(
    folder: pathlib.Path, skipped: Collection[pathlib.PurePath] = frozenset({LINKED})
) -> Iterator[pathlib.Path]:
    """Everything below the folder that others can access, except `skipped` folders and targets of links."""
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = pathlib.Path(root, name)
            if not path.is_symlink() and _is_open(path):
                yield path
        folders[:] = [name for name in folders if pathlib.Path(root, name).relative_to(folder) not in skipped]


def problem_with(folder: pathlib.Path) -> str:
    """Why the folder is not private, as a sentence; empty if it is."""
    if not folder.exists():
        return ""
    if _is_open(folder):
        return f"Other accounts of this machine can read {folder} (mode {_format_mode(folder)}). Run: chmod -R go= '{folder}'"
    found = next(open_entries(folder), None)
    if found:
        return f"{found} would be open to others (mode {_format_mode(found)}) if it were moved. Run: chmod -R go= '{folder}'"
    return ""


def _is_open(path: pathlib.Path) -> bool:
    try:
        return bool(path.lstat().st_mode & OTHERS)
    except FileNotFoundError:
        return False


def _format_mode(path: pathlib.Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def _refuse_shared(folder: pathlib.Path) -> None:
    """Refuse a folder such as /tmp or a home directory, which others use."""
    state = folder.stat()
    if state.st_uid != os.geteuid():
        raise NotPrivate(_not_ours(folder))
    is_shared = state.st_mode & stat.S_ISVTX
    if is_shared or (any(folder.iterdir()) and not any((folder / name).exists() for name in OURS)):
        raise NotPrivate(
            f"The data folder {folder} contains other files and can be read by other accounts of this machine "
            f"(mode {_format_mode(folder)}). Give the studio its own folder: make up DATA_DIR='{folder}/lazuli'"
        )


def _not_ours(path: pathlib.Path) -> str:
    return (
        f"{path} can be read by other accounts of this machine (mode {_format_mode(path)}) and belongs to another account, "
        f"so this one cannot change it. As its owner or as root, run: chmod -R go= '{path}'"
    )
