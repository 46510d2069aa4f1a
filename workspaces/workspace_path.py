"""The part of an API URL that names a workspace, and the workspace it names."""

from django.http import HttpRequest
from ninja import Schema

from workspaces import access, lookup
from workspaces.models import Workspace


class WorkspacePath(Schema):
    subscription_id: str
    resource_group: str
    workspace_name: str


def find_workspace(request: HttpRequest, path: WorkspacePath, verb: str = "read") -> Workspace:
    """The workspace, if the actor may do this there; else Http404 or Denied."""
    found = lookup.find_workspace(request.auth, path.subscription_id, path.resource_group, path.workspace_name)
    access.require(request.auth, verb, found)
    return found


def find_workspace_as_person(request: HttpRequest, path: WorkspacePath, verb: str) -> Workspace:
    """The same, but a run's token may do there what its submitter may do: see access.person_can."""
    found = lookup.find_workspace(request.auth, path.subscription_id, path.resource_group, path.workspace_name)
    access.require_of_person(request.auth, verb, found)
    return found
