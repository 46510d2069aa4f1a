"""A version of a model keeps its files: what happens when files of a job, a logged model or the workspace change.

Before a file of a job is added, replaced or continued, the versions to which it belongs get copies of all their files as
they are; so does a version whose signature or input example is edited (registry/signature_edits.py). Files that MLflow's
clients delete, and those of the workspace and of logged models, stay as they are instead.
"""

from collections.abc import Collection, Sequence

from django.db import transaction

from registry import sources
from registry.models import LoggedModel, ModelFile, ModelVersion, WorkspaceFile
from registry.version_files import ModelFiles, files_of, own_path, stream_file
from runs.models import Artifact, Run
from studio import storage
from studio.errors import Conflict
from workspaces.models import Workspace

# Files of a version that are copied in one request.
MAX_FILES = 50_000
# Stores do not copy larger objects by one request.
MAX_COPIED_BYTES = 4 * 1024**3


def keep_files(run: Run, paths: Sequence[str]) -> None:
    """Give the versions to which one of the paths belongs copies of their files."""
    for version in _versions_with_files(run, paths, ModelVersion.objects.all()):
        _keep_copies(version)


def check_deletable(artifact: Artifact) -> None:
    """Raise Conflict if a version that is not in the trash uses the file; those in the trash get copies."""
    for version in _versions_with_files(artifact.run, [artifact.path], ModelVersion.objects.present()):
        raise _in_use(artifact.path, version)
    keep_files(artifact.run, [artifact.path])


def _versions_with_files(run: Run, paths: Sequence[str], versions) -> list[ModelVersion]:
    """The versions whose files are in the run, with one of these among them."""
    found = []
    for version in versions.filter(run=run.pk, own_folder="").select_related("workspace", "model", "logged_model"):
        source = sources.parse_source(version.source)
        if version.logged_model or source.kind != "run":
            continue
        if any(sources.is_below(path, source.path) for path in paths):
            found.append(version)
    return found


def _keep_copies(version: ModelVersion) -> None:
    files, folder = files_of(version), sources.new_upload_folder()
    if files is None:
        return
    try:
        rows = copy_files(version, files, folder)
    except FileNotFoundError:
        # Another request has just copied them, and has then replaced one.
        if not ModelVersion.objects.filter(pk=version.pk).exclude(own_folder="").exists():
            raise
        return
    replace_files(version, folder, rows)


def copy_files(
    version: ModelVersion, files: ModelFiles, folder: str, without: Collection[str] = ()
) -> list[WorkspaceFile]:
    """Copy the files of a version for a folder of its own, except those at some paths of the model. The rows are not
    stored yet."""
    if files.rows.count() > MAX_FILES:
        raise Conflict(
            f"{version} has more than {MAX_FILES:,} files, which this would change. Use another folder.", target="path"
        )
    root = own_path(version, folder)
    wanted = ((path, file) for path, file in files if path not in without)
    return [_copy_file(version, file, root if files.is_file else f"{root}/{path}") for path, file in wanted]


def _copy_file(version: ModelVersion, file: Artifact | ModelFile | WorkspaceFile, path: str) -> WorkspaceFile:
    segments = (
        list(file.segments.values_list("key", "size")[:2]) if isinstance(file, Artifact) else [(file.key, file.size)]
    )
    copy = WorkspaceFile.build(version.workspace, path, file.size, version.made_by_run)
    if len(segments) == 1 and segments[0][1] == file.size <= MAX_COPIED_BYTES:
        storage.copy_object(segments[0][0], copy.key)
    else:
        storage.put_stream(copy.key, stream_file(file))
    return copy


def replace_files(version: ModelVersion, folder: str, rows: list[WorkspaceFile]) -> bool:
    """Make these the files of a version, if no other request has given it others meanwhile."""
    chosen = ModelVersion.objects.filter(pk=version.pk, own_folder=version.own_folder)
    with transaction.atomic():
        is_first = bool(chosen.update(own_folder=folder))
        if is_first:
            WorkspaceFile.objects.bulk_create(rows, batch_size=500)
    if is_first:
        version.own_folder = folder
    else:
        storage.delete_keys([row.key for row in rows])
    return is_first


def check_changeable(workspace: Workspace, files: list[WorkspaceFile]) -> None:
    """Raise Conflict if a version uses one of the workspace's files, also one in the trash."""
    folders = {sources.find_upload_folder(file.path): file.path for file in files}
    own = ModelVersion.objects.filter(workspace=workspace, own_folder__in=folders).exclude(own_folder="")
    for version in own.select_related("model"):
        raise _in_use(folders[version.own_folder], version)
    for root in {_find_root(file.path) for file in files}:
        versions = ModelVersion.objects.filter(workspace=workspace, source__contains=f"/{root}")
        for version in versions.select_related("model"):
            source = sources.parse_source(version.source)
            used = [file for file in files if source.kind == "workspace" and sources.is_below(file.path, source.path)]
            if used:
                raise _in_use(used[0].path, version)


def _find_root(path: str) -> str:
    """A text that the source of a version with this file contains; of uploads the folder, because many versions have some."""
    root = path.split("/")[0]
    return sources.find_upload_folder(path) if root == sources.UPLOADS else root


def check_upload_open(workspace: Workspace, folder: str) -> None:
    """Raise Conflict if a version has files of the folder of an upload, also one in the trash."""
    versions = ModelVersion.objects.filter(workspace=workspace).select_related("model")
    for version in versions.filter(source__contains=folder) | versions.filter(own_folder=folder):
        source = sources.parse_source(version.source)
        if version.own_folder == folder or (source.kind == "workspace" and sources.is_below(source.path, folder)):
            raise _in_use(folder, version)


def check_model_changeable(model: LoggedModel, path: str) -> None:
    """Raise Conflict if a version has the files of the logged model, also one in the trash."""
    version = model.versions.select_related("model").first()
    if version is not None:
        text = f"{path} would change the model {version.model.name}, version {version.number}. Log a new model."
        raise Conflict(text, code="in_use", target="path")


def _in_use(path: str, version: ModelVersion) -> Conflict:
    how = "Delete that first" if version.deleted_at is None else "It is in the trash; delete it permanently first"
    text = f"{path} belongs to the model {version.model.name}, version {version.number}. {how}."
    return Conflict(text, code="in_use", target="path")
