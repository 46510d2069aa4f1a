"""Environments in Azure's shapes."""

from django.http import Http404, HttpRequest
from ninja import Path, Router, Status

from assets import environments, schemas
from assets.models import Environment, EnvironmentVersion
from studio import api, request_body
from studio.errors import Denied, Invalid
from studio.schemas import Nothing, documented
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, require_workspace

router = Router(tags=["environments"])
TYPE = "Microsoft.MachineLearningServices/workspaces/environments"
VERSION = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["properties"],
                    "properties": {
                        "properties": {
                            "type": "object",
                            "properties": {
                                "image": {"type": "string"},
                                "condaFile": {"type": "string"},
                                "description": {"type": "string"},
                                "tags": {"type": "object"},
                                "definition": {"type": "object"},
                            },
                        }
                    },
                }
            }
        },
    }
}


@router.get(
    "",
    response=documented(schemas.EnvironmentContainerList),
    summary="The workspace's own environments, then the curated ones",
)
def environment_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = require_workspace(request, workspace_path)
    own = Environment.objects.filter(workspace=workspace).prefetch_related("versions").exclude(versions=None)
    rows = [row.versions.all()[0] for row in own] + list(environments.curated_environments().values())
    return api.paginate_described(request, rows, lambda row: _environment(workspace, row))


@router.get("/{name}", response=documented(schemas.EnvironmentContainer), summary="An environment")
def environment_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = require_workspace(request, workspace_path)
    return _environment(workspace, environments.find_version(workspace, name, environments.LATEST))


@router.delete("/{name}", response=documented(Nothing), summary="Delete an environment with its versions")
def environment_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = require_workspace(request, workspace_path, "edit")
    _check_own(name)
    found = Environment.objects.filter(workspace=workspace, name=name).first()
    if found is None:
        raise Http404(f"There is no environment {name!r}.")
    found.delete()
    return {}


@router.get(
    "/{name}/versions",
    response=documented(schemas.EnvironmentVersionList),
    summary="The versions of an environment, newest first",
)
def version_list(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = require_workspace(request, workspace_path)
    newest = environments.find_version(workspace, name, environments.LATEST)
    rows = [newest] if newest.pk is None else newest.environment.versions.select_related("environment", "created_by")
    return api.paginate_described(request, rows, lambda row: _version(workspace, row))


@router.get(
    "/{name}/versions/{version}",
    response=documented(schemas.EnvironmentVersion),
    summary="A version of an environment; `latest` is the newest",
)
def version_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    workspace = require_workspace(request, workspace_path)
    return _version(workspace, environments.find_version(workspace, name, version))


@router.put(
    "/{name}/versions/{version}",
    response={200: documented(schemas.EnvironmentVersion), 201: documented(schemas.EnvironmentVersion)},
    summary="Make a version; `auto` takes the next number, or the present version if nothing changed",
    openapi_extra=VERSION,
)
def version_put(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    workspace = require_workspace(request, workspace_path, "edit")
    properties = request_body.read_body(request).get("properties")
    if not isinstance(properties, dict):
        raise Invalid("Write the environment as `properties`.", target="properties")
    row, is_new = environments.register_version(workspace, request.auth.user, name, version, properties)
    return Status(201 if is_new else 200, _version(workspace, row))


@router.delete("/{name}/versions/{version}", response=documented(Nothing), summary="Delete a version of an environment")
def version_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    workspace = require_workspace(request, workspace_path, "edit")
    _check_own(name)
    row = environments.find_version(workspace, name, version)
    row.delete()
    if not row.environment.versions.exists():
        row.environment.delete()
    return {}


def _check_own(name: str) -> None:
    if name in environments.curated_environments():
        raise Denied(f"{name} is a curated environment; it cannot be deleted.")


def _environment(workspace: Workspace, row: EnvironmentVersion) -> dict:
    arm_id = f"{workspace.arm_id}/environments/{row.environment.name}"
    properties = {**_properties(row), "latestVersion": row.version}
    return {
        "id": f"{arm_id}/versions/{row.version}",
        "name": row.environment.name,
        "type": TYPE,
        "properties": properties,
    }


def _version(workspace: Workspace, row: EnvironmentVersion) -> dict:
    created = {"createdAt": row.created_at.isoformat(), "createdBy": row.created_by and row.created_by.label}
    return {
        "id": f"{workspace.arm_id}/environments/{row.environment.name}/versions/{row.version}",
        "name": row.version,
        "type": f"{TYPE}/versions",
        "properties": _properties(row),
        "systemData": created,
    }


def _properties(row: EnvironmentVersion) -> dict:
    return {
        "image": environments.read_image(row.definition),
        "condaFile": environments.format_conda(row.definition),
        "description": row.description,
        "tags": row.tags,
        "definition": {**row.definition, "version": row.version},
        "isAnonymous": False,
        "isArchived": False,
        "environmentType": "UserCreated" if row.pk else "Curated",
    }
