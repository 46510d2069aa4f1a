"""Files of a run: list, upload and download them."""

from __future__ import annotations

import io
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from lazuli import errors
from lazuli.artifact_names import is_utf_8, rename_refused
from lazuli.bodies import iterate_blocks
from lazuli.client import Client
from lazuli.errors import ServiceException, UserErrorException
from lazuli.file_batches import Upload, download_together, group_small, is_unknown, save_answer, upload_batch
from lazuli.large_files import TRANSFER_TIMEOUT, put_file

PARALLEL = 4


class Artifact(NamedTuple):
    """The result of an upload: the location of the file."""

    artifact_id: str
    container: str
    path: str
    origin: str = "ExperimentRun"


class RunFiles:
    """The artifacts of one run; `run_path` is the run's path on the server, `uploads` that of the workspace's uploads."""

    def __init__(self, client: Client, run_path: str, run_id: str, uploads: str):
        self._client = client
        self._path = run_path + "/artifacts"
        self._run_id = run_id
        self._uploads = uploads

    def for_datastore(self, name: Optional[str]) -> RunFiles:
        """These files: the studio stores those of a run itself, and a warning says so if another datastore is named."""
        if name not in (None, "", "workspaceblobstore", "workspaceartifactstore"):
            text = f"datastore_name={name!r} has no effect: files of a run are in the studio's own storage."
            warnings.warn(text, stacklevel=3)
        return self

    def list_artifacts(self, prefix: Optional[str] = None) -> List[Dict[str, Any]]:
        """One dict per file, with `path` and `size` (bytes)."""
        return list(self._client.items(self._path, {"prefix": prefix} if prefix else None))

    def list_names(self, prefix: Optional[str] = None) -> List[str]:
        return [item["path"] for item in self.list_artifacts(prefix)]

    def upload(self, name: str, path_or_stream: Any, overwrite: bool = False) -> Artifact:
        """Store a file, bytes or a stream as `name`.

        Raises UserErrorException if the file does not exist, Conflict if the run has a file of this name already.
        """
        name = normalize_name(name)
        if isinstance(path_or_stream, (str, os.PathLike)):
            self._upload_file(name, os.fspath(path_or_stream), overwrite)
        else:
            self._put(name, _to_bytes_or_file(path_or_stream), overwrite)
        return self._describe(name)

    def _upload_file(self, name: str, path: str, overwrite: bool) -> None:
        _check_is_file(path)
        with open(path, "rb") as file:
            self._put(name, file, overwrite)

    def _put(self, name: str, content: Union[bytes, BinaryIO], overwrite: bool) -> None:
        params = {"path": _check_utf_8(name), "overwrite": "true" if overwrite else None}
        try:
            put_file(self._client, f"{self._path}/content", self._uploads, content, params)
        except errors.Conflict as error:
            if error.code == "path_conflict":
                error.message = self._say_taken(name)
            raise

    def upload_files(self, pairs: Iterable[Tuple[str, str]]) -> Dict[str, Artifact]:
        """Upload several files, of which small ones share requests; each pair is the name in the run and the path here."""
        pairs, uploads = list(pairs), []
        for name, path in pairs:
            _check_is_file(os.fspath(path))
            uploads.append(Upload(os.fspath(path), _check_utf_8(normalize_name(name)), os.path.getsize(path)))
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="lazuli-upload") as pool:
            list(pool.map(self._upload_group, group_small(uploads, lambda file: file.size)))
        return {name: self._describe(file.path) for (name, _), file in zip(pairs, uploads)}

    def _upload_group(self, group: List[Upload]) -> None:
        if len(group) > 1:
            try:
                upload_batch(self._client, self._path, group)
                return
            except errors.Conflict as error:
                taken = set(self.list_names())
                name = next((file.path for file in group if file.path in taken), "")
                if name and error.code == "path_conflict":
                    error.message = self._say_taken(name)
                raise
            except ServiceException as error:
                if not is_unknown(error):
                    raise
        for file in group:
            self._upload_file(file.path, file.source, overwrite=False)

    def _say_taken(self, name: str) -> str:
        return f"The run {self._run_id} already has a file {name!r}. Use another name."

    def _describe(self, name: str) -> Artifact:
        return Artifact(f"ExperimentRun/dcid.{self._run_id}/{name}", f"dcid.{self._run_id}", name)

    def download(self, name: str, target: str) -> None:
        """Save the file `name` as `target`, which appears only when it is complete."""
        save_answer(self._open(name), target)

    def download_files(
        self, prefix: Optional[str], folder: Optional[str], output_paths: Any = None, append_prefix: bool = True
    ) -> List[str]:
        """Save all files below the folder `prefix`, with their own folders, into `folder`; return their names.

        `append_prefix=False` leaves the prefix out of the paths; `output_paths` names the paths itself.
        """
        prefix = (prefix or "").strip("/")
        # "outputs" means the folder, not also "outputs_old/".
        sizes = {item["path"]: int(item["size"]) for item in self.list_artifacts()}
        names = [name for name in sizes if not prefix or name == prefix or name.startswith(prefix + "/")]
        targets = _check_output_paths(output_paths, names)
        targets = targets or [_path_below(name, prefix, append_prefix) for name in names]
        targets = [os.path.join(folder or ".", target) for target in targets]
        groups = group_small(zip(names, targets), lambda pair: sizes[pair[0]])
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="lazuli-download") as pool:
            list(pool.map(self._download_group, groups))
        return names

    def _download_group(self, group: List[Tuple[str, str]]) -> None:
        left = download_together(self._client, f"{self._path}/download", group)
        for name, target in group:
            if name in left:
                self.download(name, target)

    def read(self, name: str) -> bytes:
        answer = self._open(name)
        try:
            return b"".join(iterate_blocks(answer))
        finally:
            answer.close()

    def read_from(self, name: str, offset: int) -> bytes:
        """The content of the file after its first `offset` bytes."""
        answer = self._client.request(
            "GET",
            f"{self._path}/content",
            params={"path": name},
            headers={"Range": f"bytes={offset}-"},
            ok=(200, 206, 416),
        )
        if answer.status_code == 416:
            return b""
        content: bytes = answer.content
        return content if answer.status_code == 206 else content[offset:]

    def _open(self, name: str) -> Any:
        """The streamed answer with the content of the file."""
        url_path = f"{self._path}/content"
        try:
            return self._client.request("GET", url_path, params={"path": name}, stream=True, timeout=TRANSFER_TIMEOUT)
        except errors.NotFound as error:
            names = ", ".join(self.list_names()) or "none"
            text = f"The run has no file {name!r}. Its files: {names}."
            raise UserErrorException(text, inner_exception=error) from error


