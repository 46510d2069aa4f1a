"""Reading data in a separate process, so that web processes do not load the engine and cannot be crashed by data."""

import dataclasses
import json
import pathlib
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence

from assets.data import databases, reading_processes, share_files, stores
from assets.data.models import Datastore
from studio import outbound
from studio.errors import Invalid, NotReady, TooLarge
from studio.formats import format_bytes
from workspaces.models import Workspace

# Bytes to load of a remote file; parquet has its metadata at the end, so it is loaded completely.
HEAD_BYTES = 2 * 1024 * 1024
MAX_FETCHED = 64 * 1024 * 1024
# The limit for all files of a version together, for work in the background.
MAX_COPIED = 20 * 1024**3
# Maximum simultaneous readers in one web process.
SLOTS = threading.BoundedSemaphore(2)
WAIT_SECONDS = 5


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """A file of a dataset; `url` for one on the web, whose size is unknown."""

    path: str
    size: int | None
    datastore: str = ""
    url: str = ""
    etag: str = ""
    # The rows of a query of a database, which have no file yet.
    is_query: bool = False


@dataclasses.dataclass(frozen=True)
class Bounds:
    """The limits of a reading process: memory, processor time, and seconds until it is ended."""

    megabytes: int
    cpu_seconds: int
    seconds: int
    threads: int = 1


# Seconds that a person waits; on a busy machine, a little processor time takes long.
QUICK = Bounds(megabytes=256, cpu_seconds=5, seconds=60)
# For filters, words and sorting, which read more than the first rows.
SEARCH = Bounds(megabytes=256, cpu_seconds=20, seconds=60, threads=2)
# For reading all rows in the background.
FULL = Bounds(megabytes=512, cpu_seconds=1800, seconds=1800, threads=2)


@dataclasses.dataclass(frozen=True)
class LocalCopy:
    """A file on this machine; `is_head` if it has only the first bytes. With a connection, the reading process writes
    the file first."""

    local: str
    source: SourceFile
    is_head: bool = False
    connection: dict | None = None


def fetch_copy(workspace: Workspace, source: SourceFile, folder: str, is_parquet: bool) -> LocalCopy:
    """Return a local file, or the first bytes of a remote one (a parquet file completely)."""
    local = pathlib.Path(folder) / f"data{pathlib.PurePosixPath(source.path).suffix[:12]}"
    limit = MAX_FETCHED if is_parquet else HEAD_BYTES
    if source.is_query:
        return _query(workspace, source, folder, is_head=True)
    if source.url:
        data, is_whole = outbound.read_head(source.url, limit, "url")
        return _save_head(local, source, data, is_whole, is_parquet)
    files = open_files(workspace, source)
    if path := files.find_local(source.path):
        return LocalCopy(str(path), source)
    size = source.size or 0
    if is_parquet and size > limit:
        text = f"{source.path} has {format_bytes(size)}; parquet files in remote storage are shown up to {format_bytes(limit)}."
        raise TooLarge(text)
    _copy(files, source, local, min(size, limit))
    if size > limit:
        return _save_head(local, source, local.read_bytes(), False, is_parquet)
    return LocalCopy(str(local), source)


def fetch_all(
    workspace: Workspace, sources: list[SourceFile], folder: str, is_parquet: bool, on_part: Callable[[float], None]
) -> list[LocalCopy]:
    """Load all files completely, for background work."""
    total = sum(source.size or 0 for source in sources)
    found = []
    for number, source in enumerate(sources):
        inside = pathlib.Path(folder) / str(number)
        inside.mkdir()
        if source.is_query:
            return [_query(workspace, source, str(inside), is_head=False)]
        files = None if source.url else open_files(workspace, source)
        path = files.find_local(source.path) if files else None
        if files is None:
            copy = fetch_copy(workspace, source, str(inside), is_parquet)
            if copy.is_head:
                text = f"{source.url} has more than {format_bytes(HEAD_BYTES)}. Upload it to a datastore."
                raise TooLarge(text)
            found.append(copy)
        elif path:
            found.append(LocalCopy(str(path), source))
        elif total > MAX_COPIED:
            raise TooLarge(
                f"The files have {format_bytes(total)}; at most {format_bytes(MAX_COPIED)} of remote storage are read."
            )
        else:
            local = inside / f"data{pathlib.PurePosixPath(source.path).suffix[:12]}"
            _copy(files, source, local, source.size or 0, on_part)
            found.append(LocalCopy(str(local), source))
    return found


