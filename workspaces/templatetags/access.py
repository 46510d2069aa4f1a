"""Greyed buttons for actions that a role does not allow, with the reason and whom to ask. Every template has this
tag."""

from django import template

from accounts.models import User
from workspaces import members
from workspaces.models import Role

register = template.Library()
# The verbs of `can()` in the explanation of a button.
WORDS = {
    "submit": "submit jobs",
    "edit": "edit or delete jobs, experiments, environments and models",
    "edit_compute": "create or change compute",
    "edit_members": "give or remove roles",
    "edit_secrets": "set secrets",
    "edit_workspace": "change the workspace",
    "delete_workspace": "delete the workspace",
    "create_account": "invite people",
    "create_workspace": "create workspaces",
}
# These are for site admins, whatever the roles.
OF_SITE_ADMINS = {"create_account", "create_workspace"}
MAX_NAMES = 2


@register.inclusion_tag("workspaces/_greyed.html", takes_context=True)
def greyed_button(context, verb: str, label: str, icon: str = "", css: str = "command") -> dict:
    """The disabled form of a button that needs the permission `verb`."""
    return {"label": label, "icon": icon, "css": css, "reason": _reason(context["request"], verb)}


def _reason(request, verb: str) -> str:
    workspace = getattr(request, "workspace", None)
    of_admins = verb in OF_SITE_ADMINS or workspace is None
    who = "site admin" if of_admins else "Owner"
    names = _names(request, "admins" if of_admins else "owners")
    ask = f"Ask {' or '.join(names)} ({who})." if names else f"Ask {'a' if of_admins else 'an'} {who}."
    what = "Only site admins may" if verb in OF_SITE_ADMINS else "Your role does not allow you to"
    return f"{what} {WORDS[verb]}{'' if verb in OF_SITE_ADMINS else ' here'}. {ask}"


def _names(request, whose: str) -> list[str]:
    """Looked up once in a request."""
    known = request.__dict__.setdefault("people_to_ask", {})
    if whose not in known:
        known[whose] = [user.label for user in _find(request, whose)[:MAX_NAMES]]
    return known[whose]


def _find(request, whose: str):
    admins = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    if whose == "admins":
        return admins
    owners = members.list_assignments(request.workspace).filter(role=Role.OWNER, user__is_active=True)
    return [one.user for one in owners[:MAX_NAMES]] or admins
