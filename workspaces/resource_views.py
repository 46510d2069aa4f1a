"""The page of a resource group, and those of the resources that a workspace brings along."""

from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.actors import actor_of_request
from workspaces import associated
from workspaces.lookup import find_page_workspace
from workspaces.models import ResourceGroup, Workspace

# Workspaces of a group that its page shows.
MAX_WORKSPACES = 200


@require_safe
def resource_group(request, pk):
    """The workspaces of the group that the person may open, with their resources and cost."""
    actor = actor_of_request(request)
    group = get_object_or_404(ResourceGroup.objects.visible_to(actor).select_related("subscription"), pk=pk)
    found = Workspace.objects.visible_to(actor).filter(resource_group=group).with_path().order_by("name")
    workspaces = list(found[:MAX_WORKSPACES])
    costs = associated.read_month_costs(workspaces)
    rows = [(one, associated.list_resources(one), costs.get(one.pk, "")) for one in workspaces]
    context = {"group": group, "rows": rows, "left_out": found.count() - len(workspaces)}
    return render(request, "workspaces/resource_group.html", context)


@require_safe
def resource(request, slug, kind):
    workspace = find_page_workspace(request, slug, "read")
    found = next((one for one in associated.list_resources(workspace) if one.kind.slug == kind), None)
    if found is None:
        raise Http404
    context = {"workspace": workspace, "resource": found, "facts": associated.list_facts(found.kind, workspace)}
    return render(request, "workspaces/resource.html", context)
