"""Data assets over REST: v2's routes, and those with which SDK v1 saves and finds datasets."""

import re
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import FileResponse, HttpRequest
from ninja import Path, Router, Status

from assets.data import data_resources, datasets, exports, misfits, quality
from assets.data.models import DataAsset, DataVersion
from studio import api
from studio.errors import Invalid
from studio.schemas import Nothing, bytes_response, list_of
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace, find_workspace_as_person

router = Router(tags=["data"])
saved = Router(tags=["data"])
PARQUET = "application/vnd.apache.parquet"
SEPARATOR = re.compile(r"""[^\n\r\0"]{1,4}""")
KINDS = ("uri_file", "uri_folder", "mltable")
VIEWS: dict[str, dict[str, Any]] = {
    "ActiveOnly": {"archived_at": None},
    "ArchivedOnly": {"archived_at__isnull": False},
    "All": {},
}


def list_assets(workspace):
    """The names with a version, each with `newest_pk`; `add_newest` adds the rows."""
    newest = DataVersion.objects.filter(asset=OuterRef("pk")).order_by("-number", "-pk").values("pk")[:1]
    rows = (
        DataAsset.objects.filter(workspace=workspace).annotate(newest_pk=Subquery(newest)).select_related("replaced_by")
    )
    return rows.exclude(newest_pk=None).order_by("name")


def add_newest(workspace, assets):
    """The row of the newest version of each, as `newest`."""
    rows = DataVersion.objects.select_related("created_by").in_bulk([asset.newest_pk for asset in assets])
    for asset in assets:
        asset.workspace, asset.newest = workspace, rows[asset.newest_pk]
        asset.newest.workspace, asset.newest.asset = workspace, asset
    return assets


@router.get("", response=list_of(data_resources.DataContainer), summary="List the data assets")
def data_list(request: HttpRequest, workspace_path: Path[WorkspacePath], listViewType: str = "ActiveOnly"):
    workspace = find_workspace(request, workspace_path)
    found, next_link = api.cut_page(request, list_assets(workspace).filter(**_read_view(listViewType)))
    value = [data_resources.DataContainer.of(asset) for asset in add_newest(workspace, found)]
    return list_of(data_resources.DataContainer)(value=value, nextLink=next_link)


def _read_view(text: str) -> dict[str, Any]:
    if text not in VIEWS:
        raise Invalid(f"listViewType is {text[:60]!r}; write {' or '.join(VIEWS)}.", target="listViewType")
    return VIEWS[text]


@router.get("/{name}", response=data_resources.DataContainer, summary="Get a data asset")
def data_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path)
    return _container(workspace, name)


def _container(workspace: Workspace, name: str) -> data_resources.DataContainer:
    newest = datasets.find_version(workspace, name)
    newest.named_asset.newest = newest
    return data_resources.DataContainer.of(newest.named_asset)


@router.put(
    "/{name}",
    response=data_resources.DataContainer,
    summary="Archive or restore a data asset, deprecate it, or set its quality rules",
)
def data_edit(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: data_resources.DataContainerUpdate
):
    workspace = find_workspace(request, workspace_path, "edit")
    asset, wanted = datasets.find_asset(workspace, name), body.properties.isArchived
    if wanted is not None and wanted != bool(asset.archived_at):
        asset.archive(request.auth, wanted)
    _change_deprecation(request, asset, body.properties)
    if body.properties.qualityRules is not None:
        asset.set_quality_rules(request.auth, quality.check_rules(body.properties.qualityRules))
    return _container(workspace, name)


def _change_deprecation(
    request: HttpRequest, asset: DataAsset, given: data_resources.DataContainerPropertiesUpdate
) -> None:
    if given.replacedBy and not given.isDeprecated:
        raise Invalid("replacedBy needs isDeprecated: true.", target="properties/replacedBy")
    if given.isDeprecated:
        other = datasets.find_asset(asset.workspace, given.replacedBy) if given.replacedBy else None
        asset.deprecate(request.auth, other)
    elif given.isDeprecated is False and asset.deprecated_at:
        asset.undo_deprecation(request.auth)


@router.delete("/{name}", response=Nothing, summary="Remove a data asset with its versions; their files stay")
def data_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path, "edit")
    datasets.find_asset(workspace, name).remove(request.auth)
    return {}


@router.get(
    "/{name}/versions", response=list_of(data_resources.DataVersionBase), summary="List the versions, newest first"
)
def version_list(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, listViewType: str = "ActiveOnly"
):
    workspace = find_workspace(request, workspace_path)
    asset = datasets.find_asset(workspace, name)
    related = ("created_by", "asset__workspace__resource_group__subscription", "asset__replaced_by", "workspace")
    rows = asset.versions.select_related(*related)
    return api.paginate(request, rows.filter(**_read_view(listViewType)), data_resources.DataVersionBase)


