"""Find the row of a URL, if the actor may see it; otherwise it is not found."""

from django.http import Http404

from accounts.actors import Actor, actor_of_request
from workspaces.access import require
from workspaces.models import ResourceGroup, Subscription, Workspace


def find_subscription(actor: Actor, subscription_id: str) -> Subscription:
    found = Subscription.objects.visible_to(actor).filter(subscription_id__iexact=subscription_id).first()
    if found is None:
        raise Http404(f"The subscription '{subscription_id}' could not be found.")
    return found


def find_resource_group(actor: Actor, subscription_id: str, name: str) -> ResourceGroup:
    groups = ResourceGroup.objects.visible_to(actor).select_related("subscription")
    found = groups.filter(subscription__subscription_id__iexact=subscription_id, name__iexact=name).first()
    if found is None:
        raise Http404(f"Resource group '{name}' could not be found.")
    return found


def find_workspace(actor: Actor, subscription_id: str, resource_group: str, workspace_name: str) -> Workspace:
    return _find_one(Workspace.objects.visible_to(actor), subscription_id, resource_group, workspace_name)


def find_deleted_workspace(actor: Actor, subscription_id: str, resource_group: str, workspace_name: str) -> Workspace:
    """A workspace in the trash."""
    return _find_one(Workspace.objects.in_trash_of(actor), subscription_id, resource_group, workspace_name)


def _find_one(workspaces, subscription_id: str, resource_group: str, workspace_name: str) -> Workspace:
    """The three names ignore case, as in Azure."""
    found = (
        workspaces.with_path()
        .filter(
            resource_group__subscription__subscription_id__iexact=subscription_id,
            resource_group__name__iexact=resource_group,
            name__iexact=workspace_name,
        )
        .first()
    )
    if found is None:
        raise Http404(f"Workspace not found: there is no '{workspace_name}' in resource group '{resource_group}'.")
    return found


def workspace_by_slug(actor: Actor, slug: str) -> Workspace:
    """For pages, whose URLs contain the slug."""
    found = Workspace.objects.visible_to(actor).with_path().filter(slug=slug).first()
    if found is None:
        raise Http404("Workspace not found. It may have been deleted, or you have no role on it.")
    return found


def find_page_workspace(request, slug: str, verb: str = "") -> Workspace:
    """The workspace of a page; people without a role get 404, people without the permission `verb` get 403. The shell
    shows `request.workspace`."""
    known = getattr(request, "workspace", None)
    if known is None or known.slug != slug:
        request.workspace = workspace_by_slug(actor_of_request(request), slug)
    if verb:
        require(actor_of_request(request), verb, request.workspace)
    return request.workspace


def workspace_of_wsid(request) -> Workspace:
    """The workspace of `?wsid=/subscriptions/…/workspaces/…`, as in links from Azure's SDK."""
    words = request.GET.get("wsid", "").strip("/").split("/")
    if len(words) < 6:
        raise Http404("Write ?wsid=/subscriptions/…/resourceGroups/…/workspaces/…, or open a workspace first.")
    request.workspace = find_workspace(actor_of_request(request), words[1], words[3], words[-1])
    return request.workspace
