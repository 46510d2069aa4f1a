"""The files of an Azure file share. Its client is optional: share_files.open_files loads this module for one."""

import contextlib
import hashlib
import itertools
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceExistsError
from azure.storage.fileshare import FileProperties, ShareClient, ShareFileClient
from django.http import Http404

from assets.data import rules
from assets.data.stores import MAX_LISTED, PART, UNREACHABLE, DatastoreFiles, File, first_line_of
from studio import storage
from studio.errors import Conflict, Invalid, NotReady, TooLarge

# The most folders that one search looks into: each is a request.
MAX_FOLDERS = 10_000
# A file of unknown length grows by so many bytes, in a request of its own.
STEP = 64 * 1024 * 1024
# The name of a file that has not arrived completely, in the folder in which it will be.
UNFINISHED = re.compile(r"upload#\d{18}")
OPTIONS = {
    "connection_timeout": 5,
    "read_timeout": 60,
    "retry_total": 2,
    "retry_read": 0,
    "initial_backoff": 1,
    "increment_base": 1,
    "random_jitter_range": 0,
    # Only the address that was checked.
    "permit_redirects": False,
    # Without these, a. and a are the same file.
    "allow_trailing_dot": True,
    "allow_source_trailing_dot": True,
}
FORBIDDEN = '\\:|<>*?"'
NO_SHARE = ("ShareNotFound", "ShareBeingDeleted", "ShareDisabled")
IN_FILE = ("ParentNotFound", "ResourceTypeMismatch")


