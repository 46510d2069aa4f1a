"""Files of runs: rows in the database, bytes in storage as one or more segments, so that a log can grow on any storage."""

import mimetypes
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence

from django.db import IntegrityError, transaction
from django.db.models import Count, F
from django.utils import timezone

from runs.models import Artifact, ArtifactSegment, Run
from studio import file_paths, path_clashes, storage
from studio.errors import Conflict

MAX_APPEND_BYTES = 16 * 1024 * 1024
# How often a request tries again if others append at the same time.
TRIES = 5
# Segments that a reader looks up at once.
SEGMENTS = 500
SPOOL = 4 * 1024 * 1024
# Checks of apps that use files of runs: each raises Conflict for a file that is in use.
DELETION_CHECKS: list[Callable[[Artifact], None]] = []
# Called before files of a run are added, replaced or continued, with apps that need the present files.
CHANGE_STEPS: list[Callable[[Run, Sequence[str]], None]] = []
TEXTS = {".log": "text/plain", ".txt": "text/plain", ".jsonl": "application/json", ".ipynb": "application/json"}
TYPES = {
    **TEXTS,
    ".parquet": "application/vnd.apache.parquet",
    ".yml": "text/yaml",
    ".yaml": "text/yaml",
    ".md": "text/markdown",
}


def store_artifact(
    run: Run, path: str, chunks: Iterable[bytes], *, content_type: str = "", overwrite: bool = False
) -> Artifact:
    """Store a whole file. Of two requests that store the same path at once, one gets a Conflict."""
    path = file_paths.check_path(path)
    check_free(run, [path], overwrite)
    key = storage.make_key(run.storage_area)
    size = storage.put_stream(key, chunks)
    try:
        prepare_change(run, [path])
        with transaction.atomic():
            artifact, old = _replace_artifact(run, path, content_type, overwrite)
            _add_segment(artifact, 0, size, key)
            mark_run_changed(run)
    except (IntegrityError, Conflict) as error:
        delete_objects([key])
        raise make_path_conflict(path) if isinstance(error, IntegrityError) else error from error
    delete_objects(old if size else [*old, key])
    return artifact


def store_segments(run: Run, path: str, segments: list[tuple[str, int]], *, content_type: str = "") -> Artifact:
    """Store a file from existing objects, as (key, size) in order; replaces a file with the same path."""
    path = file_paths.check_path(path)
    prepare_change(run, [path])
    with transaction.atomic():
        artifact, old = _replace_artifact(run, path, content_type, overwrite=True)
        for key, size in segments:
            _add_segment(artifact, artifact.size, size, key)
        mark_run_changed(run)
    # A repeated request must not delete its own objects.
    delete_objects(list(set(old) - {key for key, _ in segments}))
    return artifact


def prepare_change(run: Run, paths: Sequence[str]) -> None:
    for step in CHANGE_STEPS:
        step(run, paths)


def _replace_artifact(run: Run, path: str, content_type: str, overwrite: bool) -> tuple[Artifact, list[str]]:
    """The row without segments, and its former keys."""
    kind = content_type_of(path, content_type)
    artifact = Artifact.objects.select_for_update().filter(run=run, path=path).first() if overwrite else None
    if artifact is None:
        check_free(run, [path], overwrite)
        return Artifact.objects.create(run=run, path=path, content_type=kind), []
    keys = list(artifact.segments.values_list("key", flat=True))
    artifact.segments.all().delete()
    artifact.size, artifact.content_type, artifact.updated_at = 0, kind, timezone.now()
    artifact.save(update_fields=["size", "content_type", "updated_at"])
    return artifact, keys


def _add_segment(artifact: Artifact, offset: int, size: int, key: str) -> None:
    if size:
        ArtifactSegment.objects.create(artifact=artifact, offset=offset, size=size, key=key)
        artifact.size = offset + size
        Artifact.objects.filter(pk=artifact.pk).update(size=artifact.size)


def append_to_artifact(run: Run, path: str, offset: int, data: bytes, *, content_type: str = "") -> Artifact:
    """Append `data`, which belongs at `offset`; bytes that the file already has are skipped."""
    path = file_paths.check_path(path)
    for _ in range(TRIES):
        artifact = Artifact.objects.filter(run=run, path=path).first() or _start_artifact(run, path, content_type)
        if offset > artifact.size:
            raise Conflict(
                f"{path} has {artifact.size} bytes; nothing can be appended at {offset}.",
                code="wrong_offset",
                target="offset",
                details=[{"code": "size", "message": str(artifact.size)}],
            )
        fresh = data[artifact.size - offset :]
        if fresh:
            prepare_change(run, [path])
        if not fresh or _append_at(artifact, fresh):
            return artifact
    raise Conflict(f"Other requests append to {path} at the same time. Try again.", target="path")


def _start_artifact(run: Run, path: str, content_type: str) -> Artifact:
    check_free(run, [path])
    kind = content_type_of(path, content_type)
    return Artifact.objects.get_or_create(run=run, path=path, defaults={"content_type": kind})[0]


def _append_at(artifact: Artifact, data: bytes) -> bool:
    """Append at the offset; False if another request was first."""
    offset, key = artifact.size, storage.make_key(artifact.run.storage_area)
    storage.put_bytes(key, data)
    with transaction.atomic():
        # One conditional UPDATE: of two appends at the same offset, one wins.
        same = Artifact.objects.filter(pk=artifact.pk, size=offset)
        won = same.update(size=offset + len(data), updated_at=timezone.now())
        if won:
            ArtifactSegment.objects.create(artifact=artifact, offset=offset, size=len(data), key=key)
            artifact.size = offset + len(data)
            mark_run_changed(artifact.run)
    if not won:
        delete_objects([key])
    return bool(won)


