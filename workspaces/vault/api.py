"""The key vault of a workspace over REST. Who may read a secret: `Secret.read` in workspaces/vault/models.py."""

from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest
from ninja import Path, Router

from studio.api import paginate
from studio.schemas import Nothing, list_of
from workspaces.vault import resources
from workspaces.vault.models import Secret, SecretVersion
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["Key vault"])


def find_secret(workspace, name: str) -> Secret:
    secret = workspace.secrets.readable().filter(name__iexact=name).first()
    if secret is None:
        raise Http404(f"There is no secret '{name}' in the key vault of {workspace.name}.")
    secret.workspace = workspace
    return secret


def find_version(secret: Secret, version: str) -> SecretVersion:
    """The newest unless a version is named."""
    versions = secret.versions.select_related("created_by")
    found = (versions.filter(version=version) if version else versions).first()
    if found is None:
        raise Http404(f"The secret {secret.name} has no version '{version}'.")
    found.secret = secret
    return found


@router.get("", response=list_of(resources.SecretItem), summary="List the secrets, without their values")
def secret_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = find_workspace(request, workspace_path, "list_secrets")
    newest = SecretVersion.objects.filter(secret=OuterRef("secret")).order_by("-pk").values("pk")[:1]
    rows = SecretVersion.objects.filter(secret__workspace=workspace, secret__internal=False, pk=Subquery(newest))
    return paginate(request, _with_path(rows).order_by("secret__name"), resources.SecretItem)


def _with_path(rows):
    return rows.select_related("secret__workspace__resource_group__subscription", "created_by")


@router.put("/{name}", response=resources.SecretItem, summary="Set a secret: a new version of its value")
def secret_write(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.SecretUpdate):
    workspace = find_workspace(request, workspace_path, "edit_secrets")
    offered = body.attributes.forRuns
    version = Secret.set(request.auth, workspace, name, body.value, body.contentType, offered)
    return resources.SecretItem.of(version)


@router.get(
    "/{name}", response=resources.SecretBundle, summary="Read the value of a secret; the activity log names the reader"
)
def secret_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, version: str = ""):
    workspace = find_workspace(request, workspace_path, "read_secrets")
    secret = find_secret(workspace, name)
    found = find_version(secret, version)
    return resources.SecretBundle.of(found, value=secret.read(request.auth, found))


@router.get("/{name}/versions", response=list_of(resources.SecretItem), summary="List the versions of a secret")
def secret_versions(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path, "list_secrets")
    return paginate(request, _with_path(find_secret(workspace, name).versions), resources.SecretItem)


@router.delete("/{name}", response=Nothing, summary="Delete a secret with all its versions")
def secret_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path, "edit_secrets")
    find_secret(workspace, name).remove(request.auth)
    return {}
