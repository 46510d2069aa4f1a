"""Pages for site admins: identity providers, tests of their connection, and claim mappings."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import actor_of_request, require_site_admin
from accounts.form_keys import process_once
from accounts.guards import admin_mode_required
from accounts.identity_providers import ACT, IdentityProvider
from accounts.oidc_views import load_oidc
from studio import numbers
from studio.errors import Invalid
from studio.forms import attempt
from workspaces import claim_mappings
from workspaces.forms import ClaimMappingForm, IdentityProviderForm
from workspaces.models import ClaimMapping


@admin_mode_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def providers(request):
    actor = actor_of_request(request)
    require_site_admin(actor, ACT)
    form = IdentityProviderForm(request.POST or None)
    if request.method == "POST":
        made = attempt(form, lambda: IdentityProvider.create(actor, **form.cleaned_data))
        if made:
            messages.success(request, f"{made} was set up. Test the connection, then offer it on the sign-in page.")
            return redirect("workspaces:provider", made.slug)
    context = {"providers": IdentityProvider.objects.all(), "form": form}
    return render(request, "workspaces/providers.html", context)


@admin_mode_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def provider(request, slug):
    """A POST changes it; an empty secret keeps the one that is stored."""
    actor = actor_of_request(request)
    require_site_admin(actor, ACT)
    row = get_object_or_404(IdentityProvider, slug=slug)
    form = IdentityProviderForm(request.POST or None, row=row)
    if request.method == "POST" and attempt(form, lambda: row.change(actor, **form.cleaned_data) or True):
        messages.success(request, f"{row} was changed.")
        return redirect("workspaces:provider", slug)
    return _page(request, row, form)


def _page(request, row, form=None, mapping_form=None, steps=()):
    context = {
        "provider": row,
        "form": form or IdentityProviderForm(row=row),
        "mapping_form": mapping_form or ClaimMappingForm(),
        "mappings": row.mappings.select_related("group"),
        "sessions": claim_mappings.count_sessions(row),
        "steps": steps,
    }
    return render(request, "workspaces/provider.html", context, status=context["form"].status)


@admin_mode_required
@never_cache
@require_POST
def provider_test(request, slug):
    """Test each step of the connection, with what to correct."""
    require_site_admin(actor_of_request(request), ACT)
    row = get_object_or_404(IdentityProvider, slug=slug)
    return _page(request, row, steps=load_oidc().check_connection(row))


@admin_mode_required
@require_POST
def provider_change(request, slug):
    """Add or remove a mapping of a provider, or delete the provider; depending on the button's `act`."""
    actor = actor_of_request(request)
    require_site_admin(actor, ACT)
    row, act = get_object_or_404(IdentityProvider, slug=slug), request.POST.get("act", "")
    if act == "delete":
        row.remove(actor)
        messages.success(request, f"{row} was deleted. People who signed in with it need another way to sign in.")
        return redirect("workspaces:providers")
    if act == "unmap":
        key = request.POST.get("mapping", "")
        mapping = get_object_or_404(ClaimMapping, provider=row, pk=numbers.int_or_none(key))
        claim_mappings.remove_mapping(actor, mapping)
    elif act == "map":
        form = ClaimMappingForm(request.POST)
        if not attempt(form, lambda: claim_mappings.add_mapping(actor, row, **form.cleaned_data)):
            return _page(request, row, mapping_form=form)
    else:
        raise Invalid(f"act={act[:30]!r}: write map, unmap or delete.", target="act")
    messages.success(request, "The mappings were changed; they apply from the next sign-in.")
    return redirect("workspaces:provider", slug)
