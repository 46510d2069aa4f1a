"""Pages of workspaces and of the people who sign in."""

from django.http import Http404

from workspaces import lookup
from workspaces.access import actor_of_request
from workspaces.models import Workspace


def page_workspace(request, slug: str) -> Workspace:
    """The workspace that a page is about; a stranger gets 404. The shell shows what `request.workspace` holds."""
    request.workspace = lookup.by_slug(actor_of_request(request), slug)
    return request.workspace


def workspace_of_wsid(request) -> Workspace:
    """The workspace that `?wsid=/subscriptions/…/workspaces/…` names, as links made by Azure's SDK have it."""
    words = request.GET.get("wsid", "").strip("/").split("/")
    if len(words) < 6:
        raise Http404("Write ?wsid=/subscriptions/…/resourceGroups/…/workspaces/…, or open a workspace first.")
    request.workspace = lookup.workspace(actor_of_request(request), words[1], words[3], words[-1])
    return request.workspace
