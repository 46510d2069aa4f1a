"""The page “Access control” of a workspace: the permissions of somebody and their roles; custom roles; groups."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request, require_site_admin
from accounts.guards import reauthentication_required
from accounts.models import User
from studio.forms import attempt
from studio.pagination import page_of
from workspaces import access, custom_roles, groups
from workspaces.access import can, require
from workspaces.custom_roles import RoleDefinition
from workspaces.forms import GroupForm, GroupMemberForm, RoleJsonForm
from workspaces.lookup import find_page_workspace
from workspaces.models import CustomRole, RoleAssignment, UserGroup
from workspaces.role_definitions import NEEDED, M, explain_verb


@require_safe
def access_page(request, slug):
    """`?who=` is a user name, a service principal or a group; by default the person themselves."""
    workspace = find_page_workspace(request, slug)
    name = request.GET.get("who", "").strip()[:150] or request.user.username
    user = User.objects.filter(username__iexact=name).first()
    group = None if user else UserGroup.objects.filter(name__iexact=name).first()
    assignments = list(_assignments(workspace, user, group))
    context = {
        "workspace": workspace,
        "name": name,
        "holder": user or group,
        "assignments": assignments,
        "is_site_admin": bool(user and user.is_superuser and user.is_active),
        "is_inactive": bool(user and not user.is_active),
        "rows": _explain(assignments),
        "roles": CustomRole.objects.all(),
        "may_edit": can(actor_of_request(request), "edit_members", workspace),
    }
    return render(request, "workspaces/access.html", context)


def _assignments(workspace, user, group):
    rows = RoleAssignment.objects.none()
    if user:
        rows = access.assignments_on(user, workspace)
    elif group:
        rows = RoleAssignment.objects.filter(access.scope_filter(workspace), group=group)
    return rows.select_related("group", "custom_role", "workspace", "resource_group", "subscription")


def _explain(assignments: list[RoleAssignment]) -> list[dict]:
    """Each verb of `can()`: whether it is allowed, and for each necessary action, the assignment and pattern that allow
    it."""
    definitions = {one.definition for one in assignments}
    given = sorted(definitions, key=lambda one: one.name)
    rows = []
    for verb in NEEDED:
        steps = explain_verb(given, verb)
        allowed = all(role for _, role, _ in steps)
        shown = [(shorten(action), role, shorten(pattern), f"{action}: {pattern}") for action, role, pattern in steps]
        rows.append({"verb": verb.replace("_", " "), "allowed": allowed, "steps": shown})
    return rows


def shorten(action: str) -> str:
    """Shorten the common prefix of actions."""
    return action.replace(f"{M}/", "…/", 1)


@reauthentication_required
@require_http_methods(["GET", "HEAD", "POST"])
def roles(request, slug):
    """Custom roles; a POST creates one from Azure's JSON, or changes the one with its name."""
    workspace, actor = find_page_workspace(request, slug), actor_of_request(request)
    form = RoleJsonForm(request.POST or None, initial={"definition": _initial(request, workspace)})
    if request.method == "POST":
        require(actor, "edit_members", workspace)
        written = attempt(form, lambda: custom_roles.write_role(actor, form.cleaned_data["definition"]))
        if written:
            messages.success(request, f"The role {written.name} was saved; it applies from the next request.")
            return redirect("workspaces:roles", slug)
    context = {
        "workspace": workspace,
        "roles": CustomRole.objects.prefetch_related("assignments"),
        "form": form,
        "may_edit": can(actor, "edit_members", workspace),
    }
    return render(request, "workspaces/roles.html", context, status=form.status)


def _initial(request, workspace) -> str:
    role = CustomRole.objects.filter(name=request.GET.get("role", "")).first()
    definition = RoleDefinition.of(role) if role else custom_roles.make_example(workspace.arm_id)
    return definition.model_dump_json(indent=2)


@reauthentication_required
@require_POST
def role_delete(request, slug, pk):
    find_page_workspace(request, slug)
    role = get_object_or_404(CustomRole, pk=pk)
    custom_roles.delete_role(actor_of_request(request), role)
    messages.success(request, f"The role {role.name} was deleted.")
    return redirect("workspaces:roles", slug)


@reauthentication_required
@require_http_methods(["GET", "HEAD", "POST"])
def group_list(request):
    actor = actor_of_request(request)
    form = GroupForm(request.POST or None)
    if request.method == "POST":
        require_site_admin(actor, "make groups")
        made = attempt(form, lambda: groups.create_group(actor, **form.cleaned_data))
        if made:
            messages.success(request, f"The group {made.name} was created.")
            return redirect("workspaces:group", made.pk)
    page = page_of(request, groups.list_groups(actor).prefetch_related("members", "owners"), size=50)
    context = {"page": page, "form": form, "may_create": actor.is_site_admin}
    return render(request, "workspaces/groups.html", context)


@reauthentication_required
@require_http_methods(["GET", "HEAD", "POST"])
def group(request, pk):
    """Its members; a POST by an owner adds one."""
    actor = actor_of_request(request)
    found = get_object_or_404(groups.list_groups(actor), pk=pk)
    form = GroupMemberForm(request.POST or None)
    if request.method == "POST":
        added = attempt(form, lambda: groups.add_member(actor, found, **form.cleaned_data))
        if added:
            messages.success(request, f"{added.label} is now a member of {found.name}.")
            return redirect("workspaces:group", pk)
    context = {
        "group": found,
        "members": User.objects.filter(member_of=found).order_by("username"),
        "owners": set(found.owners.values_list("pk", flat=True)),
        "roles": found.roles.select_related("workspace", "resource_group", "subscription", "custom_role"),
        "form": form,
        "may_edit": groups.may_edit(actor, found),
        "may_delete": actor.is_site_admin,
    }
    return render(request, "workspaces/group.html", context)


@reauthentication_required
@require_POST
def group_change(request, pk):
    """Remove a member from a group, or delete the group, depending on the button."""
    actor = actor_of_request(request)
    found = get_object_or_404(groups.list_groups(actor), pk=pk)
    if request.POST.get("act") == "delete":
        groups.delete_group(actor, found)
        messages.success(request, f"The group {found.name} was deleted.")
        return redirect("workspaces:groups")
    user = get_object_or_404(User, username=request.POST.get("username", ""))
    groups.remove_member(actor, found, user)
    messages.success(request, f"{user.label} is no longer a member of {found.name}.")
    return redirect("workspaces:group", pk)
