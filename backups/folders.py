"""The format of a backup on disk: one complete folder.

    manifest.json                       its description; written last
    database.sqlite3 or database.dump   the database, the latter as pg_dump writes it
    files.sqlite3                       each file with its size and SHA-256
    files/storage/…, files/shares/…     the files
    keys.encrypted                      the keys, if there was a passphrase

Files that did not change since the previous backup are hard links.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator

from backups.models import BackupFailed

FORMAT = 1
MANIFEST, INDEX, FILES, KEYS = "manifest.json", "files.sqlite3", "files", "keys.encrypted"
STORAGE, SHARES = "storage", "shares"
UNFINISHED = ".part"
PIECE = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Manifest:
    format: int
    version: str
    made_at: str
    # sqlite or postgresql, and the name of its file here.
    database: str
    database_file: str
    database_bytes: int
    # app.name of each, and the number of rows of each table.
    migrations: list[str]
    tables: dict[str, int]
    files: int
    bytes: int
    # The ids of the vault's keys; without one of them some secrets cannot be read.
    key_ids: list[str]
    # SHA-256 of the other files of this folder.
    digests: dict[str, str]

    @property
    def has_keys(self) -> bool:
        return KEYS in self.digests


def write_manifest(folder: pathlib.Path, manifest: Manifest) -> None:
    with open(folder / MANIFEST, "w") as file:
        json.dump(dataclasses.asdict(manifest), file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: pathlib.Path) -> Manifest:
    path = folder / MANIFEST
    try:
        fields = json.loads(path.read_text())
        if fields.get("format") != FORMAT:
            raise BackupFailed(f"{folder} has the format {fields.get('format')}; this version reads {FORMAT}.")
        return Manifest(**fields)
    except FileNotFoundError as error:
        raise BackupFailed(f"{folder} is not a backup: it has no {MANIFEST}.") from error
    except (ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise BackupFailed(f"{path} is damaged: {error}") from error


def list_backups(parent: pathlib.Path) -> list[pathlib.Path]:
    """The finished ones in a folder, the newest first."""
    found = [path.parent for path in parent.glob(f"*/{MANIFEST}") if path.parent.suffix != UNFINISHED]
    return sorted(found, key=lambda path: path.name, reverse=True)


def find_backup(folder: pathlib.Path) -> pathlib.Path:
    """The folder itself, or the newest backup in it."""
    if (folder / MANIFEST).is_file():
        return folder
    found = list_backups(folder)
    if not found:
        raise BackupFailed(f"There is no backup in {folder}.")
    return found[0]


def digest_of(path: pathlib.Path, tick: Callable[[], None] = lambda: None) -> str:
    hasher = hashlib.sha256()
    for piece in read_pieces(path):
        hasher.update(piece)
        tick()
    return hasher.hexdigest()


def read_pieces(path: pathlib.Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        yield from iter(lambda: file.read(PIECE), b"")


@dataclasses.dataclass(frozen=True)
class BackupEntry:
    path: str
    size: int
    digest: str


class Index:
    """The list of files: a table, so that a million of them need no memory. Paths are bytes, because names of files
    need not be text."""

    def __init__(self, path: pathlib.Path, is_new: bool = False):
        self.connection = sqlite3.connect(
            path if is_new else f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=not is_new
        )
        if is_new:
            columns = "path BLOB PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, digest TEXT NOT NULL"
            self.connection.execute("PRAGMA synchronous=OFF")
            self.connection.execute(f"CREATE TABLE files ({columns}) WITHOUT ROWID")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.commit()
        self.connection.close()

    def add(self, path: str, size: int, modified: int, digest: str) -> None:
        """`modified` is in microseconds."""
        row = (os.fsencode(path), size, modified, digest)
        self.connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", row)

    def find_same(self, path: str, size: int, modified: int) -> str | None:
        """The digest of the file, if it is listed with this size and time."""
        values = (os.fsencode(path), size, modified)
        statement = "SELECT digest FROM files WHERE path = ? AND size = ? AND modified = ?"
        found = self.connection.execute(statement, values).fetchone()
        return found[0] if found else None

    def count(self) -> tuple[int, int]:
        """The number of files, and their bytes."""
        return self.connection.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM files").fetchone()

    def list_entries(self) -> Iterator[BackupEntry]:
        for path, size, digest in self.connection.execute("SELECT path, size, digest FROM files"):
            yield BackupEntry(os.fsdecode(path), size, digest)

    def find_missing(self, keys: Iterable[str]) -> list[str]:
        statement = "SELECT 1 FROM files WHERE path = ?"
        found = self.connection.execute
        return [key for key in keys if not found(statement, (os.fsencode(f"{STORAGE}/{key}"),)).fetchone()]


@contextlib.contextmanager
def open_index(folder: pathlib.Path, is_new: bool = False) -> Iterator[Index]:
    with Index(folder / INDEX, is_new) as index:
        yield index
