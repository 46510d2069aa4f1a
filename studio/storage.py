"""Storage of file contents: a folder, S3, Azure Blob or Google Cloud Storage, according to STORAGE_URL.

Keys are random; a user's name for a file is only a column, never a path.
"""

import functools
import io
import itertools
import os
import pathlib
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import urlsplit

import obstore
from django.conf import settings
from obstore.exceptions import BaseError as Error
from obstore.store import LocalStore, MemoryStore, S3Store, from_url

from studio import local_files, s3_uploads
from studio.errors import NoSpace

MB = 1024 * 1024
# The first part of all keys.
ROOT = "w"
# Bytes per request to a store, and per read of a file.
PART, PIECE = 4 * MB, MB
# The largest object that one request stores.
WHOLE = MB
# Bytes of a part of an upload to a network store, and how many parts are sent at once, which determine its memory use. S3
# accepts at most 10,000 parts.
OVER_NETWORK = (8 * MB, 3)

# The storage library writes an upload to a file beside its key and renames it at the end. Lists of a store omit these.
UNFINISHED = re.compile(r"[^#]+#\d+")

# Bytes of an upload between two checks of the disk's free space.
BETWEEN_LOOKS = 16 * MB
RESERVE_REACHED = (
    "The disk of the studio is nearly full, so no more files are stored; metrics and logs still are. "
    "The administrator of the studio must free some space; then try again."
)

# Functions that return whether files must stay, because a backup needs them. A sweep later deletes those without a row.
HOLDS: list[Callable[[], bool]] = []


@functools.cache
def open_store():
    url = settings.STORAGE_URL
    if url.startswith("memory:"):
        return MemoryStore()
    if url.startswith("file:"):
        return LocalStore(urlsplit(url).path, mkdir=True, automatic_cleanup=True)
    return from_url(url)


def get_folder() -> pathlib.Path | None:
    """The folder of the files, if they are on this machine."""
    return open_store().prefix if isinstance(open_store(), LocalStore) else None


def make_key(area: str) -> str:
    """A new key in an area such as `w/12/runs/34`, whose objects can be deleted together."""
    return f"{area}/{uuid.uuid4().hex}"


def put_stream(key: str, chunks: Iterable[bytes]) -> int:
    """Store a stream without holding it in memory; returns its size in bytes."""
    start, rest = read_start(check_space(chunks))
    if rest is None:
        put_bytes(key, start)
        return len(start)
    size, every = 0, itertools.chain([start], rest)
    # Freed now, not at the end of the upload.
    del start
    if folder := get_folder():
        return local_files.write_file(folder / key, every)

    def count_chunks() -> Iterator[bytes]:
        nonlocal size
        for chunk in every:
            size += len(chunk)
            yield chunk

    part, count = OVER_NETWORK
    obstore.put(open_store(), key, count_chunks(), chunk_size=part, max_concurrency=count)
    return size


