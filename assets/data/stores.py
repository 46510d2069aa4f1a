"""The files of a datastore, wherever they are: one interface over the studio's storage, folders, Azure and S3."""

import contextlib
import dataclasses
import datetime as dt
import hashlib
import itertools
import os
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import obstore
from django.http import Http404
from obstore.exceptions import AlreadyExistsError
from obstore.exceptions import BaseError as StoreError
from obstore.store import AzureStore, LocalStore, S3Store

from accounts.actors import Actor
from assets.data import rules
from assets.data.models import BLOB_STORE, Datastore
from studio import file_paths, local_files, storage
from studio.errors import Conflict, Invalid, NotReady, TooLarge
from studio.formats import format_bytes
from workspaces.models import Workspace

# The folder of frozen copies in the workspace's own storage (assets/data/freezing.py).
FROZEN = "frozen"
# The folder of a workspace's storage in which pieces of files are (assets/data/partial_uploads.py).
UPLOADS = "uploads"
# The longest listing; a longer one is refused, because a list is sorted in memory.
MAX_LISTED = 200_000
# The largest file.
MAX_FILE_BYTES = 100 * 1024**3
PART = 4 * 1024 * 1024
# Requests to a store on another machine at a time, for one request of a client.
PARALLEL = 8
CALL = {"timeout": "60s", "connect_timeout": "5s"}
RETRY = {
    "max_retries": 2,
    "retry_timeout": dt.timedelta(seconds=15),
    "backoff": {
        "init_backoff": dt.timedelta(milliseconds=200),
        "max_backoff": dt.timedelta(seconds=2),
        "base": 2,
    },
}
# The storage library's own names for uploads that are not finished.
UNFINISHED = re.compile(r"#\d+(?:/|$)")
# Responses of stores to wrong credentials.
REFUSALS = ("Unauthenticated", "PermissionDenied", "status 401", "status 403", "403 Forbidden", "401 Unauthorized")

# (workspace): raises Conflict if people may store no more files in it.
STORE_CHECKS: list[Callable[[Workspace], None]] = []

