"""A large file is sent with one request, and in pieces once such a request has broken off, or would take long.

What has arrived stays on the server for a day, so that the same upload continues where it stopped, also in another process.
Each piece is sent with its hash; before an upload continues, the pieces that are there are compared with the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
import time
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Union, cast

from lazuli.bodies import BLOCK
from lazuli.client import BUSY_STATUSES, Client
from lazuli.errors import Conflict, NotFound, ServiceException, Unreachable, UserErrorException

Json = Dict[str, Any]
Content = Union[bytes, BinaryIO]
TRANSFER_TIMEOUT = 600.0
HEADERS = {"Content-Type": "application/octet-stream"}
# A smaller file has one request, which is repeated whole. The server allows pieces of up to 64 MB.
LARGE, PIECE = 64 * 1024 * 1024, 16 * 1024 * 1024
# A request is given up if it would take longer than a minute, which can be told after some seconds.
LONG_SECONDS, WATCHED_SECONDS = 60.0, 5.0


def put_file(
    client: Client, address: str, uploads: str, file: Content, params: Json, same: Optional[str] = None
) -> None:
    """PUT the bytes of a file; `uploads` is the address of the workspace's uploads. `same` stands for the address, where
    that is another one each time."""
    size = _find_size(file)
    upload = _Upload(client, uploads, cast(BinaryIO, file), [same or address, params]) if size >= LARGE else None
    pieces = upload.find_pieces() if upload else None
    if upload is None or pieces is None:
        _put(client, address, file, params)
        return
    if not pieces and _put_whole(client, address, _Watched(cast(BinaryIO, file), size), params):
        return
    all_params = {**params, "upload": upload.name, "size": size}
    # A file that is refused anyway is not sent. At an address that is new there is none.
    if same or not _has_all(client, address, all_params):
        upload.send(pieces)
        _put(client, address, b"", all_params)
    upload.forget()


def _has_all(client: Client, address: str, params: Json) -> bool:
    """Make the pieces the file; False if some are missing."""
    try:
        _put(client, address, b"", params)
        return True
    except Conflict as error:
        if error.code != "position":
            raise
        return False


def _put(client: Client, address: str, content: Any, params: Json, attempts: Optional[int] = None) -> None:
    client.request(
        "PUT", address, params=params, content=content, headers=HEADERS, timeout=TRANSFER_TIMEOUT, attempts=attempts
    )


def _put_whole(client: Client, address: str, content: _Watched, params: Json) -> bool:
    """Send the whole file with one request; False if that breaks off, and once one has broken off."""
    if client.breaks_off:
        return False
    try:
        _put(client, address, content, params, attempts=1)
        return True
    except (Unreachable, _TooLong):
        client.breaks_off = True
    except ServiceException as error:
        if error.status_code not in BUSY_STATUSES:
            raise
        client.breaks_off = True
    return False


def _find_size(file: Content) -> int:
    """The size of a file of this machine that is read from its beginning, else 0."""
    try:
        state = os.fstat(cast(BinaryIO, file).fileno())
        return state.st_size if stat.S_ISREG(state.st_mode) and cast(BinaryIO, file).tell() == 0 else 0
    except (AttributeError, io.UnsupportedOperation):
        return 0


class _TooLong(Exception):
    """The request would take so long that pieces are better."""


class _Watched:
    """A file that is read for a request, which is given up if it would take long."""

    def __init__(self, file: BinaryIO, size: int):
        self._file, self._size, self._started = file, size, time.monotonic()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(BLOCK), b"")

    def read(self, size: int = -1) -> bytes:
        sent, spent = self._file.tell(), time.monotonic() - self._started
        if spent > WATCHED_SECONDS and spent * (self._size - sent) > LONG_SECONDS * sent:
            raise _TooLong
        return self._file.read(size)


class _Upload:
    """The pieces of one file on the server; another file, or another version of it, has another name."""

    def __init__(self, client: Client, uploads: str, file: BinaryIO, target: List[Any]):
        self._client, self._file, self._state = client, file, os.fstat(file.fileno())
        words = [*target, self._state.st_size, self._state.st_mtime_ns]
        self.name = hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()
        self._address = f"{uploads}/{self.name}"

    def find_pieces(self) -> Optional[List[Json]]:
        """Return those that have arrived; None if the studio is older than the pieces."""
        try:
            return cast(List[Json], self._client.get(self._address)["pieces"])
        except NotFound:
            return None

    def send(self, pieces: List[Json]) -> None:
        """Send what is missing."""
        if any(hash_bytes(self._read(piece["start"], piece["size"])) != piece["sha256"] for piece in pieces):
            self.forget()
            pieces = []
        at = pieces[-1]["start"] + pieces[-1]["size"] if pieces else 0
        while at < self._state.st_size:
            block = self._read(at, PIECE)
            params = {"start": at, "sha256": hash_bytes(block)}
            self._client.request(
                "PUT", self._address, params=params, content=block, headers=HEADERS, timeout=TRANSFER_TIMEOUT
            )
            at += len(block)
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._state.st_size, self._state.st_mtime_ns):
            raise self._make_changed()

    def _read(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        block = self._file.read(length)
        if not block:
            raise self._make_changed()
        return block

    def _make_changed(self) -> UserErrorException:
        return UserErrorException(
            f"{getattr(self._file, 'name', 'The file')} has changed while it was sent. Send it again."
        )

    def forget(self) -> None:
        """Delete the pieces; the server does so itself after a day."""
        with contextlib.suppress(ServiceException, Unreachable):
            self._client.request("DELETE", self._address, attempts=1)


def hash_bytes(block: bytes) -> str:
    return hashlib.sha256(block).hexdigest()
