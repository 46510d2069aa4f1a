"""Pages for site admins: service principals, and the tokens of all people."""

from django.contrib import messages
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request, require_site_admin
from accounts.form_keys import mark_done, process_once
from accounts.forms import PrincipalForm, PrincipalSecretForm
from accounts.guards import admin_mode_required
from accounts.models import Token, User
from accounts.principals import PrincipalSecret, ServicePrincipal
from studio import numbers
from studio.formats import format_count
from studio.forms import attempt
from studio.pagination import page_of
from studio.words import split_words

ACT = "see service principals and the tokens of others"


@admin_mode_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def principals(request):
    require_site_admin(actor_of_request(request), ACT)
    form = PrincipalForm(request.POST or None)
    if request.method == "POST":
        made = attempt(form, lambda: ServicePrincipal.create(actor_of_request(request), form.cleaned_data["name"]))
        if made:
            messages.success(request, f"The service principal {made} was created. Give it a secret and a role.")
            return redirect("accounts:principal", made.client_id)
    page = page_of(request, ServicePrincipal.objects.with_details(), size=50)
    return render(request, "accounts/principals.html", {"page": page, "form": form})


@admin_mode_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def principal(request, client_id):
    """A POST adds a secret, which is shown once."""
    require_site_admin(actor_of_request(request), ACT)
    found = _find(client_id)
    form, made = PrincipalSecretForm(request.POST or None), None
    if request.method == "POST":
        made = attempt(form, lambda: found.add_secret(actor_of_request(request), form.cleaned_data["days"]))
    context = {
        "principal": found,
        "secrets": found.secrets.all(),
        "roles": found.user.roles.select_related("subscription", "resource_group", "workspace"),
        "form": form,
        "secret": made[1] if made else "",
    }
    response = render(request, "accounts/principal.html", context)
    return mark_done(response) if made else response


@admin_mode_required
@require_POST
def principal_change(request, client_id):
    """Revoke a secret of a service principal, turn it off or on, or delete it, depending on the button's `act`."""
    require_site_admin(actor_of_request(request), ACT)
    found, actor, act = _find(client_id), actor_of_request(request), request.POST.get("act", "")
    if act == "delete":
        found.remove(actor)
        messages.success(request, f"The service principal {found} was deleted.")
        return redirect("accounts:principals")
    if act in ("off", "on"):
        found.set_active(actor, act == "on")
        messages.success(request, f"{found} is switched {act}.")
    elif act == "revoke":
        key = request.POST.get("secret", "")
        secret = get_object_or_404(PrincipalSecret, principal=found, pk=numbers.int_or_none(key))
        secret.revoke(actor)
        messages.success(request, f"The secret {secret} and its tokens no longer work.")
    return redirect("accounts:principal", found.client_id)


def _find(client_id) -> ServicePrincipal:
    return get_object_or_404(ServicePrincipal.objects.select_related("user"), client_id=client_id)


@admin_mode_required
@never_cache
@require_safe
def credentials(request):
    """The list of personal tokens, with their owner, scope, expiry and last use."""
    require_site_admin(actor_of_request(request), ACT)
    rows = Token.objects.filter(revoked_at=None).select_related("user").order_by("-created_at")
    words = request.GET.get("q", "")
    for word in split_words(words):
        rows = rows.filter(Q(name__icontains=word) | Q(user__username__icontains=word) | Q(prefix__icontains=word))
    return render(request, "accounts/credentials.html", {"page": page_of(request, rows, size=50), "words": words})


@admin_mode_required
@require_POST
def credentials_revoke(request):
    """Revoke one token, or all tokens of a person."""
    require_site_admin(actor_of_request(request), ACT)
    key = request.POST.get("token", "")
    if key:
        token = get_object_or_404(Token, pk=numbers.int_or_none(key), revoked_at=None)
        token.revoke()
        messages.success(request, f"The token “{token.name}” of {token.user} no longer works.")
    else:
        user = get_object_or_404(User, username=request.POST.get("username", ""))
        number = Token.revoke_all(user)
        messages.success(request, f"{format_count(number, 'token')} of {user} revoked.")
    return redirect("accounts:credentials")
