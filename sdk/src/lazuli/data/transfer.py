"""Many files to and from a datastore: small ones share a request, and several requests are sent at a time."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple, TypeVar

from lazuli import file_batches
from lazuli.data import datastores
from lazuli.data.datastores import RemoteFile, path_of
from lazuli.errors import NotFound, ServiceException, UserErrorException
from lazuli.file_batches import Upload
from lazuli.workspaces import WorkspaceClient

THREADS = 8
Log = Callable[[str], None]
Pair = Tuple[RemoteFile, str]
Item = TypeVar("Item")
Result = TypeVar("Result")


def upload_files(
    workspace: WorkspaceClient,
    name: str,
    pairs: Sequence[Tuple[str, str]],
    *,
    overwrite: bool = False,
    log: Optional[Log] = None,
) -> int:
    """Upload (local path, path in the datastore) pairs and return how many; what is there already is left unless `overwrite`."""
    say = log or _say_nothing
    say(f"Uploading an estimated of {len(pairs)} files")
    done = 0

    def send(group: List[Upload]) -> List[str]:
        for file in group:
            say(f"Uploading {file.source}")
        return _upload_group(workspace, name, group, overwrite)

    uploads = list(dict.fromkeys(Upload(source, path, os.path.getsize(source)) for source, path in pairs))
    for group, skipped in run_each(send, file_batches.group_small(uploads, lambda file: file.size)):
        present = set(skipped)
        for file in group:
            if file.path in present:
                say(f"Target already exists. Skipping upload for {file.path}")
                continue
            done += 1
            say(f"Uploaded {file.source}, {done} files out of an estimated total of {len(pairs)}")
    say(f"Uploaded {done} files")
    return done


def _upload_group(workspace: WorkspaceClient, name: str, group: List[Upload], overwrite: bool) -> List[str]:
    """Upload the files, small ones with one request; return the paths at which there was a file already, which has stayed."""
    if group[0].size <= file_batches.SMALL:
        address = path_of(workspace, name) + "/files"
        try:
            return file_batches.upload_batch(workspace.client, address, group, overwrite=str(overwrite).lower())
        except ServiceException as error:
            if not file_batches.is_unknown(error):
                raise
    return [path for file in group for path in _upload_single(workspace, name, file, overwrite)]


def _upload_single(workspace: WorkspaceClient, name: str, file: Upload, overwrite: bool) -> List[str]:
    """Upload a file with a request of its own; return its path if there was a file already, which has stayed."""
    with open(file.source, "rb") as source:
        try:
            datastores.upload_file(workspace, name, file.path, source, overwrite)
        except ServiceException as error:
            if error.code != "FileExists":
                raise
            return [file.path]
    return []


def download_files(
    workspace: WorkspaceClient,
    pairs: Sequence[Tuple[RemoteFile, str]],
    *,
    overwrite: bool = False,
    keep: bool = False,
    ignore_not_found: bool = False,
    log: Optional[Log] = None,
) -> List[str]:
    """Download (file, local path) pairs and return the paths.

    With `ignore_not_found`, a file that is not there any more is a warning.

    What is there already is replaced with `overwrite`, left with `keep`, else an error.
    """
    say = log or _say_nothing
    present = [target for _, target in pairs if os.path.exists(target)]
    if present and not overwrite and not keep:
        raise UserErrorException(f"File {present[0]} already exists. Set overwrite=True to overwrite it.")
    wanted = [pair for pair in pairs if overwrite or not keep or not os.path.exists(pair[1])]

    missing: Set[str] = set()
    done = 0

    def fetch(group: List[Pair]) -> Dict[str, str]:
        for file, _ in group:
            say(f"Downloading {file.path}")
        return _fetch(workspace, group)

    for group, failures in run_each(fetch, _group_downloads(wanted)):
        for path, message in failures.items():
            if not ignore_not_found:
                raise NotFound(message, status_code=404, code="ResourceNotFound")
            warnings.warn(f"{path} is left out: {message}", stacklevel=2)
        for file, target in group:
            if file.path in failures:
                missing.add(target)
                continue
            done += 1
            say(f"Downloaded {file.path}, {done} files out of an estimated total of {len(wanted)}")
    return [target for _, target in pairs if target not in missing]


def _group_downloads(pairs: Sequence[Pair]) -> List[List[Pair]]:
    """Small files of a datastore share a request."""
    by_datastore: Dict[str, List[Pair]] = {}
    for pair in pairs:
        by_datastore.setdefault(pair[0].datastore, []).append(pair)
    return [
        group for found in by_datastore.values() for group in file_batches.group_small(found, lambda pair: pair[0].size)
    ]


def _fetch(workspace: WorkspaceClient, group: List[Pair]) -> Dict[str, str]:
    """Download the files of a group; return the paths that are not there any more, each with a message."""
    if len(group) > 1:
        name = group[0][0].datastore
        found = [(remote.path, local) for remote, local in group]
        try:
            missing = file_batches.download_batch(workspace.client, path_of(workspace, name) + "/files/download", found)
        except ServiceException as error:
            if not file_batches.is_unknown(error):
                raise
        else:
            return {path: f"The datastore {name} has no file {path!r}." for path in missing}
    failures = {}
    for file, target in group:
        try:
            datastores.download_file(workspace, file, target)
        except NotFound as error:
            failures[file.path] = error.message
    return failures


def run_each(act: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Tuple[Item, Result]]:
    """Yield each item with its result, several at a time, in the order of completion. After a failure, nothing more is
    started."""
    if THREADS == 1 or len(items) < 2:
        for item in items:
            yield item, act(item)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        futures = {pool.submit(act, item): item for item in items}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            for future in futures:
                future.cancel()


def _say_nothing(text: str) -> None:
    """Print nothing."""
