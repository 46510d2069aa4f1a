"""The folder that a script runs in: created from the snapshot, and removed at the end."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import zipfile
from typing import IO, Optional

KEEP_VARIABLE = "LAZULI_KEEP_WORKDIR"


class BadSnapshot(Exception):
    """The zip contains something that must not be unpacked."""


def parent_folder() -> str:
    """Where work folders are created: nodes set LAZULI_WORK_DIR; a local run uses the folder that SDK v1 uses."""
    named = os.environ.get("LAZULI_WORK_DIR")
    if named:
        return named
    user = os.getuid() if hasattr(os, "getuid") else None
    folder = os.path.join(tempfile.gettempdir(), f"azureml_runs_{'' if user is None else user}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found = os.lstat(folder)
    if user is not None and (found.st_uid != user or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022):
        # Another account made it first, and could exchange the code in it.
        return tempfile.mkdtemp(prefix="azureml_runs_")
    return folder


class WorkFolder:
    """`code/` is where the script runs; beside it are its log and temporary files."""

    def __init__(self, run_id: str, parent: Optional[str] = None):
        self.path = tempfile.mkdtemp(prefix=f"{safe_name(run_id)}-", dir=parent or parent_folder())
        self.code = os.path.join(self.path, "code")
        self.log = os.path.join(self.path, "std_log.txt")
        self.build_log = os.path.join(self.path, "build_log.txt")
        self.temporary = os.path.join(self.path, "tmp")
        self.tools = os.path.join(self.path, "bin")
        self.metrics = os.path.join(self.path, "metrics")
        self.fetched_secrets = os.path.join(self.path, "fetched_secrets")
        for folder in (self.code, self.temporary, self.metrics):
            os.mkdir(folder)

    def create_output_folders(self, watched: "list[str]") -> None:
        for name in ("outputs", *watched):
            os.makedirs(os.path.join(self.code, name), exist_ok=True)

    def make_folder(self, name: str) -> str:
        """A folder beside `code/`, which is there when the script starts."""
        path = os.path.join(self.path, name)
        os.makedirs(path, exist_ok=True)
        return path

    def remove(self) -> None:
        if os.environ.get(KEEP_VARIABLE):
            return
        try:
            shutil.rmtree(self.path, onerror=_make_writable)
        except OSError as error:
            # How the run ended matters more than a file that cannot be removed.
            print(f"{self.path} could not be removed: {error}", file=sys.stderr)


def _make_writable(function: object, path: str, error: object) -> None:
    """Make a read-only folder of the script writable, so that its content can be removed."""
    parent = os.path.dirname(path)
    for folder in (parent, path):
        if os.path.isdir(folder) and not os.path.islink(folder):
            os.chmod(folder, 0o700)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.remove(path)


def safe_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:80]


def unpack_snapshot(archive: IO[bytes], folder: str) -> None:
    """Unpack a zip of plain files and folders into `folder`. Raises BadSnapshot for links and paths that lead outside."""
    with zipfile.ZipFile(archive) as files:
        for entry in files.infolist():
            target = _check_target(entry, folder)
            if entry.is_dir():
                os.makedirs(target, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with files.open(entry) as source, open(target, "xb") as file:
                shutil.copyfileobj(source, file, 1024 * 1024)
            if (entry.external_attr >> 16) & 0o100:
                os.chmod(target, 0o755)


def _check_target(entry: zipfile.ZipInfo, folder: str) -> str:
    name = entry.filename
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadSnapshot(f"The snapshot contains a link ({name!r}); only files and folders can be unpacked.")
    pieces = name.rstrip("/").split("/")
    if not name or "\\" in name or "\0" in name or os.path.isabs(name) or any(p in ("", ".", "..") for p in pieces):
        raise BadSnapshot(f"The snapshot contains a file named {name!r}, which is outside its folder.")
    return os.path.join(folder, *pieces)
