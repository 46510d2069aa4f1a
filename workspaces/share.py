"""Files below one folder of this machine, by relative paths such as `Users/alice/model.ipynb`.

The people of a workspace run programs that change these files at any moment. So each step opens one folder by its
parent's descriptor and never follows a link: nothing outside the folder can be read or written.
"""

import contextlib
import dataclasses
import datetime as dt
import io
import os
import pathlib
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.http import Http404

from studio import file_paths, storage
from studio.errors import Conflict, Invalid, NoSpace, TooLarge
from studio.file_paths import check_path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a pipe would wait for its other end.
READ_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# The longest listing of one folder.
MAX_LISTED = 2_000
# The largest folder that is downloaded, copied or measured.
MAX_FILES = 100_000
PIECE = 256 * 1024
UNFINISHED = re.compile(r"\.lazuli-upload-[0-9a-f]{16}")


@dataclasses.dataclass(frozen=True)
class ShareEntry:
    name: str
    path: str
    is_folder: bool
    # Links, pipes and devices are shown and never opened.
    is_special: bool
    size: int
    changed_at: dt.datetime
    # Changes with the content.
    version: str

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def is_notebook(self) -> bool:
        return self.name.endswith(".ipynb")


class Share:
    def __init__(self, root: pathlib.Path):
        self.root = root

    # Reading

    def find(self, path: str) -> ShareEntry:
        with self._parent(path) as (folder, name):
            return _describe(path, _stat(name, folder, path))

    def exists(self, path: str) -> bool:
        return file_paths.find_if_there(self.find, path) is not None

    def list_folder(
        self, path: str, with_hidden: bool = False, max_listed: int = MAX_LISTED
    ) -> tuple[list[ShareEntry], int]:
        """Folders first, then files by name; and how many are left out."""
        with self._folder(path) as folder:
            found = [entry for entry in _list_entries(path, folder) if with_hidden or not entry.name.startswith(".")]
        found.sort(key=lambda entry: (not entry.is_folder, entry.name.lower(), entry.name))
        return found[:max_listed], max(0, len(found) - max_listed)

    def open_file(self, path: str) -> io.FileIO:
        with self._parent(path) as (folder, name):
            try:
                number = os.open(name, READ_FILE, dir_fd=folder)
            except OSError as error:
                raise _explain(error, path) from error
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise Invalid(f"{path} is not a file that can be opened.", target="path")
        return io.FileIO(number)

    def read_start(self, path: str, length: int) -> bytes:
        with self.open_file(path) as file:
            return file.read(length)

    def stream(self, path: str, start: int, length: int) -> Iterator[bytes]:
        with self.open_file(path) as file:
            file.seek(start)
            while length > 0 and (piece := file.read(min(PIECE, length))):
                length -= len(piece)
                yield piece

    def walk(self, path: str, with_hidden: bool = True) -> Iterator[ShareEntry]:
        """All files below a folder, without links; Invalid if there are too many."""
        waiting, count = [path], 0
        while waiting:
            here = waiting.pop()
            with self._folder(here) as folder:
                entries = _list_entries(here, folder)
            for entry in entries:
                if entry.name.startswith(".") and not with_hidden:
                    continue
                count += 1
                if count > MAX_FILES:
                    raise Invalid(f"{path} has more than {MAX_FILES:,} files.", target="path")
                if entry.is_folder:
                    waiting.append(entry.path)
                elif not entry.is_special:
                    yield entry

    def measure(self, path: str) -> int:
        """The bytes of all files below a folder."""
        return sum(entry.size for entry in self.walk(path))

    # Changing

    def make_folder(self, path: str) -> None:
        """Create a folder with its parents; existing ones are accepted."""
        with self._folder(path, makes=True):
            return

    def make_new_folder(self, path: str) -> None:
        with self._parent(path, makes=True) as (folder, name):
            try:
                os.mkdir(name, 0o700, dir_fd=folder)
            except FileExistsError as error:
                raise _taken(path) from error

    def write_file(
        self,
        path: str,
        chunks: Iterable[bytes],
        *,
        replaces: bool = False,
        version: str = "",
        max_bytes: int | None = None,
    ) -> ShareEntry:
        """Write a file completely or not at all. With a `version`, only if the file still has it; `max_bytes` is the
        free space."""
        if storage.is_reserve_reached():
            raise NoSpace(storage.RESERVE_REACHED)
        with self._parent(path, makes=True) as (folder, name):
            _check_version(path, _stat_or_none(name, folder), version)
            temporary = f".lazuli-upload-{secrets.token_hex(8)}"
            try:
                _write_pieces(os.open(temporary, NEW_FILE, 0o600, dir_fd=folder), chunks, max_bytes)
                _move_to_name(folder, temporary, name, path, replaces or bool(version))
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
            return _describe(path, _stat(name, folder, path))

    def move(self, path: str, target: str) -> None:
        if target == path or target.startswith(f"{path}/"):
            raise Invalid(f"{path} cannot be moved into itself.", target="target")
        with self._parent(path) as (source, name), self._parent(target, makes=True) as (folder, new_name):
            _stat(name, source, path)
            if _stat_or_none(new_name, folder):
                raise _taken(target)
            try:
                os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=folder)
            except OSError as error:
                raise _explain(error, path) from error

    def remove(self, path: str) -> None:
        """Delete permanently; a missing file is not an error."""
        try:
            with self._parent(path) as (folder, name):
                found = _stat_or_none(name, folder)
                if found and stat.S_ISDIR(found.st_mode):
                    shutil.rmtree(name, dir_fd=folder)
                elif found:
                    os.unlink(name, dir_fd=folder)
        except (Http404, FileNotFoundError):
            return

    # Steps

    @contextlib.contextmanager
    def _folder(self, path: str, makes: bool = False) -> Iterator[int]:
        """The descriptor of a folder; the empty path is the share itself."""
        if makes:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            number = os.open(self.root, FOLDER)
        except FileNotFoundError as error:
            raise Http404(f"There is no folder {path}.") from error
        try:
            for part in check_path(path).split("/") if path else []:
                above, number = number, _step_into(number, part, path, makes)
                os.close(above)
            yield number
        finally:
            os.close(number)

    @contextlib.contextmanager
    def _parent(self, path: str, makes: bool = False) -> Iterator[tuple[int, str]]:
        above, _, name = check_path(path).rpartition("/")
        with self._folder(above, makes) as folder:
            yield folder, name


