"""Versions of models that are registered from files of a datastore get copies of them, because those may change."""

import contextlib

from accounts.actors import Actor
from assets.data.models import Datastore
from assets.data.share_files import open_files
from assets.data.stores import DatastoreFiles, File
from registry import sources
from registry.kept_files import MAX_COPIED_BYTES, MAX_FILES
from registry.models import WorkspaceFile
from studio import storage
from studio.errors import Invalid
from workspaces.models import Workspace


def copy_files(actor: Actor, workspace: Workspace, source: sources.ModelSource) -> str:
    """Copy the file or folder, and return the folder of the copies among the workspace's own files."""
    datastore = Datastore.objects.of(workspace).filter(name__iexact=source.name).first()
    if datastore is None:
        raise Invalid(f"The workspace has no datastore {source.name!r}.", target="modelUri")
    datastore.workspace = workspace
    files, folder = open_files(datastore, actor.user), sources.new_upload_folder()
    rows: list[WorkspaceFile] = []
    with contextlib.ExitStack() as undo:
        undo.callback(lambda: storage.delete_keys([row.key for row in rows]))
        for file in _find_files(files, source.path):
            rows.append(WorkspaceFile.build(workspace, f"{folder}/{file.path}", file.size or 0, actor.run_id))
            _copy_file(files, file, rows[-1].key)
        WorkspaceFile.objects.bulk_create(rows, batch_size=500)
        undo.pop_all()
    return folder


def _find_files(files: DatastoreFiles, path: str) -> list[File]:
    found = [files.find(path)] if files.exists(path) else files.walk(f"{path}/", MAX_FILES)
    if not found:
        text = f"The datastore {files.datastore.name} has no file or folder {path!r}."
        raise Invalid(text, code="ModelPathNotFound", target="modelUri")
    return found


def _copy_file(files: DatastoreFiles, file: File, key: str) -> None:
    if files.has_key(file.path) and (file.size or 0) <= MAX_COPIED_BYTES:
        storage.copy_object(files.key_of(file.path), key)
    else:
        storage.put_stream(key, files.read_parts(file))


def discard_copies(workspace: Workspace, folder: str) -> None:
    """Delete copies that no version has."""
    rows = list(WorkspaceFile.objects.filter(workspace=workspace).below(folder))
    storage.delete_keys(WorkspaceFile.objects.remove(rows))
