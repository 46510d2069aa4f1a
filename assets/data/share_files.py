"""The files of `workspacefilestore`: below `Users/` those of the workspace's file share, which the Notebooks page and
compute instances use; all others are in the storage of the studio.

A home belongs to one person: only requests of that person and of their jobs find it. Work in the background, which has
no person, finds the shared folder.
"""

import hashlib
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from django.conf import settings
from django.http import Http404

from accounts.models import User
from assets.data import rules
from assets.data.models import FILE_STORE, Datastore
from assets.data.stores import MAX_LISTED, DatastoreFiles, File
from studio import file_paths
from studio.errors import Conflict, Invalid, TooLarge
from workspaces.file_share import SHARED, USERS, Home, share_folder
from workspaces.models import Workspace
from workspaces.share import Share, ShareEntry

COMMON = f"{USERS}/{SHARED}"

# (workspace, user, path): each moves a file of the share to its trash.
TRASHES: list[Callable[[Workspace, User, str], object]] = []


def open_files(datastore: Datastore, user: User | None = None) -> DatastoreFiles:
    """The files of a datastore as a person finds them."""
    if datastore.has_share:
        return FileShareFiles(datastore, user)
    return _open_azure_share(datastore) if datastore.kind == Datastore.Kind.FILE else DatastoreFiles(datastore)


def _open_azure_share(datastore: Datastore) -> DatastoreFiles:
    try:
        from assets.data import azure_files  # its packages are optional, and take a while to load
    except ImportError as error:
        text = "The studio has no client for Azure file shares. A site admin installs it by"
        raise Invalid(f"{text}: python3 deploy/setup.py azure-files", target="datastoreType") from error
    return azure_files.AzureShareFiles(datastore)


def check_common(definition: dict) -> None:
    """Refuse a dataset that belongs to the workspace but reads files of a home."""
    for path in definition["paths"]:
        text = path.get("path", "").strip("/")
        is_common = not is_in_share(text) or text == COMMON or text.startswith(f"{COMMON}/")
        if path.get("datastore", "").lower() == FILE_STORE and not is_common:
            raise Invalid(
                f"{text[:200]} can be in a home, whose files only one person can read; a registered dataset is for the "
                f"whole workspace. Copy the files to {COMMON} or to another datastore.",
                target="definition/paths",
            )