def _copy(
    files: stores.DatastoreFiles,
    source: SourceFile,
    local: pathlib.Path,
    length: int,
    on_part: Callable[[float], None] = lambda progress: None,
) -> None:
    with local.open("wb") as output:
        for start in range(0, length, stores.PART):
            on_part(0.0)
            output.write(files.read(source.path, start, min(stores.PART, length - start)))


def _query(workspace: Workspace, source: SourceFile, folder: str, is_head: bool) -> LocalCopy:
    connection = databases.build_connection(_find_datastore(workspace, source))
    return LocalCopy(str(pathlib.Path(folder) / "rows.parquet"), source, is_head, connection)


def open_files(workspace: Workspace, source: SourceFile) -> stores.DatastoreFiles:
    return share_files.open_files(_find_datastore(workspace, source))


def _find_datastore(workspace: Workspace, source: SourceFile) -> Datastore:
    row = Datastore.objects.of(workspace).select_related("secret").get(name__iexact=source.datastore)
    row.workspace = workspace
    return row


def _save_head(local: pathlib.Path, source: SourceFile, data: bytes, is_whole: bool, is_parquet: bool) -> LocalCopy:
    if not is_whole and is_parquet:
        raise TooLarge(
            f"{source.path} has more than {format_bytes(len(data))}, the limit for parquet files on the web."
        )
    if not is_whole:
        # The last line may be cut, but not inside a character of 16 or 32 bits.
        end = data.rfind(b"\n") + 1
        if not end:
            raise Invalid(f"{source.path}, line 1: the line is longer than {format_bytes(len(data))}.", target="path")
        data = data[: end + (-end % 4 if data[:1] in (b"\xff", b"\xfe", b"\x00") else 0)]
    local.write_bytes(data)
    return LocalCopy(str(local), source, is_head=not is_whole)


def read_copies(
    definition: dict,
    copies: Sequence[LocalCopy],
    bounds: Bounds = QUICK,
    on_progress: Callable[[float], None] | None = None,
    **request,
) -> dict:
    """Return the response of the process to the request (`act` and its values). Raises Invalid for errors of the
    data."""
    request |= dataclasses.asdict(bounds) | {
        "definition": definition,
        "seconds": int(bounds.seconds * bounds.threads) + 1,
    }
    request["files"] = [(copy.local, copy.source.url or copy.source.path, copy.is_head) for copy in copies]
    if copies and copies[0].connection:
        request["connection"] = copies[0].connection
    if not SLOTS.acquire(timeout=WAIT_SECONDS):
        raise NotReady("Other data is being read. Try again in a moment.")
    try:
        with tempfile.TemporaryDirectory(prefix="lazuli-reading-") as folder:
            answer = _run({**request, "folder": folder}, bounds, on_progress)
    finally:
        SLOTS.release()
    if "problem" in answer:
        raise Invalid(answer["problem"], target="path")
    return answer["result"]


def _run(request: dict, bounds: Bounds, on_progress: Callable[[float], None] | None) -> dict:
    process = reading_processes.SPARE.take()
    timer = threading.Timer(bounds.seconds, process.kill)
    timer.start()
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request))
        process.stdin.close()
        return _read_answer(process, on_progress) or {"problem": _explain_end(process.wait(), bounds)}
    except BrokenPipeError:
        return {"problem": _explain_end(process.wait(), bounds)}
    finally:
        timer.cancel()
        reading_processes.end(process)
        if bounds is not FULL:
            # A person who has seen one page often wants the next one.
            reading_processes.SPARE.prepare()


def _read_answer(process: subprocess.Popen, on_progress: Callable[[float], None] | None) -> dict | None:
    for line in process.stdout or ():
        found = json.loads(line)
        if "progress" not in found:
            return found
        if on_progress:
            on_progress(found["progress"])
    return None


def _explain_end(code: int, bounds: Bounds) -> str:
    """Explain which limit ended a process without a response."""
    if code == -signal.SIGXCPU:
        return f"Reading needs more than {bounds.cpu_seconds} seconds of processor time, and was stopped."
    if code == -signal.SIGKILL:
        return f"Reading took longer than {bounds.seconds} seconds, and was stopped."
    return f"Reading needs more than the {bounds.megabytes} MB of memory that are allowed, and was stopped."
