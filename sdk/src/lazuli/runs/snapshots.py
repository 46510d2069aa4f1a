"""Snapshots: a source folder as a zip, which the server stores once for the same content."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import uuid
import zipfile
from typing import Any, BinaryIO, Iterator, List, NamedTuple, Optional

from lazuli.artifact_names import is_refused
from lazuli.bodies import iterate_blocks
from lazuli.errors import SnapshotException
from lazuli.runs.ignore_rules import IgnoreRules, includes_path, walk_included
from lazuli.runs.secret_files import SecretFiles
from lazuli.workspaces import WorkspaceClient

MAX_BYTES = 300 * 1024 * 1024
MAX_FILES = 2000
LARGE_BYTES = 25 * 1024 * 1024
NO_FILE_LIMIT = "AML_SNAPSHOT_NO_FILE_LIMIT"
# Zip files cannot hold an earlier time; a fixed one makes the same files give the same bytes.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
BLOCK = 1024 * 1024
BAR_WIDTH = 30


class SourceFile(NamedTuple):
    path: str  # relative, with `/`; an empty folder ends with `/`
    source: str
    size: int


def upload_snapshot(workspace: WorkspaceClient, path: str) -> str:
    """Upload a folder (or one file) unless the server has the same content; return the id of the snapshot.

    Raises SnapshotException if the path does not exist or the content is over the limits.
    """
    files = collect_files(path)
    digest = hash_files(files)
    snapshots_path = workspace.content_path + "/snapshots"
    stored = workspace.client.get(snapshots_path, hash=digest).get("value") or []
    if stored:
        return str(stored[0]["id"])
    snapshot_id = str(uuid.uuid4())
    with tempfile.TemporaryFile() as archive:
        write_zip(files, archive)
        size = archive.tell()
        archive.seek(0)
        body = ProgressFile(archive, size, "Uploading the snapshot")
        answer = workspace.client.request(
            "PUT", f"{snapshots_path}/{snapshot_id}", params={"hash": digest}, content=body, timeout=600
        )
    return str(answer.json().get("id") or snapshot_id)


def collect_files(path: str) -> List[SourceFile]:
    """The files of the snapshot of `path`, within the limits of SDK v1."""
    path = os.path.abspath(os.path.expanduser(path))
    if os.path.isfile(path):
        files = [SourceFile(os.path.basename(path), path, os.path.getsize(path))]
    elif os.path.isdir(path):
        rules = IgnoreRules.from_folder(path)
        secrets = SecretFiles(rules)
        files = [_source_file(path, name) for name in walk_included(path, rules, secrets)]
        if secrets.excluded:
            print(secrets.describe_excluded(), file=sys.stderr)
    else:
        raise SnapshotException(f"The folder {path!r} does not exist; a snapshot needs one.")
    _check_limits(files, path)
    for file in files:
        if is_refused(file.path):
            raise SnapshotException(
                f"The name of the file {os.fsencode(file.path)!r} is not readable UTF-8, so it cannot be in a snapshot. "
                "Rename it, or leave it out by a line in .amlignore."
            )
    return files


def includes_file(path: str, name: str) -> bool:
    """Whether the snapshot of the folder `path` has the file `name`."""
    rules = IgnoreRules.from_folder(path)
    return includes_path(name.replace(os.sep, "/"), rules, SecretFiles(rules))


def hash_files(files: List[SourceFile]) -> str:
    """sha256 of the sorted lines `path NUL sha256`; of nothing for an empty folder."""
    lines = sorted(f"{file.path}\0{_hash_file(file)}\n".encode() for file in files)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def write_zip(files: List[SourceFile], target: BinaryIO) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for file in sorted(files):
            entry = zipfile.ZipInfo(file.path, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            mode = 0o755 if file.path.endswith("/") or os.access(file.source, os.X_OK) else 0o644
            entry.external_attr = mode << 16
            if file.path.endswith("/"):
                archive.writestr(entry, b"")
                continue
            with open(file.source, "rb") as source, archive.open(entry, "w") as packed:
                for block in _iterate_blocks(source):
                    packed.write(block)


class ProgressFile:
    """A file that shows on a terminal how much of it has been read; elsewhere it shows nothing."""

    def __init__(self, file: BinaryIO, size: int, what: str):
        self._file = file
        self._size = size
        self._what = what
        self._shown = sys.stderr.isatty() and size > BLOCK

    def read(self, count: int = -1) -> bytes:
        block = self._file.read(count)
        if self._shown:
            self._show_progress(self._file.tell(), ended=not block)
        return block

    def _show_progress(self, done: int, ended: bool) -> None:
        filled = BAR_WIDTH * done // self._size
        text = f"\r{self._what} [{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done * 100 // self._size} %"
        print(text, end="\n" if ended else "", file=sys.stderr, flush=True)
        self._shown = not ended

    def seek(self, position: int, whence: int = 0) -> int:
        return self._file.seek(position, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()

    def __iter__(self) -> Iterator[bytes]:
        return _iterate_blocks(self)


def _source_file(folder: str, name: str) -> SourceFile:
    source = os.path.join(folder, *name.split("/"))
    return SourceFile(name, source, 0 if name.endswith("/") else os.path.getsize(source))


def _check_limits(files: List[SourceFile], path: str) -> None:
    total = sum(file.size for file in files)
    if total > MAX_BYTES:
        largest = ", ".join(f"{file.path} ({format_megabytes(file.size)})" for file in _find_largest(files))
        raise SnapshotException(
            f"The snapshot of {path} has {format_megabytes(total)}; at most {format_megabytes(MAX_BYTES)} are allowed. "
            f"List files that the run does not need in a file .amlignore there, in the syntax of .gitignore. Largest: {largest}."
        )
    if len(files) > MAX_FILES and os.environ.get(NO_FILE_LIMIT, "").lower() not in ("1", "true"):
        raise SnapshotException(
            f"The snapshot of {path} has {len(files)} files; at most {MAX_FILES} are allowed. List files that the "
            f"run does not need in a file .amlignore there, or set {NO_FILE_LIMIT}=True."
        )
    if total > LARGE_BYTES:
        text = f"Warning: the snapshot of {path} has {format_megabytes(total)}; a file .amlignore there can make it smaller."
        print(text, file=sys.stderr)


def _find_largest(files: List[SourceFile]) -> List[SourceFile]:
    return sorted(files, key=lambda file: -file.size)[:3]


def format_megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MB"


def _hash_file(file: SourceFile) -> str:
    digest = hashlib.sha256()
    if not file.path.endswith("/"):
        with open(file.source, "rb") as source:
            for block in _iterate_blocks(source):
                digest.update(block)
    return digest.hexdigest()


def _iterate_blocks(file: Any) -> Iterator[bytes]:
    return iter(lambda: file.read(BLOCK), b"")


def download_snapshot(workspace: WorkspaceClient, snapshot_id: str, path: Optional[str]) -> str:
    """Save the snapshot as a zip into the folder `path` (default: a temporary one); return the path of the zip."""
    folder = os.path.abspath(path or tempfile.mkdtemp(prefix="azureml_snapshots_"))
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, f"{snapshot_id}.zip")
    zip_path = f"{workspace.content_path}/snapshots/{snapshot_id}/zip"
    answer = workspace.client.request("GET", zip_path, stream=True, timeout=600)
    with open(target, "wb") as file:
        for block in iterate_blocks(answer):
            file.write(block)
    answer.close()
    return target
