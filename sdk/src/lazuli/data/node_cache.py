"""Files of datastores that jobs on this node have read: a later job has them from here instead of downloading them.

A file is found by its etag, so one that has changed is another entry. What was not used for the longest time makes room.
A job that downloads gets a copy of its own, which it can change; one that mounts gets links (lazuli/data/mounts.py).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import uuid
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from lazuli import isolation
from lazuli.data import datastores, sources
from lazuli.data.errors import DatasetExecutionError
from lazuli.data.mounts import MachineFolders, MountFolder, remove_abandoned
from lazuli.data.sources import Source
from lazuli.workspaces import WorkspaceClient

FOLDER, MAX_GB = "LAZULI_DATA_CACHE", "LAZULI_DATA_CACHE_GB"
DEFAULT_GB = 20.0
# What stays free on the disk.
RESERVE_BYTES = 5 * 10**9
MOUNTS = "mounts"
READ_ONLY = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
# The number of Linux's request to share the blocks of a file until one of them changes (linux/fs.h).
FICLONE = 0x40049409


class NodeCache:
    """A folder of at most `max_bytes`; with 0 it stores nothing."""

    def __init__(self, folder: str, max_bytes: int):
        self._folder = folder
        self._max_bytes = max_bytes if folder else 0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> NodeCache:
        try:
            limit = float(environ.get(MAX_GB) or DEFAULT_GB)
        except ValueError:
            limit = DEFAULT_GB
        return cls(environ.get(FOLDER, ""), int(limit * 10**9))

    def download_sources(
        self, workspace: WorkspaceClient, found: Sequence[Source], folder: str
    ) -> Tuple[List[str], int]:
        """Download the files below a folder, as `sources.download_sources`; the paths, and how many bytes came from here."""
        _check_space(found, folder)
        targets = {source: datastores.local_path(folder, source.inside) for source in found}
        cached = {source for source in found if self._copy_to(self._path_of(workspace, source), targets[source])}
        missing = [source for source in found if source not in cached]
        sources.download_sources(workspace, missing, folder)
        for source in missing:
            self._add(self._path_of(workspace, source), targets[source])
        if missing:
            self._free_space()
        return list(targets.values()), sum(source.remote.size for source in cached)

    def make_mount_folder(self, environ: Mapping[str, str]) -> Optional[MountFolder]:
        """A folder for links, or None where only copies protect the files."""
        if not self._max_bytes or not isolation.protects_files(environ):
            return None
        return MountFolder(os.path.join(self._folder, MOUNTS)) if isolation.is_hidden(self._folder, environ) else None

    def link_sources(
        self, workspace: WorkspaceClient, found: Sequence[Source], folder: str, environ: Mapping[str, str]
    ) -> Tuple[List[str], int]:
        """Fill a folder of a mount with links to files of this machine, and download what is missing; the paths, and how
        many are links."""
        targets = {source: datastores.local_path(folder, source.inside) for source in found}
        linked = MachineFolders(workspace, environ).link_sources(targets, folder)
        for source in targets.keys() - linked:
            if self._link_to(self._path_of(workspace, source), targets[source], source.remote.size):
                linked.add(source)
        missing = [source for source in found if source not in linked]
        if missing:
            _check_space(missing, folder)
            sources.download_sources(workspace, missing, folder)
            for source in missing:
                os.chmod(targets[source], READ_ONLY)
                self._add(self._path_of(workspace, source), targets[source], links=True)
            self._free_space()
        return list(targets.values()), len(linked)

    @staticmethod
    def _link_to(path: str, target: str, size: int) -> bool:
        if not path:
            return False
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            # A script may have changed the mode of the file, though not its content.
            os.chmod(path, READ_ONLY)
            os.utime(path)
            if os.path.getsize(path) != size:
                return False
            os.link(path, target)
        except OSError:
            # Removed meanwhile, or it has as many links as the disk allows.
            return False
        return True

    def _path_of(self, workspace: WorkspaceClient, source: Source) -> str:
        """Nothing for a file of the web, which may change at any time."""
        if source.url or not source.remote.etag or not self._max_bytes:
            return ""
        remote = source.remote
        parts = (workspace.client.base_url, workspace.path, remote.datastore, remote.path, remote.etag, remote.size)
        digest = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
        return os.path.join(self._folder, digest[:2], digest)

    @staticmethod
    def _copy_to(path: str, target: str) -> bool:
        if not path or os.path.exists(target):
            return False
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            os.utime(path)
            _copy(path, target)
        except (FileNotFoundError, PermissionError):
            return False
        return True

    def _add(self, path: str, source: str, links: bool = False) -> None:
        size = os.path.getsize(source)
        if not path or size > self._max_bytes // 2:
            return
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if shutil.disk_usage(self._folder).free < size + RESERVE_BYTES:
            return
        partial = f"{path}.{uuid.uuid4().hex[:8]}"
        if links:
            os.link(source, partial)
        else:
            _copy(source, partial)
        os.replace(partial, path)

    def _free_space(self) -> None:
        found: Dict[str, os.stat_result] = {}
        for where, folders, names in os.walk(self._folder):
            if where == self._folder and MOUNTS in folders:
                folders.remove(MOUNTS)
                remove_abandoned(os.path.join(where, MOUNTS))
            for path in (os.path.join(where, name) for name in names):
                if (state := _stat(path)) is not None:
                    found[path] = state
        total = 0
        for path in sorted(found, key=lambda path: found[path].st_mtime, reverse=True):
            total += found[path].st_size
            if total > self._max_bytes and os.path.exists(path):
                os.remove(path)


def _stat(path: str) -> Optional[os.stat_result]:
    """None for a file that another job has removed meanwhile."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _check_space(found: Sequence[Source], folder: str) -> None:
    """Raise DatasetExecutionError before the first file if the disk has no room for all of them."""
    os.makedirs(folder, exist_ok=True)
    # The size of a file of the web is not known.
    size, free = sum(max(source.remote.size, 0) for source in found), shutil.disk_usage(folder).free
    if size > free:
        raise DatasetExecutionError(
            f"Its {len(found):,} files have {size / 1e9:,.1f} GB, and the disk of this machine has {free / 1e9:,.1f} GB free."
        )


def _copy(source: str, target: str) -> None:
    """Copy a file; on a file system such as XFS or Btrfs the copy shares its blocks until one of the files changes."""
    if not sys.platform.startswith("linux"):
        shutil.copyfile(source, target)
        return
    import fcntl  # platform: Linux

    with open(source, "rb") as origin, open(target, "wb") as copy:
        try:
            fcntl.ioctl(copy, FICLONE, origin.fileno())
        except OSError:
            shutil.copyfile(source, target)
