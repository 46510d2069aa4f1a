"""Files of a run: to the server and back."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from azureml.exceptions import UserErrorException
from lazuli import errors

PARALLEL = 4
TIMEOUT = 600.0
BLOCK = 1024 * 1024


class Artifact(NamedTuple):
    """What an upload gives back."""

    artifact_id: str
    container: str
    path: str
    origin: str = "ExperimentRun"


class RunFiles:
    """The artifacts of one run. `client` is a `lazuli.client.Client`, `address` the run's address on the server."""

    def __init__(self, client: Any, address: str, run_id: str):
        self._client = client
        self._address = address + "/artifacts"
        self._run_id = run_id

    def describe(self, prefix: Optional[str] = None) -> List[Dict[str, Any]]:
        return list(self._client.items(self._address, {"prefix": prefix} if prefix else None))

    def names(self, prefix: Optional[str] = None) -> List[str]:
        return [item["path"] for item in self.describe(prefix)]

    def upload(self, name: str, path_or_stream: Any, overwrite: bool = False) -> Artifact:
        name = clean_name(name)
        if isinstance(path_or_stream, (str, os.PathLike)):
            self._upload_file(name, os.fspath(path_or_stream), overwrite)
        else:
            self._put(name, _bytes_or_file(path_or_stream), overwrite)
        return Artifact(f"ExperimentRun/dcid.{self._run_id}/{name}", f"dcid.{self._run_id}", name)

    def _upload_file(self, name: str, path: str, overwrite: bool) -> None:
        if not os.path.isfile(path):
            kind = "a folder; use upload_folder" if os.path.isdir(path) else "not there"
            raise UserErrorException(f"The file {path!r} is {kind}.")
        with open(path, "rb") as file:
            self._put(name, file, overwrite)

    def _put(self, name: str, content: Union[bytes, BinaryIO], overwrite: bool) -> None:
        params = {"path": name, "overwrite": "true" if overwrite else None}
        headers = {"Content-Type": "application/octet-stream"}
        address = f"{self._address}/content"
        try:
            self._client.request("PUT", address, params=params, content=content, headers=headers, timeout=TIMEOUT)
        except errors.Conflict as error:
            if error.code == "path_conflict":
                error.message = f"The run {self._run_id} has a file {name!r} already. Upload under another name."
            raise

    def upload_many(self, pairs: Iterable[Tuple[str, str]]) -> Dict[str, Artifact]:
        pairs = list(pairs)
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="lazuli-upload") as pool:
            return dict(zip([name for name, _ in pairs], pool.map(lambda pair: self.upload(*pair), pairs)))

    def download(self, name: str, target: str) -> None:
        """The file `name` as `target`; it appears there only when it is whole."""
        folder = os.path.dirname(os.path.abspath(target))
        os.makedirs(folder, exist_ok=True)
        partial = f"{target}.{os.getpid()}.part"
        try:
            with open(partial, "wb") as file:
                self._read(name, file.write)
            os.replace(partial, target)
        finally:
            if os.path.exists(partial):
                os.remove(partial)

    def content(self, name: str) -> bytes:
        buffer = io.BytesIO()
        self._read(name, buffer.write)
        return buffer.getvalue()

    def content_from(self, name: str, offset: int) -> bytes:
        """What stands in the file after `offset` bytes."""
        answer = self._client.request(
            "GET",
            f"{self._address}/content",
            params={"path": name},
            headers={"Range": f"bytes={offset}-"},
            ok=(200, 206, 416),
        )
        if answer.status_code == 416:
            return b""
        content: bytes = answer.content
        return content if answer.status_code == 206 else content[offset:]

    def _read(self, name: str, write: Callable[[bytes], Any]) -> None:
        address = f"{self._address}/content"
        try:
            answer = self._client.request("GET", address, params={"path": name}, stream=True, timeout=TIMEOUT)
        except errors.NotFound as error:
            there = ", ".join(self.names()) or "none"
            text = f"The run has no file {name!r}. Its files: {there}."
            raise UserErrorException(text, inner_exception=error) from error
        try:
            for block in answer.iter_bytes(BLOCK):
                write(block)
        finally:
            answer.close()


def clean_name(name: str) -> str:
    """`outputs/a.csv` of `./outputs\\a.csv`."""
    cleaned = os.path.normpath(name.replace("\\", "/")).replace("\\", "/").lstrip("/") if name else ""
    if not cleaned or cleaned == "." or cleaned == ".." or cleaned.startswith("../"):
        raise UserErrorException(f"{name!r} is no name for a file of a run: write a relative path.")
    return cleaned


def folder_files(name: str, path: str) -> List[Tuple[str, str]]:
    """Every file below `path`, with the name it gets below `name`."""
    if not os.path.isdir(path):
        raise UserErrorException(f"There is no folder {path!r}.")
    found = []
    for folder, _, files in os.walk(path):
        below = os.path.relpath(folder, path)
        found += [(clean_name(os.path.join(name, below, file)), os.path.join(folder, file)) for file in sorted(files)]
    return found


def _bytes_or_file(stream: Any) -> Union[bytes, BinaryIO]:
    if isinstance(stream, (bytes, bytearray)):
        return bytes(stream)
    if not hasattr(stream, "read"):
        raise UserErrorException(f"An upload takes a path or a stream, not {type(stream).__name__}.")
    text = isinstance(stream, io.TextIOBase)
    content = stream.read() if text or not hasattr(stream, "seek") else stream
    return content.encode() if isinstance(content, str) else content
