"""Objects of the registry that a purge deletes and keeps: see studio/purging.py."""

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from registry import sources
from registry.models import LoggedModel, Model, ModelFile, ModelVersion, WorkspaceFile
from runs.purging import empty_experiments
from studio import purging
from studio.purging import FOLDERS, NEEDED_RUNS, STEPS, PurgeSelection, PurgeStep, StorageFolder, StoredFile


def delete_logged_models(selection: PurgeSelection) -> list[StoredFile] | None:
    """Deletes logged models that were deleted or whose experiment is deleted, unless they have a registered version."""
    chosen = Q(experiment__in=empty_experiments(selection).values("pk"))
    if selection.until:
        chosen |= Q(deleted_at__lte=selection.until)
    found = LoggedModel.objects.filter(chosen, workspace=selection.workspace_id, versions=None)
    pks = list(found.order_by("pk").values_list("pk", flat=True)[: purging.BATCH])
    files = list(ModelFile.objects.filter(model__in=pks).values_list("key", "size"))
    LoggedModel.objects.filter(pk__in=pks).delete()
    return files if pks else None


def delete_models(selection: PurgeSelection) -> list[StoredFile] | None:
    """Deletes versions and models that were in the trash, with the uploads that no other version has."""
    if not selection.until:
        return None
    versions = list(_versions_to_delete(selection).order_by("pk")[: purging.BATCH])
    if versions:
        own = [folder for version in versions if (folder := version.own_folder)]
        uris = {version.source for version in versions}
        ModelVersion.objects.filter(pk__in=[version.pk for version in versions]).delete()
        return _delete_uploads(selection.workspace_id, uris) + _delete_folders(selection.workspace_id, own)
    models = Model.objects.filter(workspace=selection.workspace_id, deleted_at__lte=selection.until, versions=None)
    pks = list(models.order_by("pk").values_list("pk", flat=True)[: purging.BATCH])
    Model.objects.filter(pk__in=pks).delete()
    return [] if pks else None


def _versions_to_delete(selection: PurgeSelection) -> QuerySet:
    """The versions in the trash, without originals of copies, which have the same files."""
    number = Cast(OuterRef("number"), CharField())
    source = Concat(Value("models:/"), OuterRef("model__name"), Value("/"), number)
    copies = ModelVersion.objects.filter(workspace=OuterRef("workspace"), source=source)
    copies = copies.filter(created_at__gte=OuterRef("created_at")).exclude(pk=OuterRef("pk"))
    gone = ModelVersion.objects.filter(workspace=selection.workspace_id, deleted_at__lte=selection.until)
    return gone.exclude(Exists(copies))


def models_to_delete(selection: PurgeSelection) -> QuerySet:
    """Models in the trash, and those of which a version is."""
    if not selection.until:
        return Model.objects.none()
    versions = _versions_to_delete(selection).values("model")
    old = Q(deleted_at__lte=selection.until, versions=None) | Q(pk__in=versions)
    return Model.objects.filter(old, workspace=selection.workspace_id)


def _delete_uploads(workspace_id: int, uris: set[str]) -> list[StoredFile]:
    kept = set(ModelVersion.objects.filter(workspace=workspace_id, source__in=uris).values_list("source", flat=True))
    parsed = [sources.parse_source(uri) for uri in uris - kept]
    uploads = [one.path for one in parsed if one.kind == "workspace" and one.path.startswith(f"{sources.UPLOADS}/")]
    return _delete_folders(workspace_id, [sources.find_upload_folder(path) for path in uploads])


def _delete_folders(workspace_id: int, folders: list[str]) -> list[StoredFile]:
    found: list[WorkspaceFile] = []
    for folder in set(folders) - _find_used_folders(workspace_id, folders):
        found += WorkspaceFile.objects.filter(workspace=workspace_id).below(folder)
    WorkspaceFile.objects.remove(found)
    return [(file.key, file.size) for file in found]


def _find_used_folders(workspace_id: int, folders: list[str]) -> set[str]:
    """The folders of uploads that versions have, among these; a version can be registered from the copies of another."""
    if not folders:
        return set()
    versions = ModelVersion.objects.filter(workspace=workspace_id)
    used = versions.filter(source__contains=f"{sources.UPLOADS}/").values_list("source", flat=True)
    found = {sources.find_upload_folder(sources.parse_source(source).path) for source in used.iterator()}
    return found | set(versions.filter(own_folder__in=folders).values_list("own_folder", flat=True))


def runs_of_versions(workspace_id: int) -> QuerySet:
    versions = ModelVersion.objects.filter(model__workspace=workspace_id).exclude(run=None)
    return versions.order_by().values_list("run", flat=True)


def keys_of_model_files(keys: list[str], models: set[int]) -> QuerySet:
    return ModelFile.objects.filter(model__in=models).values_list("key", flat=True)


def delete_workspace_files(selection: PurgeSelection) -> list[StoredFile] | None:
    """Delete files of the workspace, which are only deleted with it."""
    found = WorkspaceFile.objects.filter(workspace=selection.workspace_id if selection.whole_workspace else None)
    files = list(found[: purging.BATCH])
    WorkspaceFile.objects.remove(files)
    return [(file.key, file.size) for file in files] or None


def keys_of_workspace_files(keys: list[str], owners: set[int]) -> QuerySet:
    return WorkspaceFile.objects.filter(key__in=keys).values_list("key", flat=True)


def register() -> None:
    STEPS.extend(
        [PurgeStep(15, delete_models), PurgeStep(20, delete_logged_models), PurgeStep(25, delete_workspace_files)]
    )
    FOLDERS.append(StorageFolder("files", keys_of_workspace_files))
    NEEDED_RUNS.append(runs_of_versions)
    FOLDERS.append(StorageFolder("models", keys_of_model_files, LoggedModel.objects.all))
