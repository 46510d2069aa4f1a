"""Find the row of a URL, if the actor may see it; otherwise it is not found."""

from django.http import Http404

from accounts.actors import Actor, actor_of_request
from studio.statements import read_row
from workspaces import access
from workspaces.models import ResourceGroup, Subscription, Workspace
from workspaces.role_definitions import verbs_of

PATH = ("resource_group", "resource_group__subscription")


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


def find_page_workspace(request, slug: str, verb: str = "") -> Workspace:
    """The workspace of a page; people without a role get 404, people without the permission `verb` get 403. The shell
    shows `request.workspace`; `request.allowed_verbs` are the permissions of the person on it."""
    known = getattr(request, "workspace", None)
    if known is None or known.slug != slug:
        request.workspace, request.allowed_verbs = _find_with_verbs(request.user, slug)
    if verb and verb not in request.allowed_verbs:
        raise access.denied(verb, request.workspace)
    return request.workspace


def _find_with_verbs(user, slug: str) -> tuple[Workspace, frozenset[str]]:
    """By two prepared statements, because each page and poll begins with them."""
    found = read_row(Workspace, related=PATH, slug=slug)
    if found is not None and found.deleted_at is None:
        if user.is_superuser:
            return found, access.verbs_by_scope(user, found)["workspace"]
        if roles := access.definitions_on(user, found):
            return found, verbs_of(roles)
    raise Http404("Workspace not found. It may have been deleted, or you have no role on it.")


def workspace_of_wsid(request) -> Workspace:
    """The workspace of `?wsid=/subscriptions/…/workspaces/…`, as in links from Azure's SDK."""
    words = request.GET.get("wsid", "").strip("/").split("/")
    if len(words) < 6:
        raise Http404("Write ?wsid=/subscriptions/…/resourceGroups/…/workspaces/…, or open a workspace first.")
    request.workspace = find_workspace(actor_of_request(request), words[1], words[3], words[-1])
    request.allowed_verbs = access.verbs_by_scope(request.user, request.workspace)["workspace"]
    return request.workspace
