"""Pages of workspaces: the list, creation, home and properties."""

import json

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from accounts.edit_conflicts import edit_in_turn
from accounts.form_keys import process_once
from accounts.guards import reauthentication_required
from studio.errors import Denied, Invalid
from studio.forms import attempt
from studio.htmx import render_page
from studio.list_parameters import accept_parameters, order_rows
from studio.pagination import page_of
from studio.shell import CARDS
from workspaces import associated, creation, deletion, lookup, resources, rules, search
from workspaces.access import can, require
from workspaces.forms import WorkspaceEditForm, WorkspaceForm
from workspaces.models import ResourceGroup, RoleAssignment, Subscription, Workspace

SORTS = {
    "name": "name",
    "subscription": "resource_group__subscription__subscription_id",
    "group": "resource_group__name",
    "region": "location",
    "created": "created_at",
}


@require_safe
@accept_parameters("q", "sort")
def workspace_list(request):
    words = request.GET.get("q", "").strip()
    found = order_rows(request, search.match_workspaces(actor_of_request(request), words), SORTS, "name")
    context = {"page": page_of(request, found), "words": words, "may_create": _may_create(request)}
    context["any_deleted"] = Workspace.objects.in_trash_of(actor_of_request(request)).exists()
    return render_page(request, "workspaces/workspace_list.html", context, partial="workspace-rows")


def _may_create(request) -> bool:
    """Whether the person may create a workspace in some subscription or group."""
    actor = actor_of_request(request)
    if actor.user.is_superuser:
        return True
    mine = RoleAssignment.objects.of(actor.user)
    scopes = [
        *Subscription.objects.filter(roles__in=mine).distinct(),
        *ResourceGroup.objects.filter(roles__in=mine).select_related("subscription").distinct(),
    ]
    return any(can(actor, "create_workspace", scope) for scope in scopes)


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def workspace_new(request):
    actor = actor_of_request(request)
    if not _may_create(request):
        raise Denied("You may not create workspaces in any subscription or resource group. Ask a site admin.")
    form = WorkspaceForm(request.POST or None, initial=_default_group(actor))
    workspace = attempt(form, lambda: form.save(actor)) if request.method == "POST" else None
    if workspace:
        messages.success(request, f"The workspace {workspace.title} was created.")
        return redirect(workspace)
    context = {
        "form": form,
        "regions": creation.REGIONS,
        "subscriptions": Subscription.objects.visible_to(actor),
        "groups": ResourceGroup.objects.visible_to(actor).select_related("subscription"),
    }
    return render(request, "workspaces/workspace_new.html", context)


def _default_group(actor) -> dict:
    group = ResourceGroup.objects.visible_to(actor).select_related("subscription").first()
    return {"subscription": group.subscription.subscription_id, "resource_group": group.name} if group else {}


@require_safe
def workspace_name_check(request):
    """Checks the name while it is typed: its problem, or that it is free."""
    name, group = request.GET.get("name", ""), request.GET.get("resource_group", "")
    try:
        rules.WORKSPACE_NAME.check(name)
    except Invalid as error:
        return render(request, "studio/_name_check.html", {"error": error.message})
    here = Workspace.objects.visible_to(actor_of_request(request)).filter(
        name__iexact=name,
        resource_group__name__iexact=group,
        resource_group__subscription__subscription_id__iexact=request.GET.get("subscription", ""),
    )
    problem = f"There is a workspace {name} in {group} already." if here.exists() else ""
    return render(request, "studio/_name_check.html", {"error": problem})


@require_safe
def workspace_home(request, slug):
    workspace = lookup.find_page_workspace(request, slug)
    actor = actor_of_request(request)
    cards = [
        {"template": card.template, "context": card.context(actor, workspace)}
        for card in sorted(CARDS, key=lambda card: card.position)
    ]
    context = {"may_submit": can(actor, "submit", workspace)}
    context |= {
        "workspace": workspace,
        "cards": cards,
        "server": settings.PUBLIC_URL,
        "config": _config_text(workspace),
    }
    return render(request, "workspaces/workspace_home.html", context)


def _config_text(workspace) -> str:
    return json.dumps({**workspace.config, "url": settings.PUBLIC_URL}, indent=4) + "\n"


@require_safe
def workspace_config(request, slug):
    """config.json for download: Azure's three keys and this server's URL."""
    answer = HttpResponse(_config_text(lookup.find_page_workspace(request, slug)), content_type="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="config.json"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def workspace_settings(request, slug):
    actor = actor_of_request(request)
    with edit_in_turn(request):
        workspace = lookup.find_page_workspace(request, slug)
        form = WorkspaceEditForm(request.POST or None, instance=workspace)
        if request.method == "POST":
            require(actor, "edit_workspace", workspace)
            if form.is_valid():
                form.save()
                messages.success(request, "The properties were saved.")
                return redirect("workspaces:settings", slug)
    context = {
        "workspace": workspace,
        "form": form,
        "properties": resources.WorkspaceInformation.of(workspace),
        "may_edit": can(actor, "edit_workspace", workspace),
        "may_delete": can(actor, "delete_workspace", workspace),
        "trash_days": settings.TRASH_DAYS,
        "resources": associated.list_resources(workspace),
    }
    if context["may_delete"]:
        context["contents"] = associated.list_contents(workspace)
    return render(request, "workspaces/workspace_settings.html", context, status=form.status)


@reauthentication_required
@require_POST
def workspace_delete(request, slug):
    workspace = lookup.find_page_workspace(request, slug, "delete_workspace")
    deletion.check_confirmed(workspace, request.POST.get("confirm_name", ""))
    permanently = "permanently" in request.POST
    deletion.delete_workspace(actor_of_request(request), workspace, permanently)
    request.workspace = None
    if permanently:
        messages.success(request, f"The workspace {workspace.name} is being deleted permanently.")
        return redirect(deletion.Trash.page_url())
    undo = deletion.Trash.restore_url(workspace)
    messages.success(request, f"The workspace {workspace.name} moved to the trash.", extra_tags=f"undo:{undo}")
    return redirect("workspaces:list")
