"""Actions on a version: description, tags, aliases, stage, star, archive, trash."""

from django import forms
from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import actor_of_request
from accounts.edit_conflicts import EditConflicts, cleaned_or_conflict, edit_in_turn, read_single_field
from accounts.form_keys import process_once
from registry import dependents, rules, signature_edits, signatures, version_files
from registry.models import ModelStar, ModelVersion, PromotionRequest
from registry.pages.access import find_model, find_version
from registry.signature_rules import INPUT_EXAMPLE, SIGNATURE
from runs.pages.access import find_workspace, require_permission
from studio.errors import Conflict, Denied, Invalid
from studio.forms import JsonField, SelectField, TagsField, TextField, cleaned_or_invalid
from studio.htmx import keep_address, reload_page, wants_piece
from studio.rules import DESCRIPTION


class VersionEdit(EditConflicts, forms.Form):
    description = TextField(DESCRIPTION, required=False)
    tags = TagsField()
    alias = TextField(rules.ALIAS, required=False)
    remove_alias = TextField(rules.ALIAS, required=False)
    stage = SelectField(rules.STAGE, required=False)
    signature = JsonField(SIGNATURE, required=False)
    input_example = JsonField(INPUT_EXAMPLE, required=False)


@require_POST
def version_edit(request, slug: str, name: str, number: int):
    """Sets `field` to `value`: description, tags, alias (adds one), remove_alias, stage, signature, input_example."""
    with edit_in_turn(request):
        version = find_version(request, slug, name, number)
        require_permission(request, "edit")
        field = request.POST.get("field", "")
        if field not in VersionEdit.base_fields:
            raise Invalid(f"field={field[:60]!r}: write one of {', '.join(VersionEdit.base_fields)}.", target="field")
        sent = read_single_field(request.POST, field)
        form = VersionEdit(sent, initial=_read_present(version, field), edited=version)
        given = cleaned_or_conflict(form)[field]
        try:
            said = _store(request, version, field, given)
        except (Conflict, Denied) as error:
            # The page shows why a promotion rule refuses it.
            messages.error(request, error.message)
        else:
            messages.success(request, said)
    return reload_page() if wants_piece(request) else redirect(version)


def _read_present(version: ModelVersion, field: str) -> dict:
    """The values that somebody else may have changed."""
    if field in ("signature", "input_example"):
        files = version_files.files_of(version)
        about = signatures.read_description(files)
        return {"signature": about.signature_text, "input_example": signatures.format_example(files, about)}
    return {"description": version.description, "tags": version.tags}


def _store(request, version: ModelVersion, field: str, given) -> str:
    actor = actor_of_request(request)
    if field == "signature":
        signature_edits.edit_signature(actor, version, given)
        return "Saved." if given else "The signature was removed."
    if field == "input_example":
        signature_edits.edit_example(actor, version, given)
        return "The input example was removed." if given is None else "Saved."
    if field in ("description", "tags"):
        version.edit(**{field: given})
        return "Saved."
    if not given:
        raise Invalid(f"{field}: enter a value.", target="value")
    if field == "alias":
        version.model.set_alias(given, version.number, actor)
        return f"{given} is now version {version.number}."
    if field == "remove_alias":
        version.model.remove_alias(given, actor)
        return f"The alias {given} was removed."
    version.transition_to(given, actor)
    return f"Version {version.number} is in the stage {given}."


class PromotionAsk(forms.Form):
    # Such as `alias:champion`, as the page offers them.
    promotion = forms.CharField()
    message = TextField(rules.MESSAGE, required=False)


@require_POST
@process_once
def promotion_ask(request, slug: str, name: str, number: int):
    """Ask for an alias or a stage that a promotion rule limits."""
    version = find_version(request, slug, name, number)
    require_permission(request, "edit")
    given = cleaned_or_invalid(PromotionAsk(request.POST))
    kind, _, wanted = given["promotion"].partition(":")
    PromotionRequest.ask(actor_of_request(request), version, kind, wanted, given["message"])
    messages.success(request, f"The request for the {kind} {wanted} was sent to those who can approve it.")
    return redirect(version)


@require_POST
def promotion_decide(request, slug: str, name: str, number: int, pk: int):
    """`state`: approved sets the alias or stage, declined does not."""
    version = find_version(request, slug, name, number)
    require_permission(request, "edit")
    requested = get_object_or_404(version.promotion_requests, pk=pk)
    requested.version, actor = version, actor_of_request(request)
    state = rules.DECISION.check(request.POST.get("state", ""))
    try:
        requested.approve(actor) if state == requested.State.APPROVED else requested.decline(actor)
    except (Conflict, Denied) as error:
        # The page shows what is missing.
        messages.error(request, error.message)
    else:
        messages.success(request, f"The request for the {requested} was {state}.")
    return redirect(version)


@require_POST
@process_once
def version_archive(request, slug: str, name: str, number: int):
    """Archive the version, or restore it from the archive."""
    version = find_version(request, slug, name, number)
    require_permission(request, "edit")
    version.set_archived(version.archived_at is None, actor_of_request(request))
    messages.success(request, f"{version} was {'archived' if version.archived_at else 'unarchived'}.")
    return redirect(version)


@require_POST
def model_star(request, slug: str):
    """Star the model `name`, or remove the star."""
    find_workspace(request, slug)
    model = find_model(request, slug, request.POST.get("name", ""))
    star, is_new = ModelStar.objects.get_or_create(user=request.user, model=model)
    if not is_new:
        star.delete()
    if wants_piece(request):
        context = {"model": model, "is_starred": is_new, "swap": True}
        return keep_address(render(request, "registry/_star.html", context))
    back = request.POST.get("next", "")
    home = reverse("registry:list", args=[slug])
    return HttpResponseRedirect(back if back.startswith(home) else home)


@require_http_methods(["GET", "HEAD", "POST"])
def version_delete(request, slug: str, name: str, number: int):
    """Show what would break, then delete; `?all` is for the model with all versions."""
    version = find_version(request, slug, name, number)
    require_permission(request, "edit")
    is_all = "all" in request.GET
    if request.method == "POST":
        try:
            return _delete(request, version, is_all)
        except Conflict as error:
            messages.error(request, error.message)
            return redirect(version)
    versions = list(version.model.versions.present().with_related()) if is_all else [version]
    context = {
        "version": version,
        "model": version.model,
        "is_all": is_all,
        "count": len(versions),
        "dependents": dependents.find_dependents(version.workspace, versions),
    }
    return render(request, "registry/delete.html", context)


def _delete(request, version: ModelVersion, is_all: bool):
    slug, name = request.workspace.slug, version.model.name
    if is_all:
        version.model.move_to_trash(actor_of_request(request))
        messages.success(request, f"{name} moved to the trash, with all its versions.")
        return redirect("registry:list", slug)
    version.move_to_trash(actor_of_request(request))
    messages.success(request, f"Version {version.number} of {name} moved to the trash.")
    return redirect("registry:versions", slug, name)
