"""The files of a model's version: in a job, in a logged model, or among the workspace's own files.

Paths are relative to the model; for a model of one file, the only path is its name.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet, Sum

from registry import sources
from runs.files import artifact_batches, artifact_store, artifacts
from runs.models import Artifact
from studio import storage
from workspaces.models import Workspace

# How many versions may each be a copy of the next.
MAX_COPIES = 10


@dataclasses.dataclass(frozen=True)
class VersionFile:
    """A file of a version, as a download of many files lists it."""

    path: str
    size: int
    etag: str


@dataclasses.dataclass(frozen=True)
class ModelFiles:
    """`rows` have a path and a size; `root` is the path of the file or folder that is the model, empty for all of them;
    `name` is that of the file or folder, as it was registered."""

    rows: QuerySet
    root: str
    name: str
    is_file: bool

    def relative(self, path: str) -> str:
        if self.is_file:
            return self.name
        return path[len(self.root) + 1 :] if self.root else path

    def stored(self, path: str) -> str:
        """The path of a row."""
        return self.root if self.is_file else f"{self.root}/{path}" if self.root else path

    def find(self, path: str):
        """The row at a path of the model, or None."""
        if self.is_file and path != self.name:
            return None
        return self.rows.filter(path=self.stored(path)).first()

    def find_all(self, paths: Sequence[str]) -> dict[str, Any]:
        """The rows at those of the paths that are files of the model."""
        rows = self.rows.filter(path__in={self.stored(path) for path in paths})
        return {self.relative(row.path): row for row in rows}

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for row in self.rows.order_by("path").iterator():
            yield self.relative(row.path), row

    def size(self) -> int:
        return self.rows.aggregate(total=Sum("size"))["total"] or 0


def files_of(version) -> ModelFiles | None:
    """The files of a version; None if they are on another server or were deleted permanently.

    Deletion of the job, logged model or version that has them does not take them away: a purge keeps those too.
    """
    for one in with_originals(version):
        if one.own_folder:
            return _own_files(one)
        source = sources.parse_source(one.source)
        if source.kind != "version" and not one.logged_model:
            return _of_source(one, source)
    return ModelFiles(version.logged_model.files.all(), "", "", False) if version.logged_model else None


def with_originals(version) -> Iterator[Any]:
    """The version, and those that it is a copy of, the nearest first."""
    for _ in range(MAX_COPIES):
        yield version
        source = sources.parse_source(version.source)
        if source.kind != "version":
            return
        # Not a version of a later model with the same name.
        copied = version.workspace.model_versions.filter(
            model__name=source.name, number=source.number, created_at__lte=version.created_at
        )
        version = copied.select_related("logged_model", "run", "workspace").order_by("-created_at").first()
        if version is None:
            return


def _own_files(version) -> ModelFiles | None:
    files = _below(version.workspace.artifact_files.all(), own_path(version))
    *_, original = with_originals(version)
    source = sources.parse_source(original.source)
    name = "" if original.logged_model else source.path.rpartition("/")[2]
    return files and dataclasses.replace(files, name=name)


def _of_source(version, source: sources.ModelSource) -> ModelFiles | None:
    if source.kind == "run":
        run = version.run or version.workspace.runs.filter(run_id=source.run_id).first()
        return _below(run.artifacts.all(), source.path) if run else None
    if source.kind == "workspace":
        return _below(version.workspace.artifact_files.all(), source.path)
    return None


def own_path(version, folder: str = "") -> str:
    """Where its own copies are among the workspace's files, or would be in another folder."""
    return f"{folder or version.own_folder}/{sources.parse_source(version.source).path}".rstrip("/")


def _below(rows: QuerySet, root: str) -> ModelFiles | None:
    if not root:
        return ModelFiles(rows, "", "", False)
    name = root.rpartition("/")[2]
    # "0" follows "/": a range uses the index on every database.
    folder = rows.filter(path__gt=f"{root}/", path__lt=f"{root}0")
    if folder.exists():
        return ModelFiles(folder, root, name, False)
    file = rows.filter(path=root)
    return ModelFiles(file, root, name, True) if file.exists() else None


def is_registered(run, path: str) -> bool:
    """Whether the file or folder of the run belongs to a registered version."""
    return any(
        (source := sources.parse_source(uri)).kind == "run" and sources.is_below(path, source.path)
        for uri in run.model_versions.present().filter(own_folder="").values_list("source", flat=True)
    )


def stream_file(row, start: int = 0, length: int | None = None) -> Iterable[bytes]:
    if isinstance(row, Artifact):
        return artifacts.read_artifact(row, start, length)
    length = row.size - start if length is None else min(length, row.size - start)
    return storage.stream_object(row.key, start, length) if length > 0 else []


def stream_files(rows: Sequence[Any]) -> Iterator[bytes]:
    """The bytes of files of one version, in order."""
    if rows and isinstance(rows[0], Artifact):
        return artifact_batches.stream_artifacts(list(rows))
    return itertools.chain.from_iterable(map(stream_file, rows))


def read_bytes(row, length: int) -> bytes:
    return b"".join(stream_file(row, 0, min(length, row.size)))


def tag_of(row) -> str:
    """An ETag that changes with the content."""
    return row.etag if isinstance(row, Artifact) else row.key.rpartition("/")[2]


def content_type_of(row) -> str:
    return row.content_type if isinstance(row, Artifact) else artifacts.content_type_of(row.path)


def find_in_artifact_store(workspace: Workspace, prefix: str, is_whole: bool) -> Iterator[artifact_store.StoredFile]:
    """The workspace's own files at a path, or whose path begins with it, as they are in Azure's datastore of artifacts."""
    if prefix.startswith(f"{sources.UPLOADS}/"):
        rows = workspace.artifact_files.all()
        chosen = rows.filter(path=prefix) if is_whole else rows.filter(path__startswith=prefix)
        for row in chosen[: artifact_store.MAX_LISTED + 1]:
            read = functools.partial(stream_file, row)
            yield artifact_store.StoredFile(row.path, row.size, row.created_at, tag_of(row), read=read)
