"""Find the model or version of a page's URL, and the common context of the pages of a version."""

from typing import NoReturn

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse

from registry import rules
from registry.models import Model, ModelStar, ModelVersion
from runs.pages.access import find_workspace, is_allowed
from studio.errors import InTrash
from studio.links import link_to

# How many versions the version menu shows.
MAX_VERSIONS = 100
# The app of endpoints adds theirs.
TABS = [
    ("details", "Details", "registry:version_detail"),
    ("versions", "Versions", "registry:versions"),
    ("artifacts", "Artifacts", "registry:version_artifacts"),
    ("metrics", "Metrics", "registry:version_metrics"),
    ("data", "Data", "registry:version_data"),
    ("lineage", "Lineage", "registry:version_lineage"),
]


def _refuse_deleted(slug: str, label: str, kind: str, row) -> NoReturn:
    restore = (link_to("restore_model", slug), {"kind": kind, "key": str(row.pk)})
    raise InTrash(f"{label} is in the trash.", link_to("trash", slug), restore)


def find_model(request, slug: str, name: str) -> Model:
    workspace = find_workspace(request, slug)
    found = workspace.models.filter(name=name)
    model = found.present().first()
    if model is None and found.exists() and is_allowed(request, "edit"):
        _refuse_deleted(slug, f"The model {name}", "model", found.first())
    if model is None:
        raise Http404(f"There is no model {name}.")
    model.workspace = workspace
    return model


def find_version(request, slug: str, name: str, number: int) -> ModelVersion:
    model = find_model(request, slug, name)
    versions = model.versions.select_related("run__workspace", "run__experiment", "created_by", "logged_model")
    version = versions.filter(number=min(number, rules.MAX_VERSION)).first()
    if version and version.deleted_at and is_allowed(request, "edit"):
        _refuse_deleted(slug, f"Version {number} of {name}", "version", version)
    if version is None or version.deleted_at:
        raise Http404(f"There is no version {number} of a model {name}.")
    version.model, version.workspace = model, model.workspace
    return version


def render_tab(request, version: ModelVersion, tab: str, **more):
    """A tab of the page of a version."""
    model = version.model
    versions = list(model.versions.present().values_list("number", flat=True)[:MAX_VERSIONS])
    if version.number not in versions:
        versions.append(version.number)
    status = more.pop("status", 200)
    context = {
        "version": version,
        "model": model,
        "tab": tab,
        "tabs": [(key, label, tab_url(version, url_name), key == tab) for key, label, url_name in TABS],
        "versions": [(number, tab_url(version, dict_of_tabs()[tab], number)) for number in versions],
        "may_edit": is_allowed(request, "edit"),
        "is_starred": ModelStar.objects.filter(user=request.user, model=model).exists(),
        **more,
    }
    return render(request, f"registry/{tab}.html", context, status=status)


def dict_of_tabs() -> dict[str, str]:
    return {key: url_name for key, _, url_name in TABS}


def tab_url(version: ModelVersion, url_name: str, number: int | None = None) -> str:
    where = [version.workspace.slug, version.model.name]
    return reverse(url_name, args=where if url_name == "registry:versions" else [*where, number or version.number])