def _list_entries(path: str, folder: int) -> list[ShareEntry]:
    """Entries, without names that pages cannot show, such as one that is not UTF-8."""
    found = []
    for name in sorted(os.listdir(folder)):
        with contextlib.suppress(Invalid):
            if status := _stat_or_none(check_path(name), folder):
                found.append(_describe(f"{path}/{name}", status))
    return found


def _step_into(folder: int, name: str, path: str, makes: bool) -> int:
    if makes:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=folder)
    try:
        return os.open(name, FOLDER, dir_fd=folder)
    except OSError as error:
        raise _explain(error, path) from error


def _explain(error: OSError, path: str) -> Exception:
    if isinstance(error, FileNotFoundError):
        return Http404(f"There is no file or folder {path}.")
    return Invalid(f"{path} cannot be opened: it is a link, or not a folder ({error.strerror}).", target="path")


def _taken(path: str) -> Conflict:
    return Conflict(f"There is already a file or folder {path}. Choose another name.", target="name")


def _stat(name: str, folder: int, path: str) -> os.stat_result:
    found = _stat_or_none(name, folder)
    if found is None:
        raise Http404(f"There is no file or folder {path}.")
    return found


def _stat_or_none(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _describe(path: str, found: os.stat_result) -> ShareEntry:
    return ShareEntry(
        name=path.rpartition("/")[2],
        path=path,
        is_folder=stat.S_ISDIR(found.st_mode),
        is_special=not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)),
        size=found.st_size if stat.S_ISREG(found.st_mode) else 0,
        changed_at=dt.datetime.fromtimestamp(found.st_mtime, dt.UTC),
        version=f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}",
    )


def delete_unfinished(before: float) -> None:
    """Delete leftovers of killed uploads in all shares. Uploads that were written to after this time may still be
    running."""
    if not settings.SHARES_DIR.is_dir():
        return
    for _, _, names, folder in os.fwalk(settings.SHARES_DIR):
        for name in filter(UNFINISHED.fullmatch, names):
            # It may end at this moment.
            with contextlib.suppress(FileNotFoundError):
                if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < before:
                    os.unlink(name, dir_fd=folder)


def _check_version(path: str, found: os.stat_result | None, version: str) -> None:
    if version and (found is None or _describe(path, found).version != version):
        raise Conflict(
            f"{path} was changed or moved after you opened it. Nothing was saved: copy what you wrote, open the file "
            "again, and save.",
            target="version",
        )


def _write_pieces(number: int, chunks: Iterable[bytes], max_bytes: int | None) -> None:
    size = 0
    with os.fdopen(number, "wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if max_bytes is not None and size > max_bytes:
                raise TooLarge("The file is too large for the space left in the folder. Delete something first.")
            file.write(chunk)


def _move_to_name(folder: int, temporary: str, name: str, path: str, replaces: bool) -> None:
    try:
        if replaces:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            # Unlike a rename, it never replaces.
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except (FileExistsError, IsADirectoryError) as error:
        raise _taken(path) from error
