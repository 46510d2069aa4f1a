"""The page “Users and permissions” of a workspace."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import actor_of_request
from accounts.edit_conflicts import check_unchanged, edit_in_turn
from accounts.form_keys import mark_done, process_once
from accounts.guards import reauthentication_required
from studio.forms import attempt
from studio.pagination import page_of
from studio.public_url import public_url
from workspaces import access, members
from workspaces.access import can, require
from workspaces.forms import AccountForm, MemberForm
from workspaces.lookup import find_page_workspace
from workspaces.role_definitions import BUILT_IN


@reauthentication_required
@require_http_methods(["GET", "HEAD", "POST"])
def people_list(request, slug):
    """Everybody with a role sees all members; a POST by an Owner adds a person."""
    workspace = find_page_workspace(request, slug)
    form = MemberForm(members.list_roles(workspace), request.POST or None)
    if request.method == "POST":
        actor = actor_of_request(request)
        require(actor, "edit_members", workspace)
        given = attempt(form, lambda: members.add_role(actor, workspace, **form.cleaned_data))
        if given:
            messages.success(request, f"{given.holder.label} now has the role {given.role}.")
            return redirect("workspaces:people", slug)
    return _page(request, workspace, form=form)


@reauthentication_required
@never_cache
@require_POST
@process_once
def people_account(request, slug):
    """Creates an account; the link of its invitation is shown once."""
    workspace, actor = find_page_workspace(request, slug, "create_account"), actor_of_request(request)
    form = AccountForm(members.list_roles(workspace), request.POST)
    made = attempt(form, lambda: members.create_account(actor, workspace, **form.cleaned_data))
    if not made:
        return _page(request, workspace, account_form=form)
    return mark_done(_page_with_link(request, workspace, *made))


@reauthentication_required
@never_cache
@require_POST
@process_once
def people_invite(request, slug, pk):
    """Create a new link for a person who has lost theirs and has no password yet."""
    workspace, assignment = _assignment(request, slug, pk)
    if assignment.user is None:
        raise Http404("A group has no invitation; its members have their own.")
    secret = members.invite_again(actor_of_request(request), workspace, assignment)
    return mark_done(_page_with_link(request, workspace, assignment.user, secret))


@reauthentication_required
@require_POST
def people_change(request, slug, pk):
    with edit_in_turn(request):
        workspace, assignment = _assignment(request, slug, pk)
        check_unchanged(request.POST, "role", assignment.holder, assignment.role)
        members.change_role(actor_of_request(request), workspace, assignment, request.POST.get("role", ""))
    messages.success(request, f"{assignment.holder.label} now has the role {assignment.role}.")
    return redirect("workspaces:people", slug)


@reauthentication_required
@require_POST
def people_remove(request, slug, pk):
    workspace, assignment = _assignment(request, slug, pk)
    members.remove_role(actor_of_request(request), workspace, assignment)
    messages.success(request, f"{assignment.holder.label} no longer has the role {assignment.role} here.")
    still_in = can(actor_of_request(request), "read_compute", workspace)
    return redirect("workspaces:people", slug) if still_in else redirect("workspaces:list")


def _assignment(request, slug, pk):
    """A role on the workspace, its resource group or subscription; the model's methods check the permission to change
    it there."""
    workspace = find_page_workspace(request, slug)
    return workspace, get_object_or_404(members.list_assignments(workspace), pk=pk)


def _page_with_link(request, workspace, invited, secret):
    link = public_url(reverse("accounts:invitation", args=[secret]))
    return _page(request, workspace, invited=invited, link=link)


def _page(request, workspace, **more):
    actor = actor_of_request(request)
    verbs = access.verbs_by_scope(actor.user, workspace)
    scopes = members.list_scopes(workspace)
    editable = {scope_id for kind, scope_id in scopes.items() if "edit_members" in verbs[kind]}
    page = page_of(request, members.list_assignments(workspace), size=50)
    page.object_list = list(page.object_list)
    for row in page.object_list:
        row.may_edit = row.scope in editable
    roles = members.list_roles(workspace)
    context = {
        "workspace": workspace,
        "page": page,
        "roles": roles,
        "may_edit": workspace in editable,
        "may_read_activity": "read_activity" in verbs["workspace"],
        "may_create": "create_account" in verbs["workspace"],
        "form": MemberForm(roles),
        "account_form": AccountForm(roles),
        "definitions": BUILT_IN.values(),
        **more,
    }
    return render(request, "workspaces/people.html", context)
