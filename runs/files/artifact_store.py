"""The files of jobs and models by their paths in `workspaceartifactstore`, the datastore in which Azure has them.

They are stored by the routes of jobs and models. An app with other files there registers a function in FINDERS.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable

from assets.data.stores import MAX_LISTED, DatastoreFiles, File
from runs.files import artifacts
from runs.models import Artifact
from studio.errors import TooLarge
from workspaces.models import Workspace

OF_A_JOB = re.compile(r"ExperimentRun/dcid\.(?P<run>[^/]+)/(?P<path>.*)")


@dataclasses.dataclass(frozen=True)
class StoredFile(File):
    """`read(start, length)` returns its bytes."""

    read: Callable[[int, int], Iterable[bytes]] = dataclasses.field(kw_only=True)


# Each returns the files of a workspace whose path begins with a text, or is that text.
FINDERS: list[Callable[[Workspace, str, bool], Iterable[StoredFile]]] = []


class ArtifactStoreFiles(DatastoreFiles):
    """The files of the datastore itself, and those of jobs and models."""

    def walk(self, prefix: str = "", limit: int = MAX_LISTED) -> list[File]:
        return sorted([*super().walk(prefix, limit), *self._find_others(prefix)], key=lambda file: file.path)

    def find(self, path: str) -> File:
        others = self._find_others(path, is_whole=True)
        return others[0] if others else super().find(path)

    def stream(self, file: File, start: int, length: int) -> Iterable[bytes]:
        return file.read(start, length) if isinstance(file, StoredFile) else super().stream(file, start, length)

    def _find_others(self, prefix: str, is_whole: bool = False) -> list[StoredFile]:
        """`prefix` names a job or an upload: there are too many files to list all of them."""
        finders, workspace = (_find_files_of_job, *FINDERS), self.datastore.workspace
        found = [file for find in finders for file in find(workspace, prefix, is_whole)]
        if len(found) > MAX_LISTED:
            raise TooLarge(f"There are more than {MAX_LISTED:,} files below {prefix}.", target="prefix")
        return found


def _find_files_of_job(workspace: Workspace, prefix: str, is_whole: bool) -> Iterable[StoredFile]:
    match = OF_A_JOB.fullmatch(prefix)
    if match is None:
        return []
    rows = Artifact.objects.filter(run__workspace=workspace, run__run_id=match["run"], run__deleted_at=None)
    folder = f"ExperimentRun/dcid.{match['run']}"
    chosen = rows.filter(path=match["path"]) if is_whole else rows.filter(path__startswith=match["path"])
    return [_describe(folder, row) for row in chosen[: MAX_LISTED + 1]]


def _describe(folder: str, row: Artifact) -> StoredFile:
    etag = f"{row.pk}-{row.size}-{row.updated_at.timestamp()}"
    read = functools.partial(artifacts.read_artifact, row)
    return StoredFile(f"{folder}/{row.path}", row.size, row.updated_at, etag, read=read)
