"""Makes a backup while the studio runs: first a consistent copy of the database, then the files, whose content never
changes.

Meanwhile no files are deleted (`storage.HOLDS`), so all files of the copied database still exist. Newer files are
copied too: no row refers to them, and the restored studio deletes them. Afterwards the oldest backups are deleted
(`remove_old`).
"""

import contextlib
import dataclasses
import datetime as dt
import hashlib
import os
import pathlib
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from backups import database_copies, folders, keys
from backups.folders import FILES, INDEX, SHARES, STORAGE, Index, Manifest
from backups.models import Backup, BackupFailed
from studio import storage
from studio.formats import format_bytes, utc_time

# Bytes between two checks of the free space.
BETWEEN_LOOKS = 64 * 1024 * 1024
PROBLEMS = (BackupFailed, OSError, storage.Error, DatabaseError, sqlite3.Error)


def make_backup(backup: Backup, passphrase: str) -> None:
    """Make a backup that this process has started; the row stores its result."""
    parent = pathlib.Path(backup.parent)
    part = parent / f"{backup.name}{folders.UNFINISHED}"
    try:
        prepare_parent(parent)
        made = Making(backup, part, passphrase).make()
        backup.hold_on()
        part.rename(backup.folder)
        backup.complete(files=made.files, bytes=made.bytes + made.database_bytes, has_keys=made.has_keys)
    except PROBLEMS as error:
        shutil.rmtree(part, ignore_errors=True)
        backup.append_log(f"Failed: {error}")
        backup.fail(str(error))
        return
    if parent == settings.BACKUP_DIR:
        remove_old(parent, settings.BACKUP_KEEP)


def prepare_parent(parent: pathlib.Path) -> None:
    """Create a folder that only this account can read, without leftovers of killed backups."""
    for forbidden in (settings.SHARES_DIR, storage.get_folder()):
        if forbidden and parent.resolve().is_relative_to(pathlib.Path(forbidden).resolve()):
            raise BackupFailed(f"{parent} is inside {forbidden}, which is backed up. Choose another folder.")
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in parent.glob(f"*Z{folders.UNFINISHED}"):
        shutil.rmtree(left, ignore_errors=True)


def remove_old(parent: pathlib.Path, kept: int) -> None:
    """Delete old backups of a folder, except the newest ones and the newest verified one; 0 keeps all."""
    last_good = Backup.objects.last_good()
    for folder in folders.list_backups(parent)[kept:] if kept else []:
        if last_good is None or folder != last_good.folder:
            shutil.rmtree(folder, ignore_errors=True)
            Backup.objects.filter(parent=str(parent), name=folder.name).update(removed_at=timezone.now())


