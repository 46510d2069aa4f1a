"""Many small files of a run in one request, in the form of assets/data/file_batches.py."""

import contextlib
from collections.abc import Iterator

from django.db import IntegrityError, transaction
from django.db.models import F

from assets.data import file_batches
from runs.files import artifacts
from runs.models import Artifact, ArtifactSegment, Run
from studio import file_paths, storage


def store_artifacts(run: Run, listed: list[file_batches.BatchFile], body: file_batches.BodyParts) -> int:
    """Store all the files, or none; returns how many."""
    paths = [file_paths.check_path(file.path) for file in listed]
    file_batches.check_together(paths)
    artifacts.check_free(run, paths)
    keys: dict[str, str] = {}
    with contextlib.ExitStack() as undo:
        undo.callback(lambda: artifacts.delete_objects(list(keys.values())))
        for path, data in file_batches.read_files(listed, body):
            if data:
                keys[path] = storage.make_key(run.storage_area)
                storage.put_stream(keys[path], iter([data]))
        artifacts.prepare_change(run, paths)
        try:
            with transaction.atomic():
                _add_rows(run, listed, keys)
                artifacts.mark_run_changed(run)
        except IntegrityError as error:
            taken = Artifact.objects.filter(run=run, path__in=paths).first()
            raise artifacts.make_path_conflict(taken.path if taken else paths[0]) from error
        undo.pop_all()
    return len(paths)


def _add_rows(run: Run, listed: list[file_batches.BatchFile], keys: dict[str, str]) -> None:
    rows = [
        Artifact(run=run, path=file.path, size=file.size, content_type=artifacts.content_type_of(file.path))
        for file in listed
    ]
    Artifact.objects.bulk_create(rows)
    segments = [
        ArtifactSegment(artifact=row, offset=0, size=row.size, key=keys[row.path]) for row in rows if row.path in keys
    ]
    ArtifactSegment.objects.bulk_create(segments)


def find_artifacts(run: Run, paths: list[str]) -> tuple[list[Artifact], list[str]]:
    """The files at the paths, and the paths at which there is none."""
    file_batches.check_paths(paths)
    rows = {row.path: row for row in Artifact.objects.filter(run=run, path__in=paths)}
    return [rows[path] for path in paths if path in rows], [path for path in paths if path not in rows]


def stream_artifacts(found: list[Artifact]) -> Iterator[bytes]:
    """The bytes of the files, in order. Most files are in one object, which one query for all finds."""
    whole = ArtifactSegment.objects.filter(artifact__in=found, offset=0, size=F("artifact__size"))
    keys = dict(whole.values_list("artifact_id", "key"))
    return _stream(found, keys)


def _stream(found: list[Artifact], keys: dict[int, str]) -> Iterator[bytes]:
    for artifact in found:
        if artifact.pk in keys:
            yield from storage.stream_object(keys[artifact.pk], 0, artifact.size)
        else:
            yield from artifacts.read_artifact(artifact)
