"""Many small files of a datastore or run in one request: a line of JSON that lists them, then their bytes, one after another."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Sequence, Tuple, TypeVar

from lazuli.bodies import iterate_blocks
from lazuli.client import Client
from lazuli.errors import ServiceException

TIMEOUT = 600.0

# The largest file that shares a request, and the files and bytes of one request. The server allows a little more.
SMALL = 256 * 1024
MAX_FILES = 200
MAX_BYTES = 4 * 1024 * 1024
Item = TypeVar("Item")


class Upload(NamedTuple):
    """A file of this machine with its path in the datastore or run."""

    source: str
    path: str
    size: int


def group_small(items: Iterable[Item], size_of: Callable[[Item], int]) -> List[List[Item]]:
    """Lists of small files that share a request, in their order; each larger file has a list of its own."""
    groups: List[List[Item]] = []
    current: List[Item] = []
    total = 0
    for item in items:
        size = size_of(item)
        if not 0 <= size <= SMALL:
            groups.append([item])
            continue
        if current and (len(current) == MAX_FILES or total + size > MAX_BYTES):
            groups.append(current)
            current, total = [], 0
        current.append(item)
        total += size
    return [*groups, current] if current else groups


def is_unknown(error: ServiceException) -> bool:
    """Whether the studio may be older than the requests for several files: then each file has a request of its own."""
    return error.status_code in (404, 405)


def upload_batch(client: Client, address: str, files: Sequence[Upload], **params: str) -> List[str]:
    """Upload small files with one request; return the paths at which there was a file already, which has stayed."""
    contents = []
    for file in files:
        with open(file.source, "rb") as source:
            contents.append(source.read())
    listed = [{"path": file.path, "size": len(content)} for file, content in zip(files, contents)]
    answer = client.request(
        "PUT",
        address,
        params=params,
        content=b"".join([json.dumps({"files": listed}).encode() + b"\n", *contents]),
        headers={"Content-Type": "application/octet-stream"},
        timeout=TIMEOUT,
    )
    return list(answer.json()["skipped"])


def download_batch(client: Client, address: str, pairs: Sequence[Tuple[str, str]]) -> List[str]:
    """Download small files, as (path, local path), with one request; return the paths that are not there any more."""
    body = {"paths": [path for path, _ in pairs]}
    answer = client.request("POST", address, json=body, stream=True, timeout=TIMEOUT, repeatable=True)
    try:
        reader = _Reader(answer.iter_bytes())
        listed = json.loads(reader.read_line())
        missing = set(listed["missing"])
        targets = [target for path, target in pairs if path not in missing]
        for found, target in zip(listed["files"], targets):
            save_blocks(reader.read(found["size"], found["path"]), target)
    finally:
        answer.close()
    return list(listed["missing"])


def download_together(client: Client, address: str, group: Sequence[Tuple[str, str]]) -> List[str]:
    """Download a group of small files with one request; return the paths that are left for a request of their own: those
    that are not there any more, or all, if it is one file or the studio is older."""
    if len(group) > 1:
        try:
            return download_batch(client, address, group)
        except ServiceException as error:
            if not is_unknown(error):
                raise
    return [path for path, _ in group]


def save_blocks(blocks: Iterable[bytes], target: str) -> None:
    """Store the blocks in a file, which is only created when it is complete; with its folder, if that is not there."""
    folder = os.path.dirname(target) or "."
    os.makedirs(folder, exist_ok=True)
    descriptor, part = tempfile.mkstemp(prefix=".download-", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as output:
            for block in blocks:
                output.write(block)
        os.chmod(part, 0o644)
        os.replace(part, target)
    except BaseException:
        os.unlink(part)
        raise


def save_answer(answer: Any, target: str) -> None:
    """Store the body of a streamed answer in a file, which is only created when it is complete."""
    try:
        save_blocks(iterate_blocks(answer), target)
    finally:
        answer.close()


class _Reader:
    """The blocks of an answer, read by lengths."""

    def __init__(self, blocks: Iterator[Any]):
        self._blocks, self._block, self._at = blocks, b"", 0

    def read_line(self) -> bytes:
        found = b""
        for block in self._blocks:
            found += block
            if b"\n" in found:
                break
        line, _, self._block = found.partition(b"\n")
        return line

    def read(self, length: int, path: str) -> Iterator[bytes]:
        while length:
            piece = self._block[self._at : self._at + length]
            if piece:
                self._at, length = self._at + len(piece), length - len(piece)
                yield piece
                continue
            self._block, self._at = next(self._blocks, b""), 0
            if not self._block:
                raise ServiceException(f"The answer ended in {path}, {length} bytes too early. Download it again.")