@dataclasses.dataclass
class Making:
    backup: Backup
    folder: pathlib.Path
    passphrase: str
    copied_bytes: int = 0
    unlooked: int = 0
    skipped: int = 0

    def make(self) -> Manifest:
        began, made_at = time.monotonic(), timezone.now()
        self.folder.mkdir(mode=0o700)
        copied = database_copies.copy_database(self.folder, self.backup.hold_on)
        name = database_copies.NAMES[connection.vendor]
        size = (self.folder / name).stat().st_size
        self.backup.append_log(f"Database copied: {format_bytes(size)} in {time.monotonic() - began:.1f} s.")
        files, file_bytes = self._copy_files()
        names = [name, INDEX, *self._copy_keys()]
        # Everything in the manifest is on disk before the manifest.
        os.sync()
        manifest = Manifest(
            format=folders.FORMAT,
            version=version("lazuli-sdk"),
            made_at=utc_time(made_at),
            database=connection.vendor,
            database_file=name,
            database_bytes=size,
            **copied,
            files=files,
            bytes=file_bytes,
            key_ids=keys.list_key_ids(),
            digests={one: folders.digest_of(self.folder / one, self.backup.hold_on) for one in names},
        )
        folders.write_manifest(self.folder, manifest)
        self.backup.append_log(f"Complete after {time.monotonic() - began:.1f} s: {self.backup.folder}")
        return manifest

    def _copy_keys(self) -> list[str]:
        if not self.passphrase:
            self.backup.append_log(
                "The keys are not in it, for BACKUP_PASSPHRASE is not set. Keep secret.key and vault.keys of the data folder "
                "(or the settings in their place) elsewhere: without them no secret of a key vault can be read again."
            )
            return []
        keys.write_keys(self.folder, self.passphrase)
        return [folders.KEYS]

    def _copy_files(self) -> tuple[int, int]:
        """Copy all files of the storage, then the shares; return their number and bytes."""
        before = next(iter(folders.list_backups(self.folder.parent)), None)
        with contextlib.ExitStack() as opened:
            index = opened.enter_context(folders.open_index(self.folder, is_new=True))
            earlier = None
            if before and (before / INDEX).is_file():
                earlier = opened.enter_context(folders.open_index(before)), before
            for path, size, modified, pieces in self._list_files():
                self._copy_file(index, earlier, path, size, modified, pieces)
                self.backup.hold_on()
            files, total = index.count()
        self.backup.append_log(
            f"Files: {files:,} with {format_bytes(total)}; {format_bytes(self.copied_bytes)} of them are new or changed."
        )
        if self.skipped:
            self.backup.append_log(f"Left out: {self.skipped:,} links, sockets and files that were deleted meanwhile.")
        return files, total

    def _list_files(self) -> Iterator[tuple[str, int, int, Iterable[bytes]]]:
        """(path in the backup, size, modified in microseconds, bytes)"""
        for batch in storage.list_area(storage.ROOT):
            for item in batch:
                key, size = item["path"], item["size"]
                modified = int(item["last_modified"].timestamp() * 1e6)
                yield f"{STORAGE}/{key}", size, modified, _read_object(key, size)
        for top, _, names in os.walk(settings.SHARES_DIR):
            for name in names:
                path = pathlib.Path(top, name)
                with contextlib.suppress(FileNotFoundError):
                    found = path.lstat()
                    if stat.S_ISREG(found.st_mode):
                        inside = path.relative_to(settings.SHARES_DIR)
                        yield f"{SHARES}/{inside}", found.st_size, found.st_mtime_ns // 1000, folders.read_pieces(path)
                    else:
                        self.skipped += 1

    def _copy_file(self, index: Index, earlier, path: str, size: int, modified: int, pieces: Iterable[bytes]) -> None:
        target = self.folder / FILES / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if (
            earlier
            and (digest := earlier[0].find_same(path, size, modified))
            and _link(earlier[1] / FILES / path, target)
        ):
            index.add(path, size, modified, digest)
            return
        hasher, written = hashlib.sha256(), 0
        try:
            with open(target, "xb") as file:
                for piece in pieces:
                    hasher.update(piece)
                    written += file.write(piece)
                    self._look_at_space(len(piece))
                    self.backup.hold_on()
        except FileNotFoundError:
            # It was deleted before the database was copied, or is a file of a share that somebody has just deleted.
            target.unlink()
            self.skipped += 1
            return
        if path.startswith(SHARES):
            _copy_mode(settings.SHARES_DIR / path.removeprefix(f"{SHARES}/"), target)
        self.copied_bytes += written
        index.add(path, written, modified, hasher.hexdigest())

    def _look_at_space(self, size: int) -> None:
        self.unlooked += size
        if self.unlooked >= BETWEEN_LOOKS:
            self.unlooked = 0
            free = shutil.disk_usage(self.folder).free
            if free < max(settings.DISK_RESERVE_BYTES, BETWEEN_LOOKS):
                raise BackupFailed(
                    f"Only {format_bytes(free)} are left on the disk of {self.folder.parent}. Free some space."
                )


def _read_object(key: str, size: int) -> Iterator[bytes]:
    """Opened with the first read, so that unchanged files are not read."""
    yield from storage.stream_object(key, 0, size) if size else ()


def _link(source: pathlib.Path, target: pathlib.Path) -> bool:
    """Whether the file of an earlier backup is this one's too; not every disk can do that."""
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _copy_mode(source: pathlib.Path, target: pathlib.Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.copystat(source, target)


def next_due(last: Backup | None) -> dt.datetime | None:
    """When the schedule makes the next one; None without a schedule."""
    if not settings.BACKUP_HOURS:
        return None
    return timezone.now() if last is None else last.created_at + dt.timedelta(hours=settings.BACKUP_HOURS)
