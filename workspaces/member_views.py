"""The page “Users and permissions” of a workspace."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import actor_of_request
from accounts.form_keys import mark_done, once
from studio.forms import attempt
from studio.pagination import page_of
from studio.public_url import public_url
from workspaces import members
from workspaces.access import can, require
from workspaces.forms import AccountForm, MemberForm
from workspaces.lookup import page_workspace
from workspaces.models import Role, RoleAssignment


@require_http_methods(["GET", "POST"])
def people_list(request, slug):
    """Everybody with a role sees all members; a POST by an Owner adds a person."""
    workspace = page_workspace(request, slug)
    form = MemberForm(request.POST or None)
    if request.method == "POST":
        actor = actor_of_request(request)
        require(actor, "edit_members", workspace)
        given = attempt(form, lambda: members.add_role(actor, workspace, **form.cleaned_data))
        if given:
            messages.success(request, f"{given.user.label} now has the role {given.role}.")
            return redirect("workspaces:people", slug)
    return _page(request, workspace, form=form)


@never_cache
@require_POST
@once
def people_account(request, slug):
    """Creates an account; the link of its invitation is shown once."""
    workspace = page_workspace(request, slug)
    actor = actor_of_request(request)
    require(actor, "create_account", workspace)
    form = AccountForm(request.POST)
    made = attempt(form, lambda: members.create_account(actor, workspace, **form.cleaned_data))
    if not made:
        return _page(request, workspace, account_form=form)
    return mark_done(_page_with_link(request, workspace, *made))


@never_cache
@require_POST
@once
def people_invite(request, slug, pk):
    """Makes a new link for a person who has lost theirs and has no password yet."""
    workspace, assignment = _assignment(request, slug, pk)
    secret = members.invite_again(actor_of_request(request), workspace, assignment)
    return mark_done(_page_with_link(request, workspace, assignment.user, secret))


@require_POST
def people_change(request, slug, pk):
    workspace, assignment = _assignment(request, slug, pk)
    members.change_role(actor_of_request(request), workspace, assignment, request.POST.get("role", ""))
    messages.success(request, f"{assignment.user.label} now has the role {assignment.role}.")
    return redirect("workspaces:people", slug)


@require_POST
def people_remove(request, slug, pk):
    workspace, assignment = _assignment(request, slug, pk)
    members.remove_role(actor_of_request(request), workspace, assignment)
    messages.success(request, f"{assignment.user.label} no longer has the role {assignment.role} here.")
    still_in = can(actor_of_request(request), "read_compute", workspace)
    return redirect("workspaces:people", slug) if still_in else redirect("workspaces:list")


def _assignment(request, slug, pk):
    """A role on the workspace itself; roles on its group or subscription are changed there."""
    workspace = page_workspace(request, slug)
    rows = RoleAssignment.objects.filter(workspace=workspace).select_related("user")
    return workspace, get_object_or_404(rows, pk=pk)


def _page_with_link(request, workspace, invited, secret):
    link = public_url(reverse("accounts:invitation", args=[secret]))
    return _page(request, workspace, invited=invited, link=link)


def _page(request, workspace, **more):
    actor = actor_of_request(request)
    context = {
        "workspace": workspace,
        "page": page_of(request, members.list_assignments(workspace), size=50),
        "roles": Role.values,
        "may_edit": can(actor, "edit_members", workspace),
        "may_read_activity": can(actor, "read_activity", workspace),
        "may_create": can(actor, "create_account", workspace),
        "form": MemberForm(),
        "account_form": AccountForm(),
        **more,
    }
    return render(request, "workspaces/people.html", context)
