"""The pages of the key vault: names, versions and rotation. Stored values are never shown."""

import secrets

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import actor_of_request
from accounts.form_keys import mark_done, process_once
from studio.errors import Conflict
from studio.formats import format_count
from studio.forms import attempt
from studio.pagination import page_of
from workspaces.access import can, require
from workspaces.lookup import find_page_workspace
from workspaces.vault.api import find_secret
from workspaces.vault.forms import SecretForm, SecretVersionForm
from workspaces.vault.models import Secret


@never_cache
@sensitive_post_parameters("value")
@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def secret_list(request, slug):
    workspace, actor = find_page_workspace(request, slug, "list_secrets"), actor_of_request(request)
    form, made = SecretForm(request.POST or None), ""
    if request.method == "POST":
        require(actor, "edit_secrets", workspace)
        made = attempt(form, lambda: _create(actor, workspace, form.cleaned_data))
        if made and made == form.cleaned_data.get("value"):
            messages.success(request, f"The secret {form.cleaned_data['name']} was stored.")
            return redirect("workspaces:secret", slug, form.cleaned_data["name"])
    context = {
        "workspace": workspace,
        "page": page_of(request, workspace.secrets.readable().with_versions(), size=50),
        "may_edit": can(actor, "edit_secrets", workspace),
        "form": SecretForm() if made else form,
        "generated": made,
        "name": form.cleaned_data["name"] if made else "",
    }
    response = render(request, "workspaces/secrets.html", context)
    return mark_done(response) if made else response


def _create(actor, workspace, fields: dict) -> str:
    """Store a value; return it, to show it if it was generated."""
    if workspace.secrets.filter(name__iexact=fields["name"]).exists():
        raise Conflict(f"There is a secret {fields['name']} already. Open it to make a new version.", target="name")
    value = fields["value"] or secrets.token_urlsafe(32)
    Secret.set(actor, workspace, fields["name"], value, fields["content_type"], fields["for_runs"])
    return value


@never_cache
@sensitive_post_parameters("value")
@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def secret(request, slug, name):
    """Its versions; a POST makes a new one."""
    workspace, actor = find_page_workspace(request, slug, "list_secrets"), actor_of_request(request)
    found = find_secret(workspace, name)
    form, value = SecretVersionForm(request.POST or None), ""
    if request.method == "POST":
        require(actor, "edit_secrets", workspace)
        value = request.POST.get("value") or secrets.token_urlsafe(32)
        done = attempt(form, lambda: Secret.set(actor, workspace, found.name, value, form.cleaned_data["content_type"]))
        if done and request.POST.get("value"):
            messages.success(request, f"A new version of {found.name} was stored.")
            return redirect("workspaces:secret", slug, found.name)
        value = value if done else ""
    context = {
        "workspace": workspace,
        "secret": found,
        "versions": found.versions.select_related("created_by"),
        "may_edit": can(actor, "edit_secrets", workspace),
        "form": SecretVersionForm() if value else form,
        "generated": value,
    }
    response = render(request, "workspaces/secret.html", context)
    return mark_done(response) if value else response


@require_POST
def secret_change(request, slug, name):
    """Offer a secret to jobs or not, delete old versions, or delete it; depending on the button's `act`."""
    workspace, actor = find_page_workspace(request, slug, "edit_secrets"), actor_of_request(request)
    found, act = find_secret(workspace, name), request.POST.get("act", "")
    if act == "delete":
        found.remove(actor)
        messages.success(request, f"The secret {found.name} was deleted.")
        return redirect("workspaces:secrets", slug)
    if act == "prune":
        number = found.remove_old_versions(actor)
        messages.success(request, f"{format_count(number, 'old version')} of {found.name} deleted.")
    elif act in ("offer", "withhold"):
        found.offer_to_runs(actor, act == "offer")
        may = "may" if act == "offer" else "may not"
        messages.success(request, f"Jobs {may} read {found.name} now.")
    return redirect("workspaces:secret", slug, found.name)
