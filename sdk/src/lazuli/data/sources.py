"""Find the files of a dataset's paths, and download them to this machine."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import posixpath
import random
import re
import tempfile
import warnings
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import unquote, urlsplit

from lazuli.data import datastores, timestamps, transfer
from lazuli.data.compiler import LocalFile
from lazuli.data.datastores import RemoteFile
from lazuli.data.definitions import find_step, table_of
from lazuli.data.errors import DatasetExecutionError, FilesNotFound
from lazuli.data.partitions import PartitionFormat
from lazuli.errors import Refused
from lazuli.file_batches import save_answer
from lazuli.runs.glob_patterns import Glob
from lazuli.workspaces import WorkspaceClient

TIMEOUT = 600.0
_WILD = re.compile(r"[*?]")


class Source(NamedTuple):
    """A file of a dataset: in a datastore, or on the web. `inside` is its path without the common prefix."""

    remote: RemoteFile
    inside: str
    url: str = ""
    # The request for the rows of a table that become this file, as JSON.
    rows: str = ""

    @property
    def display_path(self) -> str:
        return self.url or self.remote.path


def find_sources(workspace: Optional[WorkspaceClient], definition: Mapping[str, Any]) -> List[Source]:
    """The files in their order, after the steps that choose among files. Raises FilesNotFound if there are none."""
    found: List[Tuple[RemoteFile, str, str]] = []
    seen = set()
    for path in definition["paths"]:
        for remote, base, url in _find_path(workspace, path):
            if (remote.datastore, remote.path, url) not in seen:
                seen.add((remote.datastore, remote.path, url))
                found.append((remote, base, url))
    if not found:
        shown = ", ".join(path.get("url") or f"{path['datastore']}: {path['path']}" for path in definition["paths"][:5])
        raise FilesNotFound(f"The paths of the dataset do not match any files: {shown}.")
    sources = _strip_common(found)
    if definition["kind"] == "file":
        steps = definition["steps"]
        if find_step(definition, "to_files"):
            sources, steps = [_make_file_of_rows(definition)], steps[1:]
        for step in steps:
            sources = _FILE_STEPS[step["type"]](sources, step)
        return sources
    return timestamps.leave_out(definition, sources, lambda source: source.remote.path)


def _make_file_of_rows(definition: Mapping[str, Any]) -> Source:
    """The file that the studio makes of a table when it is downloaded."""
    separator = definition["steps"][0].get("separator")
    name = f"part_00000.{'csv' if separator else 'parquet'}"
    request = {"definition": table_of(definition), **({"separator": separator} if separator else {})}
    return Source(RemoteFile("", name, -1, ""), name, rows=json.dumps(request))


def _find_path(workspace: Optional[WorkspaceClient], path: Mapping[str, str]) -> List[Tuple[RemoteFile, str, str]]:
    if "url" in path:
        name = unquote(posixpath.basename(urlsplit(path["url"]).path)) or "data"
        return [(RemoteFile("", name, -1, ""), "", path["url"])]
    if workspace is None:
        raise DatasetExecutionError("The dataset has no workspace.")
    base, matches = compile_pattern(path["path"])
    files = datastores.list_files(workspace, path["datastore"], base)
    return [(file, base_of(path["path"], file.path), "") for file in files if matches(file.path)]


def compile_pattern(pattern: str) -> Tuple[str, Callable[[str], bool]]:
    """The letters with which all paths begin, and a test. `*` is within a folder, `**` over folders."""
    if not _WILD.search(pattern):
        plain = pattern.rstrip("/")
        return plain, lambda path: not plain or path == plain or path.startswith(plain + "/")
    return _WILD.split(pattern, maxsplit=1)[0], Glob(pattern.strip("/"), anchored=True).matches


def base_of(pattern: str, path: str) -> str:
    """The folder of a pattern, which the paths in the dataset do not repeat."""
    if _WILD.search(pattern):
        return _WILD.split(pattern, maxsplit=1)[0].rpartition("/")[0]
    plain = pattern.rstrip("/")
    return plain.rpartition("/")[0] if path == plain else plain


def _strip_common(found: Sequence[Tuple[RemoteFile, str, str]]) -> List[Source]:
    datastore_names = {remote.datastore for remote, _, url in found if not url}
    bases = [base for _, base, url in found if not url]
    common = _common_folder(bases)
    sources, taken = [], set()
    for remote, _, url in found:
        inside = remote.path if url else remote.path[len(common) :].lstrip("/") if common else remote.path
        if len(datastore_names) > 1 and not url:
            inside = f"{remote.datastore}/{remote.path}"
        start, count = inside, 1
        while inside in taken:
            stem, ending = posixpath.splitext(start)
            inside, count = f"{stem}_{count}{ending}", count + 1
        taken.add(inside)
        sources.append(Source(remote, inside, url))
    return sources


def _common_folder(bases: Sequence[str]) -> str:
    if not bases:
        return ""
    parts = [base.split("/") if base else [] for base in bases]
    common: List[str] = []
    for level in zip(*parts):
        if len(set(level)) != 1:
            break
        common.append(level[0])
    return "/".join(common)


# ---- the steps of files


def _split(sources: List[Source], lower: float, upper: float, seed: int) -> List[Source]:
    generator = random.Random(seed)
    return [source for source in sources if lower <= generator.random() < upper]


def _filter(sources: List[Source], step: Mapping[str, Any]) -> List[Source]:
    return [source for source in sources if evaluate(step["expression"], _metadata(source))]


def _metadata(source: Source) -> Dict[str, Any]:
    # Stores know only when a file was written last.
    written = source.remote.modified
    moments = {"CreatedTime": written, "LastModifiedTime": written} if written else {}
    return {"Size": source.remote.size, "CanSeek": True, "Path": "/" + source.inside, **moments}


def evaluate(part: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """An expression over one file."""
    if "column" in part:
        if part["column"] not in values:
            raise DatasetExecutionError(f"Files have {', '.join(values)}, but no {part['column']!r}.")
        return values[part["column"]]
    if "value" in part:
        return dt.datetime.fromisoformat(part["value"]) if part.get("is_datetime") else part["value"]
    found = [evaluate(one, values) for one in part["of"]]
    return _OPERATIONS[part["op"]](*found)


_OPERATIONS: Dict[str, Callable[..., Any]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "contains": lambda a, b: str(b) in str(a),
    "starts_with": lambda a, b: str(a).startswith(str(b)),
    "ends_with": lambda a, b: str(a).endswith(str(b)),
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": lambda a: not a,
    "is_null": lambda a: a is None,
}


def _check_partitions(sources: List[Source], step: Mapping[str, Any]) -> List[Source]:
    partition = PartitionFormat(step["format"])
    for source in sources:
        partition.read(source.remote.path)
    return sources


_FILE_STEPS: Dict[str, Callable[[List[Source], Mapping[str, Any]], List[Source]]] = {
    "take": lambda sources, step: sources[: step["count"]],
    "skip": lambda sources, step: sources[step["count"] :],
    "sample": lambda sources, step: _split(sources, 0.0, step["probability"], step["seed"]),
    "split": lambda sources, step: _split(sources, step["lower"], step["upper"], step["seed"]),
    "filter": _filter,
    "partition_format": _check_partitions,
}


# ---- bringing them here


def download_sources(
    workspace: Optional[WorkspaceClient],
    sources: Sequence[Source],
    folder: str,
    overwrite: bool = False,
    ignore_not_found: bool = False,
) -> List[str]:
    """Download the files below a folder and return their paths there; with `ignore_not_found` of those that are there."""
    paths = [datastores.local_path(folder, source.inside) for source in sources]
    pairs = [(source.remote, path) for source, path in zip(sources, paths) if not source.url and not source.rows]
    found: List[str] = []
    if pairs:
        assert workspace is not None
        found += transfer.download_files(workspace, pairs, overwrite=overwrite, ignore_not_found=ignore_not_found)
    for source, path in zip(sources, paths):
        if source.rows:
            _download_rows(workspace, source, path, overwrite)
            found.append(path)
        if source.url:
            try:
                _download_url(source.url, path, overwrite)
            except FilesNotFound as error:
                if not ignore_not_found:
                    raise
                warnings.warn(error.message, stacklevel=3)
            else:
                found.append(path)
    return [path for path in paths if path in set(found)]


def fetch_local(workspace: Optional[WorkspaceClient], sources: Sequence[Source], folder: str) -> List[LocalFile]:
    """Download files for reading, each under a short name with its own extension."""
    named = []
    for number, source in enumerate(sources):
        key = hashlib.sha256(f"{number}/{source.display_path}".encode()).hexdigest()[:12]
        named.append(source._replace(inside=f"{number}-{key}{posixpath.splitext(source.inside)[1][:12]}"))
    paths = download_sources(workspace, named, folder)
    return [LocalFile(path, source.url or source.remote.path) for path, source in zip(paths, sources)]


def read_head(workspace: Optional[WorkspaceClient], source: Source, length: int) -> Tuple[bytes, bool]:
    """The first bytes of a file, and whether they are all of it."""
    if source.url:
        with tempfile.TemporaryDirectory(prefix="lazuli-data-") as folder:
            path = os.path.join(folder, "data")
            _download_url(source.url, path, False)
            with open(path, "rb") as file:
                data = file.read(length + 1)
        return data[:length], len(data) <= length
    assert workspace is not None
    return datastores.read_head(workspace, source.remote, length), source.remote.size <= length


def _download_rows(workspace: Optional[WorkspaceClient], source: Source, path: str, overwrite: bool) -> None:
    if workspace is None:
        raise DatasetExecutionError("The dataset has no workspace, whose studio could write its rows to a file.")
    if os.path.exists(path) and not overwrite:
        raise DatasetExecutionError(f"File {path} already exists. Set overwrite=True to overwrite it.")
    request, address = json.loads(source.rows), workspace.path + "/datasets/rows"
    try:
        answer = workspace.client.request("POST", address, json=request, stream=True, timeout=TIMEOUT, repeatable=True)
    except Refused as error:
        raise DatasetExecutionError(error.message) from error
    save_answer(answer, path)


def _download_url(url: str, path: str, overwrite: bool) -> None:
    import httpx  # start-up time

    if os.path.exists(path) and not overwrite:
        raise DatasetExecutionError(f"File {path} already exists. Set overwrite=True to overwrite it.")
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    part = path + ".part"
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 404:
                raise FilesNotFound(f"{url} answered 404 {answer.reason_phrase}.")
            if answer.status_code != 200:
                raise DatasetExecutionError(f"{url} answered {answer.status_code} {answer.reason_phrase}.")
            with open(part, "wb") as output:
                for block in answer.iter_bytes():
                    output.write(block)
    except httpx.HTTPError as error:
        raise DatasetExecutionError(f"{url} cannot be read: {error}.") from error
    os.replace(part, path)