class FileShareFiles(DatastoreFiles):
    def __init__(self, datastore: Datastore, user: User | None = None):
        super().__init__(datastore)
        self._user, self._share = user, Share(share_folder(datastore.workspace))
        home = [Home.of(datastore.workspace, user).path] if user else []
        self._tops = sorted([*home, COMMON])
        # Bytes that may still be stored, by top folder.
        self._space: dict[str, int] = {}

    def list_folder(self, folder: str = "") -> list[File]:
        if folder == USERS:
            return [File(top) for top in self._tops]
        if not is_in_share(folder):
            found = [file for file in super().list_folder(folder) if not is_in_share(file.path)]
            others = [file for file in found if file.size is None] + ([] if folder else [File(USERS)])
            return sorted(others, key=_by_path) + [file for file in found if file.size is not None]
        self._check_path(rules.check_stored_path(folder))
        return self._list_share(folder)

    def _list_share(self, folder: str) -> list[File]:
        try:
            entries, left_out = self._share.list_folder(folder, max_listed=MAX_LISTED)
        except Http404:
            return []
        if left_out:
            raise TooLarge(f"{folder} has more than {MAX_LISTED:,} files.", target="folder")
        return [_describe(entry) for entry in entries if not entry.is_special]

    def walk(self, prefix: str = "", limit: int = MAX_LISTED) -> list[File]:
        found = []
        if not prefix.startswith(f"{USERS}/"):
            found = [file for file in super().walk(prefix, limit) if not is_in_share(file.path)]
        elif prefix.count("/") > 1:
            self._check_path(prefix.rpartition("/")[0])
        for top in self._tops:
            if prefix.startswith(f"{top}/") or f"{top}/".startswith(prefix):
                found += self._walk_share(max(top, prefix.rpartition("/")[0], key=len), prefix)
        if len(found) > limit:
            text = f"There are more than {limit:,} files below {prefix or 'the root'} of {self.datastore.name}."
            raise TooLarge(f"{text} Name a folder below it.", target="prefix")
        return sorted(found, key=_by_path)

    def _walk_share(self, folder: str, prefix: str) -> Iterator[File]:
        for file in self._list_share(folder):
            if not file.path.startswith(prefix):
                continue
            if file.size is None:
                yield from map(_describe, self._share.walk(file.path, with_hidden=False))
            else:
                yield file

    def find(self, path: str) -> File:
        if not is_in_share(path):
            return super().find(path)
        self._check_path(rules.check_stored_path(path))
        entry = self._share.find(path)
        if entry.is_folder or entry.is_special:
            raise self._absent(path)
        return _describe(entry)

    def read(self, path: str, start: int, length: int) -> bytes:
        if not is_in_share(path):
            return super().read(path, start, length)
        self._check_path(path)
        return b"".join(self._share.stream(path, start, length))

    def find_local(self, path: str) -> pathlib.Path | None:
        """Nothing in the share: programs of its people may put a link at a path at any moment."""
        return None if is_in_share(path) else super().find_local(path)

    def stream(self, file: File, start: int, length: int) -> Iterable[bytes]:
        if not is_in_share(file.path):
            return super().stream(file, start, length)
        return self._share.stream(file.path, start, length)

    def has_key(self, path: str) -> bool:
        return not is_in_share(path) and super().has_key(path)

    def put(self, path: str, chunks: Iterable[bytes], overwrite: bool) -> None:
        if not is_in_share(path):
            super().put(path, chunks, overwrite)
            return
        self._check_path(path)
        top = "/".join(path.split("/")[:2])
        if top not in self._space:
            self._share.make_folder(top)
            self._space[top] = max(0, settings.SHARE_MAX_BYTES - self._share.measure(top))
        space, limited = self._space[top], self._limited(chunks)
        try:
            self._space[top] -= self._share.write_file(path, limited, replaces=overwrite, max_bytes=space).size
        except Conflict as error:
            raise self._taken(path) from error

    def check_names(self, paths: Sequence[str], is_freezing: bool = False) -> None:
        super().check_names(paths, is_freezing)
        for path in filter(is_in_share, paths):
            if path.count("/") < 2:
                shown = " or ".join(self._tops)
                raise Invalid(f"{path[:200]}: files of the file share are stored below {shown}.", target="path")
            self._check_path(path)

    def check_no_folder(self, path: str) -> None:
        if not is_in_share(path):
            super().check_no_folder(path)
            return
        entry = file_paths.find_if_there(self._share.find, path)
        if entry and (entry.is_folder or entry.is_special):
            raise Conflict(f"{path} is a folder, or a link.", target="path")

    def delete(self, path: str) -> None:
        """A file of the share goes to the trash of the Notebooks page."""
        if not is_in_share(path):
            super().delete(path)
            return
        self.find(path)
        for move_to_trash in TRASHES:
            assert self._user is not None
            move_to_trash(self.datastore.workspace, self._user, path)

    def _check_path(self, path: str) -> None:
        parts = path.split("/")
        if path != USERS and "/".join(parts[:2]) not in self._tops:
            shown = " and ".join(self._tops)
            raise Http404(f"There is no {path[:200]} for you: of the file share you find {shown}.")
        if any(part.startswith(".") for part in parts):
            text = "names that begin with a period are reserved for programs in the file share"
            raise Invalid(f"{path[:200]}: {text}.", target="path")


def is_in_share(path: str) -> bool:
    return path == USERS or path.startswith(f"{USERS}/")


def _describe(entry: ShareEntry) -> File:
    if entry.is_folder:
        return File(entry.path)
    etag = hashlib.sha256(entry.version.encode()).hexdigest()[:32]
    return File(entry.path, entry.size, entry.changed_at, etag)


def _by_path(file: File) -> str:
    return file.path
