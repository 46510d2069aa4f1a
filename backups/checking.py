"""Checks a backup by restoring it: each file against its SHA-256, and the database into a scratch folder, read row by row."""

import pathlib
import random
import tempfile
from collections.abc import Iterator

from django.db import DatabaseError, connection
from django.db.models import QuerySet, Sum

from accounts.activity import HASHED, Activity, find_breaks
from backups import database_copies, folders, keys
from backups.folders import FILES, Index, Manifest
from backups.models import Backup, BackupFailed
from endpoints.models import Revision
from registry.models import ModelFile, WorkspaceFile
from runs.models import Artifact, ArtifactSegment, Snapshot
from studio import encryption
from workspaces.vault.models import SecretVersion

# The columns that name files of the storage.
NAMED = [
    (ArtifactSegment, "key"),
    (Snapshot, "key"),
    (ModelFile, "key"),
    (WorkspaceFile, "key"),
    (Revision, "code_key"),
]
# How many problems of one kind are listed; the others are counted.
SHOWN = 5
BATCH = 2000
OPENED = 3


def check_backup(folder: pathlib.Path, passphrase: str, tick=lambda: None) -> list[str]:
    """Find problems of a backup, as sentences; none if all of it can be restored."""
    try:
        manifest = folders.read_manifest(folder)
        damaged = list(find_damaged_parts(folder, manifest))
        if damaged:
            # Later checks would only fail because of it.
            return damaged
        return [*_check_files(folder, manifest, tick), *_check_database(folder, manifest, passphrase)]
    except (BackupFailed, OSError, DatabaseError) as error:
        return [str(error)]


def find_damaged_parts(folder: pathlib.Path, manifest: Manifest) -> Iterator[str]:
    for name, digest in manifest.digests.items():
        path = folder / name
        if not path.is_file():
            yield f"{path} is missing."
        elif folders.digest_of(path) != digest:
            yield f"{path} is damaged: its bytes are not those that were written."


def _check_files(folder: pathlib.Path, manifest: Manifest, tick) -> list[str]:
    with folders.open_index(folder) as index:
        if index.count() != (manifest.files, manifest.bytes):
            return [f"{folder / folders.INDEX} lists {index.count()[0]:,} files, not {manifest.files:,}."]
        return shorten(_find_damaged_files(folder, index, tick))


def _find_damaged_files(folder: pathlib.Path, index: Index, tick) -> Iterator[str]:
    for entry in index.list_entries():
        path = folder / FILES / entry.path
        tick()
        if not path.is_file():
            yield f"{path} is missing."
        elif path.stat().st_size != entry.size:
            yield f"{path} is damaged: it has {path.stat().st_size:,} bytes, not {entry.size:,}."
        elif folders.digest_of(path) != entry.digest:
            yield f"{path} is damaged: its bytes are not those that were written."


def shorten(problems: Iterator[str]) -> list[str]:
    """The first ones, and the number of the others."""
    found = list(problems)
    more = len(found) - SHOWN
    return [*found[:SHOWN], f"… and {more:,} more."] if more > 0 else found


def _check_database(folder: pathlib.Path, manifest: Manifest, passphrase: str) -> list[str]:
    if manifest.database != connection.vendor:
        raise BackupFailed(
            f"It is a backup of {manifest.database}, which a studio on {connection.vendor} cannot restore. "
            "Check it with the DATABASE_URL of such a server."
        )
    source = folder / manifest.database_file
    with (
        tempfile.TemporaryDirectory(prefix="check-", dir=folder.parent) as scratch,
        database_copies.restore_for_check(source, pathlib.Path(scratch)) as alias,
        folders.open_index(folder) as index,
    ):
        found = database_copies.find_damage(alias)
        counts = database_copies.count_rows(alias, list(manifest.tables))
        found += [
            f"The table {name} has {counts.get(name, 0):,} rows, not {number:,}."
            for name, number in manifest.tables.items()
            if counts.get(name) != number
        ]
        if found:
            return found
        return [
            *shorten(_find_missing_files(alias, index)),
            *shorten(find_breaks(_activity_of(alias))),
            *_open_some_files(alias),
            *_check_secrets(folder, manifest, alias, passphrase),
        ]


def _find_missing_files(alias: str, index: Index) -> Iterator[str]:
    for model, column in NAMED:
        names = model._default_manager.using(alias).order_by().values_list(column, flat=True)
        batch: list[str] = []
        for name in names.iterator(chunk_size=BATCH):
            batch.append(name)
            if len(batch) == BATCH:
                yield from _name_missing(model, index, batch)
                batch.clear()
        yield from _name_missing(model, index, batch)


def _name_missing(model, index: Index, names: list[str]) -> Iterator[str]:
    for key in index.find_missing(filter(None, names)):
        yield f"A {model._meta.verbose_name} names the file {key}, which is not in the backup."


def _activity_of(alias: str) -> Iterator[tuple]:
    rows = Activity.objects.using(alias).order_by("chain", "number")
    return rows.values_list(*HASHED, "digest").iterator(chunk_size=BATCH)


def _open_some_files(alias: str) -> list[str]:
    """Check random artifacts: their segments must have as many bytes as the artifact."""
    artifacts: QuerySet[Artifact] = Artifact.objects.using(alias).order_by()
    keys_of_all = list(artifacts.values_list("pk", flat=True)[:10_000])
    chosen = artifacts.filter(pk__in=random.sample(keys_of_all, min(OPENED, len(keys_of_all))))
    sized = chosen.annotate(stored=Sum("segments__size"))
    return [
        f"The file {one.path} of a job has {one.stored or 0:,} bytes in its segments, not {one.size:,}."
        for one in sized
        if (one.stored or 0) != one.size
    ]


def _check_secrets(folder: pathlib.Path, manifest: Manifest, alias: str, passphrase: str) -> list[str]:
    """Check that the keys in the backup, or this studio's own, can decrypt the secrets."""
    if manifest.has_keys and not passphrase:
        return ["Its keys were not checked: set BACKUP_PASSPHRASE to what it was when the backup was made."]
    words = keys.read_keys(folder, passphrase)["vault_keys"] if manifest.has_keys else keys.list_vault_keys()
    known = encryption.Keys(words).known_ids if words else []
    used = set(SecretVersion.objects.using(alias).order_by().values_list("key_id", flat=True).distinct())
    lost = sorted(used - set(known))
    if lost:
        return [f"Secrets of the key vaults need the key {', '.join(lost)}, which is neither in the backup nor here."]
    newest = SecretVersion.objects.using(alias).select_related("secret__workspace").first()
    if newest:
        encryption.Keys(words).decrypt(newest.text, newest.secret.owner_of_text)
    return []


def check_and_note(backup: Backup, passphrase: str, tick=lambda: None) -> list[str]:
    problems = check_backup(backup.folder, passphrase, tick)
    backup.note_check(problems)
    if problems:
        backup.append_log(f"Checked: {len(problems)} problems. {problems[0]}")
    else:
        backup.append_log("Checked: restored into a scratch folder, all files and rows are unchanged.")
    return problems
