"""All versions of a model, and the differences of two of them."""

from django.http import Http404
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from registry import rules
from registry.pages.access import find_model, find_version, render_tab
from registry.pages.differences import compare_versions
from studio.errors import Invalid
from studio.htmx import render_page
from studio.pagination import page_of


@require_safe
def versions(request, slug: str, name: str):
    """`?left=3&right=5` shows the differences of these two versions, `?same` also equal rows."""
    model = find_model(request, slug, name)
    rows = model.versions.present().select_related("run__experiment", "created_by")
    newest = rows.first()
    if newest is None:
        context = {"model": model, "archived": model.archived_at}
        return render_page(request, "registry/no_versions.html", context)
    page = page_of(request, rows)
    page.object_list = list(page.object_list)
    for row in page.object_list:
        row.model, row.workspace = model, model.workspace
        if row.run:
            row.run.workspace = model.workspace
    more = {"page": page}
    if request.GET.get("left") and request.GET.get("right"):
        more["left"], more["right"] = (_chosen(request, slug, name, side) for side in ("left", "right"))
        more["sections"] = compare_versions(more["left"], more["right"])
        more["is_whole"] = "same" in request.GET
    newest.model, newest.workspace = model, model.workspace
    return render_tab(request, newest, "versions", **more)


def _chosen(request, slug: str, name: str, side: str):
    number = rules.parse_version(request.GET[side])
    try:
        return find_version(request, slug, name, number)
    except Http404 as error:
        raise Invalid(f"{side}={number}: the model has no such version.", target=side) from error


@require_safe
def model_latest(request, slug: str, name: str):
    """The newest version, under an address that stays."""
    model = find_model(request, slug, name)
    newest = model.versions.present().filter(is_latest=True).first()
    if newest is None:
        return redirect("registry:versions", slug, name)
    return redirect("registry:version_detail", slug, name, newest.number)