def _check_is_file(path: str) -> None:
    if not os.path.isfile(path):
        if os.path.isdir(path):
            raise UserErrorException(f"{path!r} is a folder; use upload_folder.")
        raise UserErrorException(f"The file {path!r} does not exist.")


def _check_utf_8(name: str) -> str:
    if not is_utf_8(name):
        raise UserErrorException(f"{os.fsencode(name)!r} is not a valid name for a file of a run: it is not UTF-8.")
    return name


def normalize_name(name: str) -> str:
    """`./outputs\\a.csv` becomes `outputs/a.csv`. Raises UserErrorException for a path that leads outside."""
    cleaned = os.path.normpath(name.replace("\\", "/")).replace("\\", "/").lstrip("/") if name else ""
    if not cleaned or cleaned == "." or cleaned == ".." or cleaned.startswith("../"):
        raise UserErrorException(f"{name!r} is not a valid name for a file of a run: use a relative path.")
    return cleaned


def list_folder_files(name: str, path: str) -> List[Tuple[str, str]]:
    """Every file below the folder `path`: its name in the run, below `name`, and its path here.

    A name that the server would refuse, such as one that is not UTF-8, is made readable.
    """
    if not os.path.isdir(path):
        raise UserErrorException(f"The folder {path!r} does not exist.")
    found = []
    for folder, _, files in os.walk(path):
        below = os.path.relpath(folder, path)
        found += [
            (normalize_name(os.path.join(name, below, file)), os.path.join(folder, file)) for file in sorted(files)
        ]
    return list(rename_refused(found))


def _to_bytes_or_file(stream: Any) -> Union[bytes, BinaryIO]:
    if isinstance(stream, (bytes, bytearray)):
        return bytes(stream)
    if not hasattr(stream, "read"):
        raise UserErrorException(f"An upload takes a path or a stream, not {type(stream).__name__}.")
    text = isinstance(stream, io.TextIOBase)
    content = stream.read() if text or not hasattr(stream, "seek") else stream
    return content.encode() if isinstance(content, str) else content


def _check_output_paths(output_paths: Any, names: List[str]) -> List[str]:
    paths = [output_paths] if isinstance(output_paths, str) else list(output_paths or [])
    if paths and len(paths) != len(names):
        raise UserErrorException(f"output_paths has {len(paths)} paths, but {len(names)} files are to be downloaded.")
    return paths


def _path_below(name: str, prefix: str, append_prefix: bool) -> str:
    if append_prefix or not prefix:
        return name
    return name[len(prefix) :].lstrip("/") or os.path.basename(name)
