"""The words of an API's address that name a workspace, and what they name for whoever asks."""

from django.http import HttpRequest
from ninja import Schema

from workspaces import access, lookup
from workspaces.models import Workspace


class WorkspacePath(Schema):
    subscription_id: str
    resource_group: str
    workspace_name: str


def workspace(request: HttpRequest, place: WorkspacePath, verb: str = "read") -> Workspace:
    """In which the actor may do this; Http404 or Denied."""
    found = lookup.workspace(request.auth, place.subscription_id, place.resource_group, place.workspace_name)
    access.require(request.auth, verb, found)
    return found
