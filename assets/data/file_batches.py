"""Many small files of a datastore in one request: a line of JSON that lists them, then their bytes, one after another."""

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pydantic

from assets.data.stores import DatastoreFiles, File
from studio import downloads, file_paths, request_body
from studio.errors import Conflict, Denied, Invalid, TooLarge
from studio.formats import format_bytes

MAX_FILES = 500
MAX_BYTES = 16 * 1024 * 1024
# The largest file of a batch, because a batch holds the bytes of a group of files in memory.
MAX_FILE_BYTES = 1024 * 1024
# Files that are stored or read together.
GROUP = 8
MAX_LINE_BYTES = 4 * 1024 * 1024
# Bytes of a download that are sent together.
BLOCK = 256 * 1024


class BatchFile(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    path: str
    size: int = pydantic.Field(ge=0, le=MAX_FILE_BYTES)


class BatchList(pydantic.BaseModel):
    """The first line of an upload."""

    files: list[BatchFile] = pydantic.Field(min_length=1, max_length=MAX_FILES)


class BodyParts:
    """A body that arrives in parts, read by lengths."""

    def __init__(self, chunks: Iterable[bytes]):
        self._chunks, self._part, self._at = iter(chunks), b"", 0

    def read_line(self) -> bytes:
        """The bytes before the first line break, or all if there is none."""
        found = b""
        while b"\n" not in found and (part := next(self._chunks, b"")):
            found += part
            if len(found) > MAX_LINE_BYTES and b"\n" not in found[:MAX_LINE_BYTES]:
                raise TooLarge(f"The first line has more than {format_bytes(MAX_LINE_BYTES)}.", target="files")
        line, _, self._part = found.partition(b"\n")
        return line

    def read(self, length: int) -> bytes:
        """So many bytes, or less at the end of the body."""
        pieces = []
        while length > 0:
            piece = self._part[self._at : self._at + length]
            if piece:
                self._at, length = self._at + len(piece), length - len(piece)
                pieces.append(piece)
            elif part := next(self._chunks, b""):
                self._part, self._at = part, 0
            else:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def read_list(line: bytes, body_length: int | None) -> list[BatchFile]:
    """The files of the first line of an upload; a body of another length is refused before anything is stored."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise Invalid("The first line of the body is not UTF-8.", target="files", code="json_invalid") from error
    found = request_body.validate_body(BatchList, request_body.load_object(text, "first line of the body", "files"))
    total = sum(file.size for file in found.files)
    if total > MAX_BYTES:
        raise TooLarge(f"The files have {format_bytes(total)}; at most {format_bytes(MAX_BYTES)} go together.")
    sent = total if body_length is None else max(body_length - len(line) - 1, 0)
    if sent != total:
        text = f"After its first line the body has {sent} bytes, but its files have {total}. Nothing is stored."
        raise Invalid(text, target="files", code="incomplete_body")
    return found.files


def check_together(paths: Sequence[str]) -> None:
    """Refuse a path that is listed twice, or is also a folder of another one."""
    taken: set[str] = set()
    for path in paths:
        if path in taken:
            raise Invalid(f"{path} is listed twice.", target="path")
        taken.add(path)
    for path in paths:
        parts = path.split("/")
        above = next((inner for count in range(1, len(parts)) if (inner := "/".join(parts[:count])) in taken), None)
        if above:
            raise Conflict(f"{above} cannot be a file and the folder of {path}.", target="path")


def read_files(listed: list[BatchFile], body: BodyParts) -> Iterator[tuple[str, bytes]]:
    """The path and bytes of each file; a body that ends too early or too late is an error."""
    for file in listed:
        data = body.read(file.size)
        if len(data) != file.size:
            text = f"The body ended in {file.path}, after {len(data)} of its {file.size} bytes. Send it again."
            raise Invalid(text, target="path", code="incomplete_body")
        yield file.path, data
    if body.read(1):
        raise Invalid("The body has more bytes than the files of its first line.", target="files")


def check_upload(files: DatastoreFiles, paths: Sequence[str], overwrite: bool, may_replace: bool) -> set[str]:
    """The paths that are there already and stay. Whatever can be refused is refused here, before a file is stored."""
    files.check_names(paths)
    check_together(paths)
    files.run_each(files.check_no_folder, paths)
    if overwrite and may_replace:
        return set()
    present = [path for path, there in zip(paths, files.run_each(files.exists, paths), strict=True) if there]
    if present and overwrite:
        raise Denied(f"{present[0]} is there already, and this token may not replace it.", target="path")
    return set(present)


def store_files(
    files: DatastoreFiles, listed: list[BatchFile], body: BodyParts, present: set[str], overwrite: bool
) -> int:
    """Store the files that are not `present`, each of them whole or not at all; returns how many.

    A file that another request stored meanwhile stays, and is added to `present`.
    """

    def store(pair: tuple[str, bytes]) -> bool:
        try:
            files.put(pair[0], iter([pair[1]]), overwrite)
        except Conflict as error:
            if error.code != "FileExists":
                raise
            present.add(pair[0])
            return False
        return True

    stored, contents = 0, read_files(listed, body)
    while group := list(itertools.islice(contents, GROUP)):
        stored += sum(files.run_each(store, [pair for pair in group if pair[0] not in present]))
    return stored


def check_paths(paths: list[str]) -> None:
    """The paths of a download."""
    if not 1 <= len(paths) <= MAX_FILES:
        raise Invalid(f"{len(paths):,} paths: name 1 to {MAX_FILES}.", target="paths")


def find_files(files: DatastoreFiles, paths: list[str]) -> tuple[list[File], list[str]]:
    """The files at the paths, and the paths at which there is none."""
    check_paths(paths)
    found = files.run_each(lambda path: file_paths.find_if_there(files.find, path), paths)
    return [file for file in found if file], [path for path, file in zip(paths, found, strict=True) if not file]


def write_list(found: Iterable[Any], missing: list[str]) -> bytes:
    """The first line of a download; the files have a path, a size and an etag."""
    listed = [{"path": file.path, "size": file.size or 0, "etag": file.etag} for file in found]
    return json.dumps({"files": listed, "missing": missing}).encode() + b"\n"


def join_parts(line: bytes, parts: Iterable[bytes]) -> Iterator[bytes]:
    """The line and then the parts; small ones are sent together."""
    return downloads.join_pieces(itertools.chain([line], parts), BLOCK)


def stream_files(files: DatastoreFiles, found: list[File]) -> Iterator[bytes]:
    """The parts of the files in order; a group of small ones is read together."""
    for start in range(0, len(found), GROUP):
        group = found[start : start + GROUP]
        if any((file.size or 0) > MAX_FILE_BYTES for file in group):
            for file in group:
                yield from files.stream(file, 0, file.size or 0)
        else:
            yield from files.run_each(lambda file: b"".join(files.stream(file, 0, file.size or 0)), group)
