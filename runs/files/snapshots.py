"""Snapshots: the code of a run as one zip, checked without unpacking and stored once per content."""

import hashlib
import io
import stat
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Iterable

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from runs.files import artifacts
from runs.models import Snapshot
from studio import file_paths, storage
from studio.errors import Conflict, Invalid, TooLarge
from workspaces.models import Workspace

MAX_FILES = 50_000
BLOCK = 1024 * 1024
# Up to this size it is checked in memory, beyond it in a temporary file.
SPOOL = 4 * BLOCK
UNSAFE = "archive_unsafe"


def find_snapshot(workspace: Workspace, digest: str) -> Snapshot | None:
    """The snapshot with this content; it counts as used now."""
    found = Snapshot.objects.filter(workspace=workspace, digest=digest).first()
    if found:
        Snapshot.objects.filter(pk=found.pk).update(used_at=timezone.now())
    return found


def store_snapshot(
    workspace: Workspace, user: User, snapshot_id: str, digest: str, chunks: Iterable[bytes]
) -> Snapshot:
    """Check and store a zip. The same content is stored once, so the returned id may differ from the given one."""
    wanted = _parse_uuid(snapshot_id)
    with tempfile.SpooledTemporaryFile(SPOOL) as file:
        for chunk in chunks:
            file.write(chunk)
        size = file.tell()
        files, found = read_manifest(file)
        if digest and digest.lower() != found:
            raise Invalid(f"The content has the hash {found}, not {digest}.", code="hash_mismatch", target="hash")
        present = find_snapshot(workspace, found)
        return present or _store_snapshot(workspace, user, wanted, found, file, size, files)


def _store_snapshot(workspace, user, snapshot_id, digest, file, size, files) -> Snapshot:
    if Snapshot.objects.filter(snapshot_id=snapshot_id).exists():
        raise Conflict(f"The snapshot {snapshot_id} has another content. Choose another id.", target="id")
    key = storage.make_key(f"{workspace.storage_area}/snapshots")
    file.seek(0)
    storage.put_stream(key, iter(lambda: file.read(BLOCK), b""))
    fields = {"snapshot_id": snapshot_id, "key": key, "size": size, "files": files, "created_by": user}
    try:
        with transaction.atomic():
            return Snapshot.objects.create(workspace=workspace, digest=digest, **fields)
    except IntegrityError:
        # Another upload of the same content was first.
        artifacts.delete_objects([key])
        return Snapshot.objects.get(workspace=workspace, digest=digest)


def _parse_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not the id of a snapshot: send a UUID.", target="id") from error


def read_manifest(file) -> tuple[list[dict], str]:
    """The files with their sizes, and the hash of their names and contents, computed from all bytes."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            return _read_entries(archive, entries)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise Invalid(f"The snapshot is not a readable zip: {error}.", code="not_a_zip") from error
    except zlib.error as error:
        raise Invalid(f"The snapshot's zip is damaged: {error}.", code="not_a_zip") from error


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FILES:
        raise TooLarge(f"The snapshot has {len(entries)} files; {MAX_FILES} are allowed.", code="snapshot_too_large")
    seen = set()
    for entry in entries:
        name = file_paths.check_path(entry.filename.removesuffix("/"), code=UNSAFE)
        mode = entry.external_attr >> 16
        if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
            raise Invalid(f"{name!r} in the snapshot is a link or a device; only files can be stored.", code=UNSAFE)
        if name in seen:
            raise Invalid(f"{name!r} is in the snapshot twice.", code=UNSAFE)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Invalid(
                f"{name!r} in the zip is compressed in another way than zip's usual one, deflate.", code=UNSAFE
            )
        seen.add(name)


def _read_entries(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> tuple[list[dict], str]:
    files, lines, total = [], [], 0
    for entry in entries:
        digest, size = hashlib.sha256(), 0
        with archive.open(entry) as content:
            while block := content.read(BLOCK):
                digest.update(block)
                size += len(block)
                if total + size > settings.SNAPSHOT_MAX_BYTES:
                    raise _too_large(entries)
        total += size
        lines.append(f"{entry.filename}\0{digest.hexdigest()}\n".encode())
        if not entry.is_dir():
            files.append({"path": entry.filename, "size": size})
    return sorted(files, key=lambda file: file["path"]), hashlib.sha256(b"".join(sorted(lines))).hexdigest()


def _too_large(entries: list[zipfile.ZipInfo]) -> TooLarge:
    largest = sorted(entries, key=lambda entry: -entry.file_size)[:10]
    listed = ", ".join(f"{entry.filename} ({entry.file_size:,} bytes)" for entry in largest)
    max_bytes = settings.SNAPSHOT_MAX_BYTES // BLOCK
    text = f"The snapshot has more than {max_bytes} MB unpacked. Name what the run does not need in .amlignore. Largest: {listed}."
    return TooLarge(text, code="snapshot_too_large")


def read_fingerprints(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    """Size and checksum of each file, from the zip's directory."""
    with zipfile.ZipFile(io.BufferedReader(_Stored(snapshot), 64 * 1024)) as archive:
        return {entry.filename: (entry.file_size, entry.CRC) for entry in archive.infolist() if not entry.is_dir()}


def read_file(snapshot: Snapshot, path: str, max_bytes: int | None = None) -> bytes:
    """One file of a snapshot, or its first `most` bytes; only the parts of the zip that are needed are fetched."""
    with zipfile.ZipFile(io.BufferedReader(_Stored(snapshot), 64 * 1024)) as archive:
        try:
            with archive.open(path) as content:
                return content.read(-1 if max_bytes is None else max_bytes)
        except KeyError as error:
            raise Invalid(f"The snapshot has no file {path!r}.", target="path") from error


class _Stored(io.RawIOBase):
    """A zip in storage as a seekable file."""

    def __init__(self, snapshot: Snapshot):
        self._key, self._size, self._position = snapshot.key, snapshot.size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer) -> int:
        length = max(0, min(len(buffer), self._size - self._position))
        data = storage.get_range(self._key, self._position, length)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def find_unused(before) -> "list[Snapshot]":
    """Snapshots without runs that were not requested since."""
    return list(Snapshot.objects.filter(runs=None, used_at__lt=before)[:1000])


def delete_snapshot(snapshot: Snapshot) -> None:
    key = snapshot.key
    snapshot.delete()
    artifacts.delete_objects([key])
