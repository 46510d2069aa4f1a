"""The read-only folder of the inputs that a run mounts: links to files that are on this machine already, not copies.

Links need a machine whose kernel keeps scripts from changing what they can only read (`isolation.protects_files`): the
modes of files would not stop a script, which runs under the account of the node. The fence of the script opens this
folder for reading; links and renames out of it are refused too.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import sys
import uuid
from typing import IO, Dict, Mapping, Optional, Set, Tuple

from lazuli import isolation
from lazuli.data import datastores
from lazuli.data.sources import Source
from lazuli.workspaces import WorkspaceClient

LOCK_ENDING = ".lock"
# The bits of a mode for people who are neither the owner nor in the group.
READ, SEARCH = 4, 1


class MountFolder:
    """A folder below `parent` that belongs to this process."""

    def __init__(self, parent: str):
        os.makedirs(parent, mode=0o700, exist_ok=True)
        remove_abandoned(parent)
        self._lock, self.path = _make_locked(parent)
        self._count = 0

    def add_folder(self) -> str:
        """A new folder in it, for one input."""
        self._count += 1
        path = os.path.join(self.path, str(self._count))
        os.mkdir(path)
        return path

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.remove(self.path + LOCK_ENDING)
        self._lock.close()


def _make_locked(parent: str) -> Tuple[IO[str], str]:
    while True:
        path = os.path.join(parent, uuid.uuid4().hex)
        lock = open(path + LOCK_ENDING, "w")  # noqa: SIM115 - open as long as the folder is there
        # Another process may have taken it for an abandoned one before it was locked.
        if _try_lock(lock) and os.path.exists(path + LOCK_ENDING):
            os.mkdir(path, 0o700)
            return lock, path
        lock.close()


def remove_abandoned(parent: str) -> None:
    """Remove the folders of processes that were killed."""
    for name in os.listdir(parent):
        path = os.path.join(parent, name)
        if not name.endswith(LOCK_ENDING):
            continue
        try:
            with open(path) as lock:
                if _try_lock(lock):
                    shutil.rmtree(path[: -len(LOCK_ENDING)], ignore_errors=True)
                    os.remove(path)
        except FileNotFoundError:
            # Its process has just removed it.
            continue


def _try_lock(file: IO[str]) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl  # platform: Windows has no fence, and therefore no links

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class MachineFolders:
    """The files of datastores that are folders of the server, where this machine has the same folder."""

    def __init__(self, workspace: WorkspaceClient, environ: Mapping[str, str]):
        self._workspace, self._environ = workspace, environ
        self._folders: Dict[str, Optional[str]] = {}
        self._searchable: Dict[str, bool] = {}

    def link_sources(self, targets: Mapping[Source, str], top: str) -> Set[Source]:
        """Make links at the targets, which are below the folder `top`, to the files that are here; return their sources."""
        found = {source: path for source in targets if (path := self.find(source))}
        if found:
            LinkedFolder(top, {target: found.get(source) for source, target in targets.items()}).link(top)
        return set(found)

    def find(self, source: Source) -> Optional[str]:
        """The path of the file on this machine, if it is the one that the server has found."""
        if source.url or source.rows:
            return None
        name = source.remote.datastore
        if name not in self._folders:
            self._folders[name] = self._find_folder(name)
        folder = self._folders[name]
        path = os.path.join(folder, *source.remote.path.split("/")) if folder else ""
        return path if path and _read_etag(path) == source.remote.etag and self._is_open(path) else None

    def _is_open(self, path: str) -> bool:
        """Whether a script can open the file; it has no capabilities, so that modes count for root too."""
        folder = os.path.dirname(path)
        if folder not in self._searchable:
            above = [folder, *map(str, pathlib.PurePath(folder).parents)]
            self._searchable[folder] = all(_allows(each, SEARCH) for each in above)
        return self._searchable[folder] and _allows(path, READ)

    def _find_folder(self, name: str) -> Optional[str]:
        folder = datastores.get_datastore(self._workspace, name)["properties"].get("folder")
        is_here = folder and os.path.isdir(folder) and isolation.is_readable(folder, self._environ)
        return str(folder) if is_here else None


class LinkedFolder:
    """A folder whose files are elsewhere on this machine; `origins` has None for a target that is not here.

    A folder that has the same names as its origin becomes one link: on a busy disk, 10,000 links take seconds.
    """

    def __init__(self, top: str, origins: Mapping[str, Optional[str]]):
        # What is in each folder: files with their origins, and names of folders.
        self._files: Dict[str, Dict[str, Optional[str]]] = {top: {}}
        self._folders: Dict[str, Set[str]] = {top: set()}
        self._known: Dict[str, Optional[str]] = {}
        for target, origin in origins.items():
            folder, name = os.path.split(target)
            self._add_folder(folder)
            self._files[folder][name] = origin

    def _add_folder(self, folder: str) -> None:
        if folder not in self._files:
            self._files[folder], self._folders[folder] = {}, set()
            above, name = os.path.split(folder)
            self._add_folder(above)
            self._folders[above].add(name)

    def link(self, folder: str) -> None:
        """Make the folder a link, or a folder of links."""
        if origin := self._find_origin(folder):
            if os.path.isdir(folder):
                os.rmdir(folder)
            os.symlink(origin, folder)
            return
        os.makedirs(folder, exist_ok=True)
        for name, path in self._files[folder].items():
            if path:
                os.symlink(path, os.path.join(folder, name))
        for name in self._folders[folder]:
            self.link(os.path.join(folder, name))

    def _find_origin(self, folder: str) -> Optional[str]:
        """The folder with exactly these files and folders, if there is one."""
        if folder not in self._known:
            found = {name: self._find_origin(os.path.join(folder, name)) for name in self._folders[folder]}
            found.update(self._files[folder])
            above = {_find_parent(path, name) for name, path in found.items()}
            origin = above.pop() if len(above) == 1 else ""
            self._known[folder] = origin if origin and set(os.listdir(origin)) == set(found) else None
        return self._known[folder]


def _find_parent(path: Optional[str], name: str) -> str:
    """The folder of a path if it ends in this name."""
    folder, last = os.path.split(path or "")
    return folder if last == name else ""


def _allows(path: str, right: int) -> bool:
    found = os.stat(path)
    if found.st_uid == os.geteuid():
        return bool(found.st_mode & right << 6)
    groups = {os.getegid(), *os.getgroups()}
    return bool(found.st_mode & (right << 3 if found.st_gid in groups else right))


def _read_etag(path: str) -> str:
    """The etag of the server for a file of a folder: its number on the disk, time and size."""
    try:
        found = os.stat(path)
    except OSError:
        return ""
    word = f'"{found.st_ino:x}-{found.st_mtime_ns // 1000:x}-{found.st_size:x}"'
    return hashlib.sha256(word.encode()).hexdigest()[:32]
