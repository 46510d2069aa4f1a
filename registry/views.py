"""The page of one version of a registered model."""

from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_GET

from registry.models import ModelVersion
from workspaces.lookup import page_workspace


@require_GET
def version_detail(request, slug: str, name: str, number: int):
    workspace = page_workspace(request, slug)
    versions = ModelVersion.objects.select_related(
        "model", "run__workspace", "run__experiment", "created_by", "logged_model"
    )
    version = versions.filter(model__workspace=workspace, model__name=name, number=number).first()
    if version is None:
        raise Http404(f"There is no version {number} of a model {name}.")
    aliases = [alias for alias, pointed in version.model.aliases.items() if pointed == version.number]
    return render(request, "registry/version_detail.html", {"version": version, "aliases": aliases})
