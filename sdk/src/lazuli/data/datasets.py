"""Saved and registered datasets of a workspace, and reading them."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import Any, Dict, Iterator, List, Mapping, Optional, cast

from lazuli.client import quote_segment
from lazuli.data import engine, sources
from lazuli.data.definitions import ALL_DIFFER
from lazuli.data.engine import Reader
from lazuli.data.errors import DatasetExecutionError
from lazuli.data.inference import HEAD_BYTES, decode_head, infer_types
from lazuli.errors import NotFound, Refused, UserErrorException
from lazuli.file_batches import save_answer
from lazuli.large_files import TRANSFER_TIMEOUT
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]


def save_dataset(workspace: WorkspaceClient, definition: Mapping[str, Any]) -> Json:
    """The saved dataset; the same one for the same definition."""
    body = {"definition": definition}
    return cast(Json, workspace.client.request("POST", workspace.path + "/datasets", json=body, repeatable=True).json())


def get_dataset(workspace: WorkspaceClient, dataset_id: str) -> Json:
    try:
        return cast(Json, workspace.client.get(f"{workspace.path}/datasets/{quote_segment(dataset_id)}"))
    except NotFound as error:
        raise UserErrorException(f"Cannot find dataset with id {dataset_id!r} in the workspace.") from error


def get_version(workspace: WorkspaceClient, name: str, version: str) -> Json:
    try:
        return cast(Json, workspace.client.get(_path_of(workspace, name, version)))
    except NotFound as error:
        text = f"Cannot find dataset registered with name {name!r} ({error.message})"
        raise UserErrorException(text, inner_exception=error) from error


def list_assets(workspace: WorkspaceClient, view: str = "ActiveOnly") -> Iterator[Json]:
    return workspace.client.items(workspace.path + "/data", {"listViewType": view})


def list_versions(workspace: WorkspaceClient, name: str) -> Iterator[Json]:
    """The versions, newest first."""
    return workspace.client.items(f"{workspace.path}/data/{quote_segment(name)}/versions")


def register_dataset(
    workspace: WorkspaceClient, name: str, definition: Mapping[str, Any], create_new_version: bool, **fields: Any
) -> Json:
    properties = {"definition": definition, "createNewVersion": create_new_version, **fields}
    answer = workspace.client.request("PUT", _path_of(workspace, name, "auto"), json={"properties": properties})
    made = cast(Json, answer.json())
    for warning in made["properties"].get("warnings") or []:
        print(f"WARNING: {warning.get('message')}", file=sys.stderr)
    return made


def update_version(workspace: WorkspaceClient, resource: Json, **fields: Any) -> Json:
    """Change description or tags."""
    given = resource["properties"]
    address = _path_of(workspace, given["assetName"], given["version"])
    is_v2 = given["kind"] == "file" and given["dataType"] != "mltable"
    content = (
        {"dataType": given["dataType"], "dataUri": given["dataUri"]} if is_v2 else {"definition": given["definition"]}
    )
    answer = workspace.client.request("PUT", address, json={"properties": {**content, **fields}})
    return cast(Json, answer.json())


def archive_asset(workspace: WorkspaceClient, name: str, is_archived: bool) -> Json:
    """Archive the asset with all its versions, or restore it."""
    body = {"properties": {"isArchived": is_archived}}
    answer = workspace.client.request("PUT", f"{workspace.path}/data/{quote_segment(name)}", json=body)
    return cast(Json, answer.json())


def deprecate_asset(workspace: WorkspaceClient, name: str, is_deprecated: bool, replaced_by: Optional[str]) -> Json:
    """Deprecate the asset with all its versions, or no longer; `replaced_by` is the name of another one."""
    body = {"properties": {"isDeprecated": is_deprecated, "replacedBy": replaced_by}}
    answer = workspace.client.request("PUT", f"{workspace.path}/data/{quote_segment(name)}", json=body)
    return cast(Json, answer.json())


def delete_asset(workspace: WorkspaceClient, name: str, version: Optional[str] = None) -> None:
    """Remove the asset, or one version of it; the files stay."""
    address = _path_of(workspace, name, version) if version else f"{workspace.path}/data/{quote_segment(name)}"
    workspace.client.request("DELETE", address)


def _path_of(workspace: WorkspaceClient, name: str, version: str) -> str:
    if not name or "/" in name:
        raise UserErrorException(f"{name!r} is not a valid dataset name: it is empty or contains a slash.")
    return f"{workspace.path}/data/{quote_segment(name)}/versions/{quote_segment(version)}"


# ---- reading


def read_frame(workspace: Optional[WorkspaceClient], definition: Mapping[str, Any], strict: bool = False) -> Any:
    """A pandas DataFrame; with `strict` a value that does not have the type of its column is an error."""
    is_query = definition["steps"][0]["type"] == "read_sql"
    if workspace is not None and (is_query or not engine.is_installed()):
        return _read_by_studio(workspace, definition, strict)
    found = sources.find_sources(workspace, definition)
    folder = tempfile.mkdtemp(prefix="lazuli-data-")
    try:
        reader = Reader(definition, sources.fetch_local(workspace, found, folder))
        try:
            if strict:
                reader.check_casts()
            return reader.to_pandas()
        finally:
            reader.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read_by_studio(workspace: WorkspaceClient, definition: Mapping[str, Any], strict: bool) -> Any:
    with tempfile.TemporaryDirectory(prefix="lazuli-data-") as folder:
        path = os.path.join(folder, "rows.parquet")
        try:
            answer = workspace.client.request(
                "POST",
                workspace.path + "/datasets/rows",
                json={"definition": definition, "strict": strict},
                stream=True,
                timeout=TRANSFER_TIMEOUT,
                repeatable=True,
            )
        except Refused as error:
            raise DatasetExecutionError(error.message) from error
        save_answer(answer, path)
        return engine.read_parquet(path)


def add_inferred_types(workspace: Optional[WorkspaceClient], definition: Json) -> Json:
    """The definition with the types of its columns, by the first rows of its first file; given types stay.

    If each file may have columns of its own, all of them count.
    """
    reader, *steps = definition["steps"]
    if reader["type"] != "read_delimited":
        return definition
    types: Json = {}
    for source in sources.find_sources(workspace, definition):
        data, is_whole = sources.read_head(workspace, source, HEAD_BYTES)
        text = decode_head(data, reader.get("encoding", "utf8"), source.display_path, is_whole)
        if text.strip():
            types = {**infer_types(text, reader, source.display_path), **types}
            if reader.get("header") != ALL_DIFFER:
                break
    if not types:
        raise DatasetExecutionError("The files of the dataset are empty.")
    given = reader.get("column_types") or {}
    if unknown := [name for name in given if name not in types]:
        raise DatasetExecutionError(
            f"There is no column {unknown[0]!r}. The columns are {', '.join(list(types)[:30])}."
        )
    return dict(definition, steps=[dict(reader, column_types={**types, **given}), *steps])


def list_inside(workspace: Optional[WorkspaceClient], definition: Mapping[str, Any]) -> List[str]:
    return ["/" + source.inside for source in sources.find_sources(workspace, definition)]
