"""Restores a backup into a studio that is not running and has no database yet."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from backups import checking, database_copies, folders, keys
from backups.folders import FILES, SHARES, STORAGE, BackupEntry, Manifest
from backups.models import BackupFailed
from studio import encryption, storage
from studio.formats import format_bytes

Say = Callable[[str], None]


def restore_backup(folder: pathlib.Path, passphrase: str, say: Say, *, overwrite: bool, dry_run: bool) -> None:
    """Restore files first and the database last, so that an interrupted restore can be started again."""
    with lock_data_folder():
        manifest = folders.read_manifest(folder)
        say(f"{folder}: version {manifest.version}, made {manifest.made_at}, {manifest.files:,} files.")
        check_possible(folder, manifest, overwrite)
        opened = open_keys(folder, manifest, passphrase)
        if dry_run:
            say("It can be restored. Nothing was changed.")
            return
        restore_keys(opened, say)
        _restore_files(folder, say)
        database_copies.restore_database(folder / manifest.database_file, lambda: None)
        say(f"Database: {sum(manifest.tables.values()):,} rows in {len(manifest.tables)} tables.")
    say("Restored. Start the studio; it brings the database up to date: make up")


@contextlib.contextmanager
def lock_data_folder() -> Iterator[None]:
    """Lock the folder like a running studio, so that none starts meanwhile."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(settings.DATA_DIR / "up.lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupFailed(
                f"A studio is running on {settings.DATA_DIR}. Stop it first, or restore into another folder: DATA_DIR=/path"
            ) from error
        yield


def check_possible(folder: pathlib.Path, manifest: Manifest, overwrite: bool) -> None:
    """Raise an error with a reason before anything is changed."""
    if manifest.database != connection.vendor:
        raise BackupFailed(f"It is a backup of {manifest.database}; DATABASE_URL names {connection.vendor}.")
    if not database_copies.is_empty():
        raise BackupFailed(
            f"The database of this studio ({connection.settings_dict['NAME']}) is not empty, and nothing is restored over "
            "it. Move the data folder away, or name an empty one with DATA_DIR or DATABASE_URL."
        )
    unknown = set(manifest.migrations) - {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown:
        raise BackupFailed(
            f"It was made by version {manifest.version}, whose changes of tables this version does not know "
            f"({', '.join(sorted(unknown)[:3])}). Restore it with that version."
        )
    if not overwrite and (storage.has_files() or _has_shares()):
        raise BackupFailed(
            f"There are files in {storage.get_shown_url()} or {settings.SHARES_DIR}. If they belong to this studio, write "
            "--overwrite: files of the same name become those of the backup, and the others stay."
        )
    _check_space(manifest)
    if damaged := next(checking.find_damaged_parts(folder, manifest), None):
        raise BackupFailed(damaged)


def _has_shares() -> bool:
    return any(names for _, _, names in os.walk(settings.SHARES_DIR))


def _check_space(manifest: Manifest) -> None:
    needed, free = manifest.database_bytes, storage.get_free_bytes()
    if free is not None:
        needed += manifest.bytes + settings.DISK_RESERVE_BYTES
    free = shutil.disk_usage(settings.DATA_DIR).free if free is None else free
    if needed > free:
        raise BackupFailed(f"It needs {format_bytes(needed)}, and {format_bytes(free)} are free.")


def open_keys(folder: pathlib.Path, manifest: Manifest, passphrase: str) -> dict:
    """The keys of the backup, or nothing if this machine has the necessary ones."""
    if manifest.has_keys:
        if not passphrase:
            raise BackupFailed("Its keys are encrypted: set BACKUP_PASSPHRASE to what it was when the backup was made.")
        return keys.read_keys(folder, passphrase)
    lost = set(manifest.key_ids) - set(keys.list_key_ids())
    if lost:
        raise BackupFailed(
            f"Its secrets need the key {', '.join(sorted(lost))}, which is not in the backup. Put vault.keys of the studio "
            f"that it was made of into {settings.DATA_DIR}, or set KEY_VAULT_KEYS. "
            "Without it no secret of a key vault can be read again."
        )
    return {}


def restore_keys(opened: dict, say: Say) -> None:
    if not opened:
        say("Keys: not in the backup; those of this machine stay.")
        return
    if not settings.KEY_VAULT_KEYS and opened["vault_keys"]:
        encryption.write_keys(opened["vault_keys"])
    if "SECRET_KEY" not in os.environ:
        path = settings.DATA_DIR / "secret.key"
        fresh = path.with_name("secret.key.restoring")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(opened["secret_key"])
        fresh.replace(path)
    say("Keys: those of the backup.")


def _restore_files(folder: pathlib.Path, say: Say) -> None:
    number = 0
    with folders.open_index(folder) as index:
        for entry in index.list_entries():
            source = folder / FILES / entry.path
            kind, _, path = entry.path.partition("/")
            if kind == STORAGE:
                storage.put_stream(path, read_verified(source, entry))
            elif kind == SHARES:
                _restore_share(source, settings.SHARES_DIR / path, entry)
            number += 1
        say(f"Files: {number:,} with {format_bytes(index.count()[1])}.")


def read_verified(source: pathlib.Path, entry: BackupEntry) -> Iterator[bytes]:
    """Read a file; raises at the end if its bytes differ from the recorded ones."""
    hasher = hashlib.sha256()
    for piece in folders.read_pieces(source):
        hasher.update(piece)
        yield piece
    if hasher.hexdigest() != entry.digest:
        raise BackupFailed(f"{source} is damaged: its bytes are not those that were written.")


def _restore_share(source: pathlib.Path, target: pathlib.Path, entry: BackupEntry) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name[:200]}.restoring")
    with open(fresh, "wb") as file:
        file.writelines(read_verified(source, entry))
    shutil.copystat(source, fresh)
    fresh.replace(target)