def read_start(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """The first bytes of a stream, and the rest; None if that is all, which one request stores instead of the three of
    a multipart upload."""
    pieces, size, rest = [], 0, iter(chunks)
    for chunk in rest:
        pieces.append(chunk)
        size += len(chunk)
        if size > WHOLE:
            return b"".join(pieces), rest
    return b"".join(pieces), None


def check_space(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Refuses files before the disk is full, so that metrics, logs and states can still be stored."""
    unchecked = BETWEEN_LOOKS
    for chunk in chunks:
        if unchecked >= BETWEEN_LOOKS:
            unchecked = 0
            if is_reserve_reached():
                raise NoSpace(RESERVE_REACHED)
        unchecked += len(chunk)
        yield chunk


def get_free_bytes() -> int | None:
    """The free space on the disk of the storage folder; None if files are stored elsewhere."""
    folder = get_folder()
    return shutil.disk_usage(folder).free if folder else None


def is_reserve_reached() -> bool:
    free = get_free_bytes()
    return free is not None and free < settings.DISK_RESERVE_BYTES


def is_disk_full() -> bool:
    """The disk of the data folder, where the SQLite database is."""
    return shutil.disk_usage(settings.DATA_DIR).free < MB


def is_reachable() -> bool:
    """Whether the store answers, by asking for a file that is not there; a folder must also be writable."""
    folder = get_folder()
    if folder:
        return os.access(folder, os.W_OK)
    try:
        obstore.head(open_store(), f"{ROOT}/reachable")
    except FileNotFoundError:
        return True
    except (Error, OSError):
        return False
    return True


def put_bytes(key: str, data: bytes) -> None:
    obstore.put(open_store(), key, data)


def copy_object(key: str, copy: str) -> None:
    """Copy an object; in a folder as a second link to the same bytes, because an object never changes."""
    obstore.copy(open_store(), key, copy)


def get_range(key: str, start: int, length: int) -> bytes:
    return bytes(obstore.get_range(open_store(), key, start=start, length=length)) if length else b""


class FileSlice(io.FileIO):
    """A part of a file on this machine, to be read in parts or sent by the server itself."""

    def __init__(self, path: pathlib.Path, start: int, length: int):
        super().__init__(path)
        self.left = length
        missing = start + length - os.fstat(self.fileno()).st_size
        if missing > 0:
            self.close()
            raise FileNotFoundError(f"{path} ends {missing} bytes too early")
        self.seek(start)

    def read(self, size: int | None = PIECE) -> bytes:
        data = super().read(self.left if size is None or size < 0 else min(size, self.left))
        self.left -= len(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        with self:
            yield from iter(self.read, b"")


def open_slice(key: str, start: int, length: int) -> FileSlice | None:
    """The bytes of an object from `start`, if it is a file on this machine."""
    folder = get_folder()
    return FileSlice(folder / key, start, length) if folder else None


def stream_object(key: str, start: int, length: int) -> Iterable[bytes]:
    """The bytes of an object from `start`, in parts, so that memory use is constant."""
    return open_slice(key, start, length) or _fetched(key, start, start + length)


def _fetched(key: str, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        part = get_range(key, start, min(PART, end - start))
        if not part:
            raise FileNotFoundError(f"{key} ends at byte {start}, {end - start} bytes too early")
        yield part
        start += len(part)


def is_deletion_held() -> bool:
    return any(is_held() for is_held in HOLDS)


def delete_keys(keys: list[str]) -> None:
    """Delete objects; called after the transaction that deleted the last row with them."""
    if keys and not is_deletion_held():
        obstore.delete(open_store(), keys)


def has_files() -> bool:
    """Whether a studio has stored something here."""
    return next(iter(list_area(ROOT)), None) is not None


def get_shown_url() -> str:
    """The location of the files, without a password."""
    return settings.STORAGE_URL.rpartition("@")[2].removeprefix("file://")


def list_area(area: str) -> Iterator[Sequence]:
    """Everything below an area, in batches of {"path", "size", "last_modified"}."""
    return obstore.list(open_store(), prefix=area + "/", chunk_size=1000)


def delete_area(area: str) -> int:
    """Delete everything below an area; returns the bytes freed."""
    freed = 0
    for batch in list_area(area):
        freed += sum(item["size"] for item in batch)
        obstore.delete(open_store(), [item["path"] for item in batch])
    return freed


def delete_unfinished(before: float) -> tuple[int, int]:
    """Delete the leftovers of uploads that were killed; returns how many, and their bytes in a folder.

    `before` (seconds since 1970): an upload written to after this time may still be running.
    """
    store = open_store()
    if isinstance(store, S3Store):
        bucket = s3_uploads.Bucket.from_environment(store.config["bucket"])
        prefix = f"{store.prefix}/{ROOT}/" if store.prefix else f"{ROOT}/"
        return s3_uploads.abort_old(bucket, prefix, before), 0
    count = freed = 0
    for folder, _, names in os.walk(get_folder() or ""):
        for name in filter(UNFINISHED.fullmatch, names):
            path = pathlib.Path(folder, name)
            try:
                found = path.stat()
                if found.st_mtime < before:
                    path.unlink()
                    count, freed = count + 1, freed + found.st_size
            except FileNotFoundError:
                # It has just ended.
                continue
    return count, freed