def read_artifact(artifact: Artifact, start: int = 0, length: int | None = None) -> Iterable[bytes]:
    """The bytes from `start`, in parts; if they are in one local file, as a slice that the server can send itself."""
    end = artifact.size if length is None else min(start + length, artifact.size)
    return _in_one_file(artifact, start, end) or _across_segments(artifact, start, end)


def _in_one_file(artifact: Artifact, start: int, end: int) -> storage.FileSlice | None:
    segment = artifact.segments.filter(offset__lte=start).order_by("offset").last()
    if segment is None or start >= end or end > segment.offset + segment.size:
        return None
    try:
        return storage.open_slice(segment.key, start - segment.offset, end - start)
    except FileNotFoundError:
        # If the segments have been joined meanwhile, they are looked up again below.
        return None


def _across_segments(artifact: Artifact, start: int, end: int) -> Iterator[bytes]:
    """Looks the segments up again if they have been joined meanwhile."""
    missed = None
    while start < end:
        try:
            for part in _read_segments(artifact, start, end):
                yield part
                start += len(part)
        except FileNotFoundError:
            if missed == start:
                raise
            missed = start


def _read_segments(artifact: Artifact, start: int, end: int) -> Iterator[bytes]:
    ends = artifact.segments.annotate(end=F("offset") + F("size"))
    found = list(ends.filter(end__gt=start, offset__lt=end).order_by("offset")[:SEGMENTS])
    if not found or found[0].offset > start:
        raise FileNotFoundError(f"{artifact.path} of the run {artifact.run_id} lacks its bytes from {start}.")
    for segment in found:
        stop = min(end, segment.end)
        yield from storage.stream_object(segment.key, start - segment.offset, stop - start)
        start = stop


def read_bytes(artifact: Artifact, start: int = 0, length: int | None = None) -> bytes:
    return b"".join(read_artifact(artifact, start, length))


def delete_artifacts(found: list[Artifact]) -> None:
    """Delete all, or none if one of them is in use: raises Conflict."""
    for artifact in found:
        for check in DELETION_CHECKS:
            check(artifact)
    for artifact in found:
        _delete_artifact(artifact)


def _delete_artifact(artifact: Artifact) -> None:
    keys = list(artifact.segments.values_list("key", flat=True))
    run = artifact.run
    artifact.delete()
    mark_run_changed(run)
    delete_objects(keys)


def find_fragmented(segments: int):
    """Files with at least this many segments."""
    return Artifact.objects.annotate(parts=Count("segments")).filter(parts__gte=segments)


def join_segments(artifact: Artifact) -> None:
    """Join the segments into one. Segments appended meanwhile follow it; if another process wins, nothing changes."""
    segments = list(artifact.segments.all())
    if len(segments) < 2:
        return
    size = sum(segment.size for segment in segments)
    key = storage.make_key(artifact.run.storage_area)
    with tempfile.SpooledTemporaryFile(SPOOL) as file:
        # Spooled, because the storage library cannot read while it writes.
        for part in read_artifact(artifact, 0, size):
            file.write(part)
        file.seek(0)
        storage.put_stream(key, iter(lambda: file.read(SPOOL), b""))
    with transaction.atomic():
        gone = ArtifactSegment.objects.filter(pk__in=[segment.pk for segment in segments]).delete()[0]
        whole = gone == len(segments)
        if whole:
            ArtifactSegment.objects.create(artifact=artifact, offset=0, size=size, key=key)
        else:
            transaction.set_rollback(True)
    delete_objects([segment.key for segment in segments] if whole else [key])


def content_type_of(path: str, given: str = "") -> str:
    """The content type by file name; the client's only if the name gives none."""
    extension = "." + path.rsplit(".", 1)[-1].lower() if "." in path else ""
    guessed = TYPES.get(extension) or mimetypes.guess_type(path)[0]
    given = given.split(";")[0].strip().lower()
    return (guessed or given or "application/octet-stream")[:100]


def mark_run_changed(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(revision=F("revision") + 1)


def delete_objects(keys: list[str]) -> None:
    try:
        storage.delete_keys(keys)
    except FileNotFoundError:
        # Some are gone already: delete the rest one by one.
        for key in keys if len(keys) > 1 else []:
            delete_objects([key])


def check_free(run: Run, paths: Sequence[str], overwrite: bool = False) -> None:
    """Checks that the paths are free and no file has the name of one of their folders, so that all can be downloaded."""
    files = Artifact.objects.filter(run=run)
    above = {folder: path for path in paths for folder in path_clashes.list_folders(path)}
    file = path_clashes.find_file(files, [*above, *([] if overwrite else paths)])
    if file is not None and file not in above:
        raise make_path_conflict(file)
    path = above[file] if file else path_clashes.find_folder(files, paths)
    if path is not None:
        other = f"a file {file}" if file else f"a folder {path}"
        raise Conflict(f"The run has {other}, so {path} cannot be stored too.", code="path_conflict", target="path")


def make_path_conflict(path: str) -> Conflict:
    text = f"The run has a file {path} already. Choose another name, or send overwrite=true."
    return Conflict(text, code="path_conflict", target="path")