class AzureShareFiles(DatastoreFiles):
    def _open(self):
        given, kept = self.datastore.settings, self.datastore.read_secrets()
        address = rules.get_address(self.datastore.kind, given)
        # Check again, because the name of the host may resolve to another address now.
        rules.outbound.check_url(address, "endpoint")
        key = {"account_name": given["account_name"], "account_key": kept.get("account_key", "")}
        signature = kept.get("sas_token", "").lstrip("?")
        prefix = given.get("prefix", "")
        store = ShareClient(address.rstrip("/"), given["container"], credential=signature or key, **OPTIONS)
        return store, f"{prefix}/" if prefix else ""

    def list_folder(self, folder: str = "") -> list[File]:
        if folder:
            rules.check_stored_path(folder)
        return sorted(self._list(folder, ""), key=lambda file: (file.size is not None, file.path))

    def walk(self, prefix: str = "", limit: int = MAX_LISTED) -> list[File]:
        folder, _, start = prefix.rpartition("/")
        if folder:
            rules.check_stored_path(folder)
        found: list[File] = []
        level, count = [(folder, start)], 0
        while level:
            listed = list(itertools.chain(*self.run_each(lambda one: self._list(*one), level)))
            level = [(file.path, "") for file in listed if file.size is None]
            found += [file for file in listed if file.size is not None]
            count += len(level)
            if len(found) > limit or count > MAX_FOLDERS:
                limits = f"{limit:,} files" if len(found) > limit else f"{MAX_FOLDERS:,} folders"
                text = f"There are more than {limits} below {prefix or 'the root'} of {self.datastore.name}."
                raise TooLarge(f"{text} Name a folder below it.", target="prefix")
        return sorted(found, key=lambda file: file.path)

    def _list(self, folder: str, start: str) -> list[File]:
        """List a folder, of it only names that begin with `start`; nothing if there is no such folder."""
        found: list[File] = []
        client = self._store.get_directory_client((self._prefix + folder).rstrip("/"))
        with contextlib.suppress(Http404), self._errors(folder):
            for item in client.list_directories_and_files(start or None, include=["timestamps", "Etag"]):
                path = f"{folder}/{item.name}" if folder else item.name
                if item.is_directory:
                    found.append(File(path))
                elif not UNFINISHED.fullmatch(item.name):
                    found.append(_describe(path, item))
                if len(found) > MAX_LISTED:
                    raise TooLarge(f"{folder or 'The root'} has more than {MAX_LISTED:,} files.", target="folder")
        return found

    def find(self, path: str) -> File:
        rules.check_stored_path(path)
        with self._errors(path):
            try:
                return _describe(path, self._client_of(self._prefix + path).get_file_properties())
            except ResourceExistsError as error:
                # So says the service of a folder.
                raise self._absent(path) from error

    def read(self, path: str, start: int, length: int) -> bytes:
        if not length:
            return b""
        with self._errors(path):
            return self._client_of(self._prefix + path).download_file(start, length).readall()

    def put(self, path: str, chunks: Iterable[bytes], overwrite: bool) -> None:
        """The file gets its name when all of it is there."""
        key = self._prefix + path
        folder = key.rpartition("/")[0]
        name = f"upload#{secrets.randbelow(10**18):018d}"
        client = self._client_of(f"{folder}/{name}" if folder else name)
        first, rest = storage.read_start(self._limited(chunks))
        with self._errors(path):
            self._create(client, folder, len(first))
            try:
                self._fill(client, first, rest or iter(()))
                client.rename_file(key, overwrite=overwrite)
            except BaseException:
                with contextlib.suppress(AzureError):
                    client.delete_file()
                raise

    def _create(self, client: ShareFileClient, folder: str, size: int) -> None:
        """Create a file, and the folders above it that are not there."""
        try:
            client.create_file(size)
        except HttpResponseError as error:
            if _code_of(error) != "ParentNotFound":
                raise
            parts = folder.split("/")
            for end in range(1, len(parts) + 1):
                with contextlib.suppress(ResourceExistsError):
                    self._store.get_directory_client("/".join(parts[:end])).create_directory()
            client.create_file(size)

    @staticmethod
    def _fill(client: ShareFileClient, first: bytes, rest: Iterator[bytes]) -> None:
        size, at = len(first), 0
        for part in itertools.chain(_cut(first), _join(rest)):
            if at + len(part) > size:
                size = at + STEP
                client.resize_file(size)
            client.upload_range(part, offset=at, length=len(part))
            at += len(part)
        if at != size:
            client.resize_file(at)

    def check_names(self, paths: Sequence[str], is_freezing: bool = False) -> None:
        super().check_names(paths, is_freezing)
        for path in paths:
            if wrong := next((letter for letter in FORBIDDEN if letter in path), None):
                raise Invalid(f"{path[:200]!r}: a name in a file share cannot have {wrong}.", target="path")

    def check_no_folder(self, path: str) -> None:
        client = self._store.get_directory_client(self._prefix + path)
        with contextlib.suppress(Http404), self._errors(path), contextlib.suppress(ResourceExistsError):
            client.get_directory_properties()
            raise Conflict(f"{path} is a folder.", target="path")

    def delete(self, path: str) -> None:
        self.find(path)
        with self._errors(path):
            self._client_of(self._prefix + path).delete_file()

    def _client_of(self, key: str) -> ShareFileClient:
        return self._store.get_file_client(key)

    @contextlib.contextmanager
    def _errors(self, path: str):
        with super()._errors(path):
            try:
                yield
            except AzureError as error:
                raise self._translate(error, path) from error

    def _translate(self, error: AzureError, path: str) -> Exception:
        name, share, code = self.datastore.name, self.datastore.settings["container"], _code_of(error)
        status = getattr(error, "status_code", None)
        if isinstance(error, ClientAuthenticationError) or status in (401, 403):
            text = f"The datastore {name} rejects the stored credentials, or they do not allow this"
            return Conflict(f"{text}. Register it again with new ones.", code="DatastoreRefused")
        if code in NO_SHARE:
            return Conflict(f"The storage account of {name} has no file share {share}.")
        if (code in IN_FILE and status == 409) or code == "ParentNotFound":
            return Conflict(f"{path} is a folder, or is inside a file.", target="path")
        if status == 404:
            return self._absent(path)
        if code == "ResourceAlreadyExists":
            return self._taken(path)
        if status in (400, 409, 412, 413):
            return Invalid(f"{path[:200]!r}: the file share refuses this: {first_line_of(error)}", target="path")
        reason = UNREACHABLE if status is None else first_line_of(error)
        return NotReady(f"The datastore {name} does not answer: {reason}")


def _describe(path: str, found: FileProperties) -> File:
    # A list and the properties of a file may quote it differently.
    word = (found.etag or f"{found.size}-{found.last_modified}").strip('"')
    return File(path, found.size, found.last_modified, hashlib.sha256(word.encode()).hexdigest()[:32])


def _code_of(error: AzureError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _cut(data: bytes) -> Iterator[bytes]:
    """Parts of the size that one request may have."""
    for start in range(0, len(data), PART):
        yield data[start : start + PART]


def _join(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Parts of the size that one request may have."""
    left = b""
    for chunk in chunks:
        left += chunk
        while len(left) >= PART:
            yield left[:PART]
            left = left[PART:]
    if left:
        yield left
