"""The code of Azure's v2 clients: file by file to a signed address, then stored as one snapshot."""

import contextlib
import dataclasses
import re
import secrets
import tempfile
import uuid
import zipfile
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.core import signing

from accounts.models import User
from assets.data.models import BLOB_STORE, Datastore
from assets.data.stores import DatastoreFiles, File
from runs.files import snapshots
from runs.models import Snapshot
from studio.errors import Invalid, TooLarge
from studio.public_url import public_url
from workspaces.models import Workspace

SALT = "code-upload"
# How long files can be sent to an address.
MAX_AGE = 3600
# Where they are until the snapshot is made, in the datastore of the workspace.
FOLDER = "code-uploads"
ADDRESS = re.compile(r"/signed/code/([0-9a-f]{32})(?:/(.*))?")
BLOCK = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class CodeUpload:
    """The files that were sent to one address."""

    workspace: Workspace
    upload_id: str

    @classmethod
    def begin(cls, workspace: Workspace) -> "CodeUpload":
        return cls(workspace, secrets.token_hex(16))

    @classmethod
    def find(cls, upload_id: str, signature: str) -> "CodeUpload | None":
        """The upload that a signature was made for, while it is valid."""
        try:
            key, signed_id = signing.loads(signature, salt=SALT, max_age=MAX_AGE)
        except signing.BadSignature:
            return None
        workspace = Workspace.objects.filter(pk=key, deleted_at=None).first()
        return cls(workspace, upload_id) if workspace and signed_id == upload_id else None

    @property
    def address(self) -> str:
        return public_url(f"/signed/code/{self.upload_id}")

    @property
    def signed_address(self) -> str:
        return f"{self.address}?sig={signing.dumps([self.workspace.pk, self.upload_id], salt=SALT)}"

    @property
    def _files(self) -> DatastoreFiles:
        return DatastoreFiles(Datastore.objects.of(self.workspace).get(name=BLOB_STORE))

    def _path(self, path: str) -> str:
        return f"{FOLDER}/{self.upload_id}/{path}"

    def has_file(self, path: str) -> bool:
        return self._files.exists(self._path(path))

    def write(self, path: str, chunks: Iterable[bytes]) -> File:
        return self._files.write(self._path(path), chunks, overwrite=True)

    def store(self, user: User, folder: str) -> Snapshot:
        """Make a snapshot of what was sent below a folder, whose files are then deleted."""
        files = self._files
        prefix = self._path(f"{folder.strip('/')}/" if folder.strip("/.") else "")
        found = files.walk(prefix)
        if not found:
            raise Invalid(
                f"There are no files at {self.address}/{folder[:200]}. Upload the code first.", target="codeUri"
            )
        if sum(file.size or 0 for file in found) > settings.SNAPSHOT_MAX_BYTES:
            limit = settings.SNAPSHOT_MAX_BYTES // BLOCK
            raise TooLarge(
                f"The code has more than {limit} MB. Name what is not needed in .amlignore.", target="codeUri"
            )
        with tempfile.TemporaryFile() as archive:
            _write_zip(archive, files, found, prefix)
            archive.seek(0)
            parts: Iterator[bytes] = iter(lambda: archive.read(BLOCK), b"")
            snapshot = snapshots.store_snapshot(self.workspace, user, str(uuid.uuid4()), "", parts)
        for file in found:
            with contextlib.suppress(FileNotFoundError):
                files.delete(file.path)
        return snapshot


def _write_zip(archive, files: DatastoreFiles, found: list[File], prefix: str) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for file in found:
            with target.open(file.path.removeprefix(prefix), "w") as entry:
                for part in files.stream(file, 0, file.size or 0):
                    entry.write(part)


def parse_address(workspace: Workspace, address: str) -> tuple[CodeUpload, str]:
    """The upload of an address, and the folder below it."""
    match = ADDRESS.search(address.partition("?")[0])
    if not match:
        raise Invalid(
            f"codeUri is {address[:200]!r}: send the address that startPendingUpload returned, with the folder below it.",
            target="codeUri",
        )
    return CodeUpload(workspace, match[1]), match[2] or ""