UNREACHABLE = "its host cannot be reached, or does not answer"
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class File:
    """A file, or a folder if it has no size."""

    path: str
    size: int | None = None
    modified: dt.datetime | None = None
    etag: str = ""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class DatastoreFiles:
    """The files of one datastore."""

    def __init__(self, datastore: Datastore):
        self.datastore = datastore
        self._root: pathlib.Path | None = None
        self._store, self._prefix = self._open()

    def _open(self):
        row = self.datastore
        if row.is_built_in:
            return storage.open_store(), row.storage_area + "/"
        if row.kind == Datastore.Kind.FOLDER:
            # Check again, because the site admin may have changed the allowed folders, or the folder may now be a link.
            self._root = rules.check_folder(row.settings["folder"])
            return LocalStore(self._root), ""
        if row.is_database:
            text = f"{row.name} is a database and has no files. Read it with Dataset.Tabular.from_sql_query."
            raise Invalid(text, target="path")
        prefix = row.settings.get("prefix", "")
        return _open_remote(row), f"{prefix}/" if prefix else ""

    def list_folder(self, folder: str = "") -> list[File]:
        """The folders, then the files, that are directly in a folder; by name."""
        if folder:
            rules.check_stored_path(folder)
        key = (self._prefix + folder).rstrip("/")
        with self._errors(folder):
            found = obstore.list_with_delimiter(self._store, prefix=key or None)
        folders = [File(self._path_of(name)) for name in found["common_prefixes"]]
        files = [self._file(entry) for entry in found["objects"]]
        return sorted(filter(self._is_inside, folders), key=_by_path) + sorted(
            filter(self._is_inside, files), key=_by_path
        )

    def walk(self, prefix: str = "", limit: int = MAX_LISTED) -> list[File]:
        """All files whose path begins with the prefix, by path; more than `limit` are refused."""
        folder = prefix.rpartition("/")[0]
        if folder:
            rules.check_stored_path(folder)
        key = (self._prefix + folder).rstrip("/")
        found: list[File] = []
        with self._errors(prefix):
            for batch in obstore.list(self._store, prefix=key or None, chunk_size=1000):
                files = (self._file(entry) for entry in batch)
                found += [file for file in files if file.path.startswith(prefix) and self._is_inside(file)]
                if len(found) > limit:
                    text = f"There are more than {limit:,} files below {prefix or 'the root'} of {self.datastore.name}."
                    raise TooLarge(f"{text} Name a folder below it.", target="prefix")
        return sorted(found, key=_by_path)

    def find(self, path: str) -> File:
        """The file, or Http404."""
        rules.check_stored_path(path)
        with self._errors(path):
            file = self._file(obstore.head(self._store, self._prefix + path))
        if not self._is_inside(file):
            raise self._absent(path)
        return file

    def exists(self, path: str) -> bool:
        return file_paths.find_if_there(self.find, path) is not None

    def read(self, path: str, start: int, length: int) -> bytes:
        if not length:
            return b""
        with self._errors(path):
            return bytes(obstore.get_range(self._store, self._prefix + path, start=start, length=length))

    def find_local(self, path: str) -> pathlib.Path | None:
        """The path on this machine, or None if the file is not here."""
        folder = self._store.prefix if isinstance(self._store, LocalStore) else None
        return None if folder is None else pathlib.Path(folder) / (self._prefix + path)

    def stream(self, file: File, start: int, length: int) -> Iterable[bytes]:
        """Stream the file from `start`, in parts. The caller has found the file."""
        if path := self.find_local(file.path):
            # The server sends a file of this machine itself.
            return storage.FileSlice(path, start, length)
        return self._fetched(file.path, start, start + length)

    def _fetched(self, path: str, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            part = self.read(path, start, min(PART, end - start))
            if not part:
                raise FileNotFoundError(f"{path} ends at byte {start}, {end - start} bytes too early")
            yield part
            start += len(part)

    def read_parts(self, file: File) -> Iterator[bytes]:
        """The whole file, for a function of the storage library: it cannot be called again in the thread in which it asks for parts."""
        size = file.size or 0
        with ThreadPoolExecutor(1, thread_name_prefix="parts") as reader:
            for start in range(0, size, PART):
                yield reader.submit(self.read, file.path, start, min(PART, size - start)).result()

    def key_of(self, path: str) -> str:
        """The key of a file in the storage of the studio, for a built-in datastore."""
        return self._prefix + path

    def has_key(self, path: str) -> bool:
        """Whether the file is in the storage of the studio."""
        return self.datastore.is_built_in

    def write(self, path: str, chunks: Iterable[bytes], overwrite: bool = False, is_freezing: bool = False) -> File:
        """Store a file, which appears only when it is complete."""
        self.check_names([path], is_freezing)
        if not overwrite:
            self.check_free(path)
        self.check_no_folder(path)
        self.put(path, chunks, overwrite)
        return self.find(path)

    def put(self, path: str, chunks: Iterable[bytes], overwrite: bool) -> None:
        """Store a file at a path that has been checked."""
        limited = self._limited(storage.check_space(chunks) if self.datastore.is_built_in else chunks)
        start, rest = storage.read_start(limited)
        key = self._prefix + path
        with self._errors(path):
            if rest is None:
                obstore.put(self._store, key, start, mode="overwrite" if overwrite else "create")
                return
            every = itertools.chain([start], rest)
            if local := self.find_local(path):
                local_files.write_file(local, every, overwrite)
            else:
                part, count = storage.OVER_NETWORK
                obstore.put(self._store, key, every, chunk_size=part, max_concurrency=count)

    def check_names(self, paths: Sequence[str], is_freezing: bool = False) -> None:
        """Refuse paths at which no file can be stored, whatever the datastore has."""
        for path in paths:
            rules.check_stored_path(path)
            if UNFINISHED.search(path):
                raise Invalid(f"{path[:200]!r}: a name that ends in # and digits cannot be stored.", target="path")
        if not is_freezing:
            # One path stands for all of the same copy.
            for path in {"/".join(path.split("/")[:3]): path for path in paths}.values():
                self._check_not_frozen(path)

    def check_quota(self) -> None:
        """Refuse files for the studio's storage where the quota of the workspace is used up."""
        if self.datastore.is_built_in:
            check_storage_quota(self.datastore.workspace)

    def check_free(self, path: str) -> None:
        """Refuse a path at which a file is."""
        if self.exists(path):
            raise self._taken(path)

    def run_each(self, act: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results, in order; several at a time if each waits for a network. `act` does not use the database."""
        if isinstance(self._store, LocalStore) or len(items) < 2:
            return [act(item) for item in items]
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="datastore") as pool:
            return list(pool.map(act, items))

    def check_no_folder(self, path: str) -> None:
        """A file cannot have the name of a folder, nor be inside a file: stores that allow it are not files to anyone else."""
        if self._root is not None and not self._is_inside(File(path)):
            raise Invalid(f"{path[:200]!r} leads out of the datastore by a link.", target="path")
        with self._errors(path):
            below = obstore.list_with_delimiter(self._store, prefix=self._prefix + path)
        if below["objects"] or below["common_prefixes"]:
            raise Conflict(f"{path} is a folder.", target="path")

    def _check_not_frozen(self, path: str) -> None:
        """A frozen copy does not change while a version reads it."""
        parts = path.split("/")
        if self.datastore.name != BLOB_STORE or parts[0] != FROZEN:
            return
        start = {
            "definition__paths__0__datastore": BLOB_STORE,
            "definition__paths__0__path__startswith": "/".join(parts[:3]),
        }
        version = self.datastore.workspace.data_versions.exclude(asset=None).filter(**start).first()
        if version is not None:
            text = f"{path} belongs to {version}, a frozen copy. Remove that version first."
            raise Conflict(text, target="path", code="in_use")

    def delete(self, path: str) -> None:
        self.find(path)
        self._check_not_frozen(path)
        with self._errors(path):
            obstore.delete(self._store, self._prefix + path)

    @staticmethod
    def _limited(chunks: Iterable[bytes]) -> Iterator[bytes]:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                raise TooLarge(f"A file can have at most {format_bytes(MAX_FILE_BYTES)}.", target="path")
            yield chunk

    def _file(self, entry) -> File:
        word = entry.get("e_tag") or f"{entry['size']}-{entry['last_modified'].timestamp()}"
        etag = hashlib.sha256(word.encode()).hexdigest()[:32]
        return File(self._path_of(entry["path"]), entry["size"], entry["last_modified"], etag)

    def _path_of(self, key: str) -> str:
        return key[len(self._prefix) :]

    def _is_inside(self, file: File) -> bool:
        """Whether the path is inside the folder, because it may contain links that lead out."""
        if self._root is None:
            return True
        real = os.path.realpath(self._root / file.path)
        return real == str(self._root) or real.startswith(f"{self._root}{os.sep}")

    def _absent(self, path: str) -> Http404:
        return Http404(f"The datastore {self.datastore.name} has no file {path!r}.")

    def _taken(self, path: str) -> Conflict:
        return Conflict(f"{path} exists already. Write overwrite=true to replace it.", target="path", code="FileExists")

    @contextlib.contextmanager
    def _errors(self, path: str):
        """Translate errors of a store."""
        name = self.datastore.name
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._absent(path) from error
        except AlreadyExistsError as error:
            raise self._taken(path) from error
        except ValueError as error:
            raise Invalid(
                f"{path[:200]!r} is not a path in a datastore: {first_line_of(error)}", target="path"
            ) from error
        except PermissionError as error:
            raise Conflict(
                f"The datastore {name} does not allow the studio to do this: {first_line_of(error)}"
            ) from error
        except StoreError as error:
            text = str(error)
            if any(word in f"{type(error).__name__} {text}" for word in REFUSALS):
                raise Conflict(
                    f"The datastore {name} rejects the stored credentials. Register it again with new ones.",
                    code="DatastoreRefused",
                ) from error
            if "Is a directory" in text or "Not a directory" in text:
                raise Conflict(f"{path} is a folder, or is inside a file.", target="path") from error
            raise NotReady(f"The datastore {name} does not answer: {first_line_of(error)}") from error


def check_storage_quota(workspace: Workspace, actor: Actor | None = None) -> None:
    """Refuse files that people store where the quota of the workspace is used up. Running jobs still store theirs."""
    if actor is None or not actor.is_run:
        for check in STORE_CHECKS:
            check(workspace)


def count_stored_bytes(workspace: Workspace) -> int:
    """The bytes in the built-in datastores of a workspace, and of uploads that have not ended."""
    areas = (f"{workspace.storage_area}/datastores", f"{workspace.storage_area}/{UPLOADS}")
    return sum(item["size"] for area in areas for batch in storage.list_area(area) for item in batch)


def _open_remote(row: Datastore):
    """Open the store of Azure or S3, for each request, because credentials may have changed."""
    given, secrets = row.settings, row.read_secrets()
    address = rules.get_address(row.kind, given)
    # Check again, because the name of the host may resolve to another address now.
    if address:
        rules.outbound.check_url(address, "endpoint")
    options: dict[str, Any] = {
        "client_options": {**CALL, "allow_http": address.startswith("http:")},
        "retry_config": RETRY,
    }
    if row.kind == Datastore.Kind.S3:
        keys: dict[str, Any] = {**secrets, "region": given.get("region") or "us-east-1"}
        if address:
            keys["endpoint"] = address
        return S3Store(given["container"], **keys, **options, skip_signature=not secrets)
    config: dict[str, Any] = {names: value for names, value in secrets.items() if names != "sas_token"}
    if "sas_token" in secrets:
        config["sas_key"] = secrets["sas_token"].lstrip("?")
    return AzureStore(
        given["container"],
        account_name=given["account_name"],
        endpoint=address.rstrip("/"),
        **config,
        **options,
        skip_signature=not secrets,
    )


def first_line_of(error: Exception) -> str:
    """The first line of an error, without details for developers and signed URLs."""
    line = re.sub(r"https?://\S+", "its address", str(error).strip().split("\n", 1)[0])
    # The reason comes after what was tried.
    reason = line.rpartition("  - ")[2]
    return UNREACHABLE if "error sending request" in reason else reason[:300]


def _by_path(file: File) -> str:
    return file.path
