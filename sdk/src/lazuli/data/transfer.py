"""Many files to and from a datastore, several at a time."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Callable, Iterator, List, Optional, Sequence, Tuple, TypeVar

from lazuli.data import datastores
from lazuli.data.datastores import RemoteFile
from lazuli.errors import NotFound, ServiceException, UserErrorException
from lazuli.workspaces import WorkspaceClient

THREADS = 8
Log = Callable[[str], None]
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

    def send(pair: Tuple[str, str]) -> bool:
        say(f"Uploading {pair[0]}")
        with open(pair[0], "rb") as source:
            try:
                datastores.upload_file(workspace, name, pair[1], source, overwrite)
            except ServiceException as error:
                if error.code != "FileExists":
                    raise
                say(f"Target already exists. Skipping upload for {pair[1]}")
                return False
        return True

    for pair, sent in run_each(send, pairs):
        if sent:
            done += 1
            say(f"Uploaded {pair[0]}, {done} files out of an estimated total of {len(pairs)}")
    say(f"Uploaded {done} files")
    return done


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

    missing: List[str] = []

    def fetch(pair: Tuple[RemoteFile, str]) -> None:
        say(f"Downloading {pair[0].path}")
        try:
            datastores.download_file(workspace, *pair)
        except NotFound as error:
            if not ignore_not_found:
                raise
            warnings.warn(f"{pair[0].path} is left out: {error.message}", stacklevel=2)
            missing.append(pair[1])

    for number, (pair, _) in enumerate(run_each(fetch, wanted), 1):
        say(f"Downloaded {pair[0].path}, {number} files out of an estimated total of {len(wanted)}")
    return [target for _, target in pairs if target not in missing]


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
