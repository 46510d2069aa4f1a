"""The pages of a subscription and a resource group, and those of the resources that a workspace brings along."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import actor_of_request
from accounts.guards import reauthentication_required
from studio import numbers
from studio.errors import Invalid
from studio.forms import attempt
from studio.pagination import page_of
from workspaces import associated, subscriptions
from workspaces.access import can, require
from workspaces.forms import SubscriptionForm
from workspaces.lookup import find_page_workspace
from workspaces.models import ResourceGroup, Subscription, Workspace

# Other subscriptions that its page offers for a move.
MAX_TARGETS = 20
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
def subscription(request, pk):
    actor = actor_of_request(request)
    return _show_subscription(request, _find_subscription(actor, pk))


@reauthentication_required
@require_POST
def subscription_change(request, pk):
    """Rename or delete it, or move one of its groups; depending on the button's `act`."""
    actor, act = actor_of_request(request), request.POST.get("act", "")
    found = _find_subscription(actor, pk)
    if act == "move":
        return _move_group(request, actor, found)
    require(actor, "edit_workspace", found)
    if act == "delete":
        subscriptions.delete_subscription(actor, found)
        messages.success(request, f"The subscription {found} was deleted.")
        return redirect("workspaces:list")
    if act != "rename":
        raise Invalid(f"act={act[:30]!r}: write rename, move or delete.", target="act")
    form = SubscriptionForm(request.POST)
    if not attempt(form, lambda: subscriptions.rename_subscription(actor, found, form.cleaned_data["name"]) or True):
        return _show_subscription(request, found, form)
    messages.success(request, "The subscription was renamed.")
    return redirect("workspaces:subscription", pk)


def _move_group(request, actor, found):
    keys = {name: numbers.int_or_none(request.POST.get(name, "")) or 0 for name in ("group", "target")}
    group = get_object_or_404(ResourceGroup.objects.visible_to(actor), subscription=found, pk=keys["group"])
    target = _find_subscription(actor, keys["target"])
    subscriptions.move_group(actor, group, target)
    messages.success(request, f"The resource group {group} is in {target} now.")
    return redirect("workspaces:resource_group", group.pk)


def _find_subscription(actor, pk):
    return get_object_or_404(Subscription.objects.visible_to(actor).distinct(), pk=pk)


def _show_subscription(request, found, form=None):
    actor = actor_of_request(request)
    groups = (
        ResourceGroup.objects.visible_to(actor)
        .filter(subscription=found)
        .annotate(workspace_count=Count("workspaces", filter=Q(workspaces__deleted_at=None), distinct=True))
    )
    others = Subscription.objects.visible_to(actor).exclude(pk=found.pk)[:MAX_TARGETS]
    context = {
        "subscription": found,
        "page": page_of(request, groups.order_by("name"), size=50),
        "form": form or SubscriptionForm(initial={"name": found.display_name}),
        "may_edit": can(actor, "edit_workspace", found),
        "may_delete": can(actor, "delete_workspace", found),
        "targets": [one for one in others if can(actor, "create_workspace", one)],
    }
    return render(request, "workspaces/subscription.html", context, status=400 if context["form"].errors else 200)


@require_safe
def resource(request, slug, kind):
    workspace = find_page_workspace(request, slug, "read")
    found = next((one for one in associated.list_resources(workspace) if one.kind.slug == kind), None)
    if found is None:
        raise Http404
    context = {"workspace": workspace, "resource": found, "facts": associated.list_facts(found.kind, workspace)}
    return render(request, "workspaces/resource.html", context)