@router.get(
    "/{name}/versions/{version}",
    response=data_resources.DataVersionBase,
    summary="Get a version; `latest` is the newest",
)
def version_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    workspace = find_workspace(request, workspace_path)
    return data_resources.DataVersionBase.of(datasets.find_version(workspace, name, version))


@router.get(
    "/{name}/versions/{version}/quality",
    response=data_resources.QualityCheck,
    summary="Get the last check of a version by the quality rules of its asset",
)
def version_quality(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    workspace = find_workspace(request, workspace_path)
    found = datasets.find_version(workspace, name, version)
    return data_resources.QualityCheck.of(quality.find_results([found]).get(found.pk))


@router.put(
    "/{name}/versions/{version}",
    response={200: data_resources.DataVersionBase, 201: data_resources.DataVersionBase},
    summary="Register a version, or change description and tags of one; `auto` takes the next number",
)
def version_put(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    version: str,
    body: data_resources.DataVersionUpdate,
):
    workspace = find_workspace_as_person(request, workspace_path, "edit")
    given = body.properties
    fields = {**given.model_dump(include={"description", "tags", "properties"}), **_read_content(workspace, given)}
    row, is_new = datasets.register_dataset(
        request.auth, workspace, name, version, fields, create_new_version=given.createNewVersion
    )
    if not is_new:
        _edit(request, row, given)
        return Status(200, data_resources.DataVersionBase.of(row))
    found = misfits.check_version(row, request.auth.user)
    text = misfits.describe_misfits(found) if found else ""
    return Status(201, data_resources.DataVersionBase.of(row, [text] if text else []))


def _read_content(workspace: Workspace, given: data_resources.DataVersionPropertiesUpdate) -> dict:
    if given.definition is not None:
        return {"kind": given.definition.get("kind"), "definition": given.definition}
    if given.dataType not in KINDS:
        raise Invalid(f"dataType is {given.dataType!r}; write {' or '.join(KINDS)}.", target="properties/dataType")
    if not given.dataUri:
        raise Invalid("dataUri is missing.", target="properties/dataUri")
    definition = datasets.read_uri(workspace, given.dataType, given.dataUri)
    return {"kind": given.dataType, "definition": definition, "uri": given.dataUri}


def _edit(request: HttpRequest, row: DataVersion, given: data_resources.DataVersionPropertiesUpdate) -> None:
    changed = {
        name: getattr(given, name)
        for name in ("description", "tags", "properties")
        if getattr(given, name) is not None and getattr(given, name) != getattr(row, name)
    }
    if changed and not request.auth.is_run:
        row.edit(request.auth, **changed)
    if given.isArchived is not None and given.isArchived != bool(row.archived_at) and not request.auth.is_run:
        row.archive(request.auth, given.isArchived)


@router.delete("/{name}/versions/{version}", response=Nothing, summary="Remove a version; its files stay")
def version_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    workspace = find_workspace(request, workspace_path, "edit")
    datasets.find_version(workspace, name, version).remove(request.auth)
    return {}


@saved.post(
    "",
    response=data_resources.DataVersionBase,
    summary="Save a dataset without a name; the same one for the same steps",
)
def dataset_save(request: HttpRequest, workspace_path: Path[WorkspacePath], body: data_resources.DatasetUpdate):
    workspace = find_workspace_as_person(request, workspace_path, "edit")
    return data_resources.DataVersionBase.of(datasets.save_dataset(request.auth, workspace, body.definition))


@saved.post(
    "/rows",
    summary="Get the rows of a table as a parquet file, or with `separator` as delimited text",
    openapi_extra=bytes_response(PARQUET, 200),
)
def dataset_rows(request: HttpRequest, workspace_path: Path[WorkspacePath], body: data_resources.DatasetRowsRequest):
    workspace = find_workspace(request, workspace_path)
    definition = datasets.check_dataset(workspace, body.definition)
    if definition["kind"] != "tabular":
        raise Invalid("Only a table has rows.", target="definition/kind")
    datasets.check_query_allowed(request.auth, workspace, definition)
    if body.separator is not None and not SEPARATOR.fullmatch(body.separator):
        raise Invalid("separator: write 1 to 4 characters without line breaks and quotes.", target="separator")
    rows = exports.open_rows(workspace, definition, body.strict, body.separator)
    return FileResponse(rows, content_type="text/csv" if body.separator else PARQUET)


@saved.get("/{dataset_id}", response=data_resources.DataVersionBase, summary="Get a dataset by its id")
def dataset_read(request: HttpRequest, workspace_path: Path[WorkspacePath], dataset_id: str):
    workspace = find_workspace(request, workspace_path)
    return data_resources.DataVersionBase.of(datasets.find_dataset(workspace, dataset_id))
