"""Bytes live behind one interface: a folder, S3, Azure Blob or Google Cloud Storage, as STORAGE_URL says.

Keys are made here and are random; a user's name for a file is only a column, never a path.
"""

import functools
import uuid
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import obstore
from django.conf import settings
from obstore.exceptions import BaseError as Error  # noqa: F401  (what any store raises)
from obstore.store import LocalStore, MemoryStore, from_url

PART = 4 * 1024 * 1024


@functools.cache
def store():
    url = settings.STORAGE_URL
    if url.startswith("memory:"):
        return MemoryStore()
    if url.startswith("file:"):
        return LocalStore(urlsplit(url).path, mkdir=True, automatic_cleanup=True)
    return from_url(url)


def new_key(area: str) -> str:
    """A fresh key in an area such as `w/12/runs/34`, under which all bytes of one thing can be deleted."""
    return f"{area}/{uuid.uuid4().hex}"


def put(key: str, chunks: Iterable[bytes]) -> int:
    """Store a stream without holding it in memory; returns its size in bytes."""
    size = 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            yield chunk

    obstore.put(store(), key, counted())
    return size


def put_bytes(key: str, data: bytes) -> None:
    obstore.put(store(), key, data)


def get_range(key: str, start: int, length: int) -> bytes:
    return bytes(obstore.get_range(store(), key, start=start, length=length)) if length else b""


def stream(key: str, start: int, length: int) -> Iterator[bytes]:
    """The bytes of one object from `start`, in parts, so that memory stays flat."""
    end = start + length
    while start < end:
        part = get_range(key, start, min(PART, end - start))
        if not part:
            raise FileNotFoundError(f"{key} ends at byte {start}, {end - start} bytes too early")
        yield part
        start += len(part)


def delete(keys: list[str]) -> None:
    if keys:
        obstore.delete(store(), keys)


def listed(area: str) -> Iterator[list]:
    """Everything below an area, in batches of {"path", "size", "last_modified"}."""
    return obstore.list(store(), prefix=area + "/", chunk_size=1000)


def delete_area(area: str) -> int:
    """Delete everything below an area; returns the bytes freed."""
    freed = 0
    for batch in listed(area):
        freed += sum(item["size"] for item in batch)
        obstore.delete(store(), [item["path"] for item in batch])
    return freed
