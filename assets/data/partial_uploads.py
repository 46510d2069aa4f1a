"""Large files that are sent in pieces: what has arrived stays for a day in the storage of the workspace, so that an upload
continues where it stopped, at any web server of the studio.

Pieces that nobody has continued are files without a row: trash/orphaned_files.py deletes them.
"""

import contextlib
import dataclasses
import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from accounts.actors import Actor
from assets.data import stores
from studio import storage
from studio.errors import Conflict, Invalid
from studio.formats import digest_json
from workspaces.models import Workspace

# The largest piece of an upload.
MAX_PIECE = 64 * 1024**2
SHA_256 = re.compile(r"[0-9a-f]{64}")
# A piece is named by the position of its first byte, and by its hash if the sender has named that.
NAME = re.compile(r"(?P<start>\d{15})(?:\.(?P<sha256>[0-9a-f]{64}))?")


class Pieces:
    """Parts of one file, each with a name."""

    def __init__(self, workspace: Workspace, *owner: object):
        self._area = f"{workspace.storage_area}/{stores.UPLOADS}/{digest_json(owner)[:40]}"

    def list_sizes(self) -> dict[str, int]:
        """The bytes of each by its name, in the order of the names."""
        found = [item for batch in storage.list_area(self._area) for item in batch]
        return {item["path"].rpartition("/")[2]: item["size"] for item in sorted(found, key=lambda item: item["path"])}

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        return storage.put_stream(f"{self._area}/{name}", chunks)

    def read(self, sizes: Iterable[tuple[str, int]]) -> Iterator[bytes]:
        """The bytes of several, by their names and sizes. The storage library cannot be called again in the thread in
        which it asks for what it stores; files of this machine are read without it."""
        if storage.get_folder():
            for name, size in sizes:
                yield from storage.stream_object(f"{self._area}/{name}", 0, size)
            return
        with ThreadPoolExecutor(1, thread_name_prefix="pieces") as reader:
            for name, size in sizes:
                for start in range(0, size, storage.PART):
                    length = min(storage.PART, size - start)
                    yield reader.submit(storage.get_range, f"{self._area}/{name}", start, length).result()

    def delete(self, names: Iterable[str] | None = None) -> None:
        """Delete these, or all."""
        chosen = self.list_sizes() if names is None else names
        # Another request may have deleted some.
        with contextlib.suppress(FileNotFoundError):
            storage.delete_keys([f"{self._area}/{name}" for name in chosen])


@dataclasses.dataclass(frozen=True)
class Piece:
    start: int
    size: int
    sha256: str
    name: str

    @property
    def end(self) -> int:
        return self.start + self.size


class PartialUpload:
    """A file of one sender, of which pieces arrive in order; `stamp` tells it from the sender's other uploads."""

    def __init__(self, actor: Actor, workspace: Workspace, *stamp: object):
        self._pieces = Pieces(workspace, actor.user.pk, actor.run_id, *stamp)

    def list_pieces(self) -> list[Piece]:
        """The pieces that follow one another from the beginning."""
        found: list[Piece] = []
        for name, size in self._pieces.list_sizes().items():
            match = NAME.fullmatch(name)
            if match and int(match["start"]) == _end_of(found):
                found.append(Piece(_end_of(found), size, match["sha256"] or "", name))
        return found

    @property
    def arrived(self) -> int:
        """The bytes that are here."""
        return _end_of(self.list_pieces())

    def add_piece(
        self, start: int, chunks: Iterable[bytes], sha256: str = "", max_size: int = stores.MAX_FILE_BYTES
    ) -> list[Piece]:
        """Store a piece that begins where the last one ended, or again one that is here; return the pieces that are here."""
        if sha256 and not SHA_256.fullmatch(sha256):
            raise Invalid("sha256 is the hash of the piece: 64 hexadecimal digits in lower case.", target="sha256")
        found = self.list_pieces()
        arrived = _end_of(found)
        same = [piece for piece in found if piece.start == start]
        if start != arrived and not same:
            text = f"{arrived:,} bytes have arrived; continue there, not at {start:,}."
            raise Conflict(text, target="start", code="position")
        name = f"{start:015d}.{sha256}" if sha256 else f"{start:015d}"
        size = self._pieces.put(name, _check(chunks, start, max_size, sha256))
        self._pieces.delete([piece.name for piece in same if piece.name != name])
        return self.list_pieces() if same else [*found, Piece(start, size, sha256, name)]

    def read(self, size: int) -> Iterator[bytes]:
        """The whole file, which has so many bytes. Whether it is here is found out when its first bytes are asked for, after
        all other reasons to refuse it."""
        found = self.list_pieces()
        if _end_of(found) != size:
            text = (
                f"{_end_of(found):,} of the {size:,} bytes of this upload have arrived. Send the rest, or begin again."
            )
            raise Conflict(text, target="upload", code="position")
        yield from self._pieces.read([(piece.name, piece.size) for piece in found])

    def delete(self) -> None:
        self._pieces.delete()


def _end_of(pieces: list[Piece]) -> int:
    return pieces[-1].end if pieces else 0


def _check(chunks: Iterable[bytes], start: int, max_size: int, sha256: str) -> Iterator[bytes]:
    """Refuse a piece that is too long, or is not what its sender has read."""
    end, digest = start, hashlib.sha256()
    for chunk in chunks:
        end += len(chunk)
        if end > max_size:
            raise Invalid(f"The file has more than {max_size:,} bytes.", target="size")
        if sha256:
            digest.update(chunk)
        yield chunk
    if sha256 and digest.hexdigest() != sha256:
        text = "The piece that has arrived does not have the hash that was sent with it. Send it again."
        raise Invalid(text, target="sha256", code="wrong_hash")
