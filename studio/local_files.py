"""Large files written into a folder of this machine, straight from the bytes that arrive.

The storage library would copy them, and give them to other threads. As there, a file is written beside its place, under a
name that ends in # and digits, and moved when it is complete.
"""

import contextlib
import io
import itertools
import os
import pathlib
from collections.abc import Iterable, Iterator

from obstore.exceptions import AlreadyExistsError
from obstore.exceptions import BaseError as Error

# Larger writes need memory in one piece, for which the system may have to search.
WRITTEN = 256 * 1024


def write_file(path: pathlib.Path, chunks: Iterable[bytes], overwrite: bool = True) -> int:
    """Store a file, which appears only when it is complete; returns its size in bytes."""
    size = 0
    with _errors():
        file = _open_part(path)
    try:
        with file:
            for chunk in chunks:
                with _errors():
                    _write_all(file, chunk)
                size += len(chunk)
        with _errors():
            _move(file.name, path, overwrite)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file.name)
        raise
    return size


def _open_part(path: pathlib.Path) -> io.FileIO:
    for number in itertools.count(1):
        try:
            return io.FileIO(f"{path}#{number}", "x")
        except FileNotFoundError:
            # Also if another request has just deleted the last file of the folder, and the folder with it.
            _make_folder(path.parent)
        except FileExistsError:
            continue
    raise AssertionError("itertools.count does not end")


def _make_folder(folder: pathlib.Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(f"Not a directory: {folder}") from error


def _write_all(file: io.FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest[:WRITTEN]) :]


def _move(part: str, path: pathlib.Path, overwrite: bool) -> None:
    if not overwrite:
        # A second name is refused if there is a file; a disk without second names is asked before.
        try:
            os.link(part, path)
        except FileExistsError as error:
            raise AlreadyExistsError(f"{path} exists already") from error
        except OSError:
            if os.path.lexists(path):
                raise AlreadyExistsError(f"{path} exists already") from None
        else:
            os.unlink(part)
            return
    os.replace(part, path)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Errors of a disk are those of a store."""
    try:
        yield
    except OSError as error:
        raise Error(str(error)) from error
