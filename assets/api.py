"""Environments over REST, in Azure's format."""

from django.http import HttpRequest
from ninja import Path, Router, Status

from assets import environments, resources
from assets.models import Environment
from studio import api
from studio.schemas import Nothing, list_of
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["environments"])


@router.get(
    "",
    response=list_of(resources.EnvironmentContainer),
    summary="List the workspace's own environments, then the curated ones",
)
def environment_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = find_workspace(request, workspace_path)
    own = Environment.objects.filter(workspace=workspace).prefetch_related("versions").exclude(versions=None)
    rows = [row.versions.all()[0] for row in own] + list(environments.curated_environments().values())
    return api.paginate(
        request, rows, resources.EnvironmentContainer, lambda row: resources.EnvironmentContainer.of(row, workspace)
    )


@router.get("/{name}", response=resources.EnvironmentContainer, summary="Get an environment")
def environment_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path)
    row = environments.find_version(workspace, name, environments.LATEST)
    return resources.EnvironmentContainer.of(row, workspace)


@router.delete("/{name}", response=Nothing, summary="Delete an environment with its versions")
def environment_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path, "edit")
    environments.remove_environment(environments.find_version(workspace, name, environments.LATEST))
    return {}


@router.get(
    "/{name}/versions",
    response=list_of(resources.EnvironmentVersion),
    summary="List the versions of an environment, newest first",
)
def version_list(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path)
    newest = environments.find_version(workspace, name, environments.LATEST)
    rows = [newest] if newest.pk is None else newest.environment.versions.select_related("environment", "created_by")
    return api.paginate(
        request, rows, resources.EnvironmentVersion, lambda row: resources.EnvironmentVersion.of(row, workspace)
    )


@router.get(
    "/{name}/versions/{version}",
    response=resources.EnvironmentVersion,
    summary="Get a version of an environment; `latest` is the newest",
)
def version_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    workspace = find_workspace(request, workspace_path)
    row = environments.find_version(workspace, name, version)
    return resources.EnvironmentVersion.of(row, workspace)


@router.put(
    "/{name}/versions/{version}",
    response={200: resources.EnvironmentVersion, 201: resources.EnvironmentVersion},
    summary="Create a version; `auto` takes the next number, or the current version if nothing changed",
)
def version_put(
    request: HttpRequest,
    workspace_path: Path[WorkspacePath],
    name: str,
    version: str,
    body: resources.EnvironmentVersionUpdate,
):
    workspace = find_workspace(request, workspace_path, "edit")
    properties = body.properties.model_dump()
    row, is_new = environments.register_version(workspace, request.auth.user, name, version, properties)
    return Status(201 if is_new else 200, resources.EnvironmentVersion.of(row, workspace))


@router.delete("/{name}/versions/{version}", response=Nothing, summary="Delete a version of an environment")
def version_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str):
    workspace = find_workspace(request, workspace_path, "edit")
    environments.remove_version(environments.find_version(workspace, name, version))
    return {}
