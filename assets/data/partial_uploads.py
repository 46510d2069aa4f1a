"""Large files that a page sends in pieces: what has arrived stays for a day, so that an upload continues where it
stopped."""

import fcntl
import os
import pathlib
import time
from collections.abc import Iterable, Iterator

from django.conf import settings

from accounts.models import User
from assets.data import stores
from assets.data.models import Datastore
from studio import storage
from studio.errors import Conflict, Invalid
from studio.formats import digest_json

# The largest piece of a page, and what is read at a time.
MAX_PIECE, BLOCK = 64 * 1024**2, 1024**2
KEPT_SECONDS = 24 * 3600


class PartialUpload:
    """A file of `size` bytes for a path; `stamp` tells it from another version of the same file of the person."""

    def __init__(self, user: User, datastore: Datastore, path: str, size: int, stamp: str):
        if not 0 <= size <= stores.MAX_FILE_BYTES:
            raise Invalid(f"size is {size}; write 0 to {stores.MAX_FILE_BYTES:,}.", target="size")
        self.datastore, self.path, self.size = datastore, path, size
        digest = digest_json([user.pk, datastore.pk, path, size, stamp])
        self._file = _folder() / digest[:40]

    @property
    def arrived(self) -> int:
        """The bytes that are here."""
        return self._file.stat().st_size if self._file.exists() else 0

    def add_piece(self, start: int, chunks: Iterable[bytes]) -> int:
        """Store a piece that begins where the last one ended; return how many bytes have arrived."""
        _folder().mkdir(parents=True, exist_ok=True)
        delete_old()
        with open(self._file, "ab") as part:
            try:
                fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(f"Another page is uploading {self.path}.", target="path", code="busy") from error
            if part.tell() != start:
                text = f"{part.tell():,} bytes of {self.path} have arrived; continue there, not at {start:,}."
                raise Conflict(text, target="start", code="position")
            for chunk in storage.check_space(chunks):
                if part.tell() + len(chunk) > self.size:
                    raise Invalid(f"{self.path} has more than the {self.size:,} bytes that were named.", target="size")
                part.write(chunk)
            return part.tell()

    def store(self, files: stores.DatastoreFiles, overwrite: bool) -> None:
        """Store the whole file in the datastore, and forget its pieces."""
        files.write(self.path, self._read(), overwrite)
        self._file.unlink(missing_ok=True)

    def _read(self) -> Iterator[bytes]:
        with open(self._file, "rb") as part:
            while block := part.read(BLOCK):
                yield block


def _folder() -> pathlib.Path:
    return settings.DATA_DIR / "cache" / "uploads"


def delete_old() -> None:
    """Delete what nobody has continued for a day."""
    with os.scandir(_folder()) as found:
        old = [entry.path for entry in found if entry.stat().st_mtime < time.time() - KEPT_SECONDS]
    for path in old:
        pathlib.Path(path).unlink(missing_ok=True)
