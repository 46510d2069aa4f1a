"""Many small files of a model in one request, before it is registered, in the form of assets/data/file_batches.py."""

import contextlib

from django.db import IntegrityError, transaction

from assets.data import file_batches, stores
from registry import kept_files, sources
from registry.models import WorkspaceFile
from studio import file_paths, storage
from studio.errors import Conflict, Invalid
from workspaces.models import Workspace


def store_files(actor, workspace: Workspace, listed: list[file_batches.BatchFile], body: file_batches.BodyParts) -> int:
    """Store all the files, or none; returns how many."""
    paths = [file_paths.check_path(file.path) for file in listed]
    file_batches.check_together(paths)
    stores.check_storage_quota(workspace, actor)
    kept_files.check_upload_open(workspace, _find_folder(paths))
    WorkspaceFile.objects.check_new(workspace, paths)
    rows: list[WorkspaceFile] = []
    with contextlib.ExitStack() as undo:
        undo.callback(lambda: storage.delete_keys([row.key for row in rows]))
        for path, data in file_batches.read_files(listed, body):
            row = WorkspaceFile.build(workspace, path, len(data), actor.run_id)
            storage.put_stream(row.key, iter([data]))
            rows.append(row)
        try:
            with transaction.atomic():
                WorkspaceFile.objects.bulk_create(rows)
        except IntegrityError as error:
            text = f"Another request has just stored a file in {_find_folder(paths)}. Use a folder of your own."
            raise Conflict(text, code="path_conflict", target="path") from error
        undo.pop_all()
    return len(rows)


def _find_folder(paths: list[str]) -> str:
    """The folder of the upload, in which all the files are."""
    folder = sources.find_upload_folder(paths[0])
    for path in paths:
        if not path.startswith(f"{folder}/") or not folder.startswith(f"{sources.UPLOADS}/"):
            text = f"{path[:200]!r}: the paths of one request begin with {sources.UPLOADS}/ and the same folder in it."
            raise Invalid(text, target="path")
    return folder
