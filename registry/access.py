"""Find the model or version of an API URL, with permission checks."""

from django.http import Http404, HttpRequest

from registry import rules
from registry.models import Model, ModelVersion
from runs import run_tokens
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace_as_person


def open_workspace(request: HttpRequest, workspace_path: WorkspacePath, verb: str = "read") -> Workspace:
    """Find the workspace. For a run's token, the table of routes has decided already, and its submitter must be allowed
    to do this; who made the row is checked with the row."""
    return find_workspace_as_person(request, workspace_path, verb)


def find_model(request: HttpRequest, workspace_path: WorkspacePath, name: str, verb: str = "read") -> Model:
    workspace = open_workspace(request, workspace_path, verb)
    found = Model.objects.present().with_newest().filter(workspace=workspace, name=name).first()
    if found is None:
        raise Http404(f"ModelNotFound: the workspace {workspace.name} has no model {name!r}.")
    found.workspace = workspace
    if verb != "read":
        run_tokens.check_made(request.auth, found)
    return found


def find_version(
    request: HttpRequest, workspace_path: WorkspacePath, name: str, version: str, verb: str = "read"
) -> ModelVersion:
    """`latest`, or an alias, is a version too."""
    model = find_model(request, workspace_path, name)
    open_workspace(request, workspace_path, verb)
    found = pick_version(model, version)
    if found is None:
        raise Http404(f"ModelNotFound: the model {name} has no version {version!r}.")
    if verb != "read":
        run_tokens.check_made(request.auth, found)
    return found


def pick_version(model: Model, version: str) -> ModelVersion | None:
    versions = model.versions.present().select_related("run__experiment", "created_by", "logged_model")
    if version.lower() == "latest":
        found = versions.filter(is_latest=True).first()
    else:
        number = model.aliases.get(version) or rules.parse_version(version)
        found = versions.filter(number=number).first()
    if found:
        found.model, found.workspace = model, model.workspace
    return found
