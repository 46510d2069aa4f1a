"""Models over REST: containers and versions, in the terms of Azure's v2."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Path, Router, Status

from registry import access, registration, resources, rules, sources
from registry.models import Model, ModelVersion
from studio import api
from studio.errors import Conflict, Invalid
from studio.schemas import Nothing, list_of
from workspaces.workspace_path import WorkspacePath

router = Router(tags=["models"])
# The version that takes the next number.
AUTO = "auto"
VIEWS: dict[str, dict[str, Any]] = {
    "ActiveOnly": {"archived_at": None},
    "ArchivedOnly": {"archived_at__isnull": False},
    "All": {},
}
COLUMNS = {
    "framework": "framework",
    "frameworkVersion": "framework_version",
    "flavors": "flavors",
    "sampleInputDatasetId": "sample_input",
    "sampleOutputDatasetId": "sample_output",
}


def filter_archived(request: HttpRequest, rows):
    """Models of `?listViewType=`, by default those that are not archived."""
    view = request.GET.get("listViewType") or "ActiveOnly"
    if view not in VIEWS:
        raise Invalid(f"listViewType={view[:40]!r}: write {', '.join(VIEWS)}.", target="listViewType")
    return rows.filter(**VIEWS[view])


@router.get("", response=list_of(resources.ModelContainer), summary="List the models, by name")
def model_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = access.open_workspace(request, workspace_path)
    rows = Model.objects.present().with_newest().filter(workspace=workspace)
    rows = rows.select_related("created_by", "workspace__resource_group__subscription")
    return api.paginate(request, filter_archived(request, rows), resources.ModelContainer)


@router.get("/{name}", response=resources.ModelContainer, summary="A model")
def model_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.ModelContainer.of(access.find_model(request, workspace_path, name))


@router.put(
    "/{name}",
    response={200: resources.ModelContainer, 201: resources.ModelContainer},
    summary="Make a model without versions, or change one; archiving it archives its versions too",
)
def model_put(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.ModelContainerUpdate
):
    workspace = access.open_workspace(request, workspace_path, "edit")
    given = body.properties
    is_new = not Model.objects.present().filter(workspace=workspace, name=name).exists()
    with transaction.atomic():
        if is_new:
            Model.objects.register(request.auth, workspace, rules.MODEL_NAME.check(name))
        model = access.find_model(request, workspace_path, name, "edit")
        if given.description is not None:
            model.set_description(given.description)
        if given.tags is not None:
            model.set_tags(given.tags)
        if given.isArchived is not None and given.isArchived != (model.archived_at is not None):
            model.set_archived(given.isArchived, request.auth)
    return Status(201 if is_new else 200, resources.ModelContainer.of(model))


@router.delete("/{name}", response=Nothing, summary="Move a model with its versions to the trash")
def model_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    access.find_model(request, workspace_path, name, "edit").move_to_trash(request.auth)
    return {}


@router.get(
    "/{name}/versions", response=list_of(resources.ModelVersion), summary="List the versions of a model, newest first"
)
def version_list(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, stage: str = ""):
    model = access.find_model(request, workspace_path, name)
    rows = filter_archived(request, model.versions.present().with_related())
    if stage:
        rows = rows.filter(stage=rules.STAGE.check(stage))
    return api.paginate(request, rows, resources.ModelVersion)


@router.get(
    "/{name}/versions/{version}",
    response=resources.ModelVersion,
    summary="A version of a model; `latest` is the newest, and an alias names one too",
)
def version_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    return resources.ModelVersion.of(access.find_version(request, workspace_path, name, version))


@router.put(
    "/{name}/versions/{version}",
    response={200: resources.ModelVersion, 201: resources.ModelVersion},
    summary="Register a version, or change what may change of one; `auto` takes the next number",
)
def version_put(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    version: str,
    body: resources.ModelVersionUpdate,
):
    workspace = access.open_workspace(request, workspace_path, "edit")
    given, number = body.properties, None if version == AUTO else rules.parse_version(version)
    present = workspace.model_versions.present().filter(model__name=name, model__deleted_at=None, number=number)
    if number and present.exists():
        row = access.find_version(request, workspace_path, name, version, "edit")
        check_same_files(row, given.modelUri)
        change_version(request, row, given)
        return Status(200, resources.ModelVersion.of(row))
    with transaction.atomic():
        made = registration.register_version(
            request.auth,
            workspace,
            name,
            given.modelUri,
            number=number,
            model_type=given.modelType or "",
            description=given.description or "",
            tags=given.tags or {},
            properties=given.properties or {},
            **_columns(given),
        )
        if given.stage and given.stage != made.stage:
            made.transition_to(given.stage, request.auth)
        if given.isArchived:
            made.set_archived(True, request.auth)
    return Status(201, resources.ModelVersion.of(made))


def _columns(given) -> dict:
    found = {column: getattr(given, name, None) for name, column in COLUMNS.items()}
    if given.datasets is not None:
        found["datasets"] = [one.model_dump() for one in given.datasets]
    if given.resourceRequirements is not None:
        found["resources"] = given.resourceRequirements.model_dump(exclude_none=True)
    return {column: value for column, value in found.items() if value is not None}


def check_same_files(row: ModelVersion, uri: str) -> None:
    """Files never change; a client that changes a tag sends the address of the files with it."""
    same = (row.source, resources.uri_of(row))
    if uri not in same and sources.parse_source(uri) != sources.parse_source(row.source):
        raise Conflict(
            f"The version {row} exists, and the files of a version never change. Register a new version.",
            target="modelUri",
        )


def change_version(request: HttpRequest, row: ModelVersion, given) -> None:
    with transaction.atomic():
        row.edit(description=given.description, tags=given.tags, properties=given.properties or None, **_columns(given))
        if given.stage is not None and given.stage != row.stage:
            row.transition_to(given.stage, request.auth)
        if given.isArchived is not None and given.isArchived != (row.archived_at is not None):
            row.set_archived(given.isArchived, request.auth)


@router.patch("/{name}/versions/{version}", response=resources.ModelVersion, summary="Change a version of a model")
def version_patch(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    version: str,
    body: resources.ModelVersionPatch,
):
    row, given = access.find_version(request, workspace_path, name, version, "edit"), body.properties
    with transaction.atomic():
        change_version(request, row, given)
        for alias in given.addAliases:
            row.model.set_alias(alias, row.number, request.auth)
        for alias in given.removeAliases:
            if row.model.aliases.get(alias) != row.number:
                raise Invalid(f"The version {row} does not have the alias {alias!r}.", target="removeAliases")
            row.model.remove_alias(alias, request.auth)
    return resources.ModelVersion.of(row)


@router.delete("/{name}/versions/{version}", response=Nothing, summary="Move a version of a model to the trash")
def version_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    access.find_version(request, workspace_path, name, version, "edit").move_to_trash(request.auth)
    return {}
