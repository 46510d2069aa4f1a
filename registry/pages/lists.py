"""The models of a workspace: the newest version of each, or all versions, found by words and facets."""

import dataclasses
from collections import Counter

from django.contrib import messages
from django.core.paginator import Page
from django.db.models import Count, QuerySet
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import actor_of_request
from registry import version_search
from registry.models import Model, ModelStar, ModelVersion
from runs.pages.access import find_workspace, is_allowed
from studio.errors import Invalid
from studio.htmx import render_page
from studio.list_parameters import accept_parameters, order_rows
from studio.pagination import page_of

SORTS = {"created": "created_at", "name": "model__name", "version": "number"}
# Models without a version, and values of a facet, that are named.
MAX_EMPTY, MAX_VALUES = 20, 30
MAX_CHOSEN = 200


@dataclasses.dataclass(frozen=True)
class ModelFacet:
    key: str
    label: str
    column: str
    words: dict = dataclasses.field(default_factory=dict)


FACETS = [
    ModelFacet("type", "Type", "model_type", dict(ModelVersion.Type.choices)),
    ModelFacet("stage", "Stage", "stage"),
    ModelFacet("framework", "Framework", "framework"),
    ModelFacet("by", "Created by", "created_by__username"),
]


def select_versions(request, workspace) -> QuerySet[ModelVersion]:
    """The versions for the filters of the URL, unsorted."""
    query = request.GET
    rows = ModelVersion.objects.present().filter(workspace=workspace)
    rows = rows.filter(archived_at__isnull="archived" not in query)
    if "all" not in query:
        rows = rows.filter(is_latest=True)
    rows = version_search.filter_by_name(rows, query.get("q", ""))
    for facet in FACETS:
        if values := query.getlist(facet.key):
            rows = rows.filter(**{f"{facet.column}__in": values})
    rows = version_search.filter_by_pairs(rows, "tags", [pair for pair in query.getlist("tag") if pair])
    if "starred" in query:
        rows = rows.filter(model__in=ModelStar.objects.filter(user=request.user).values("model"))
    return rows


def _page_of_versions(request, rows: QuerySet[ModelVersion]) -> Page:
    """A page whose rows are read by their keys: the database sorts and leaves out many, without what belongs to them."""
    page = page_of(request, order_rows(request, rows, SORTS, "-created").values_list("pk", flat=True))
    keys = list(page.object_list)
    found = ModelVersion.objects.select_related("model", "run__experiment", "created_by").in_bulk(keys)
    page.object_list = [found[key] for key in keys if key in found]
    return page


@require_safe
@accept_parameters(*(facet.key for facet in FACETS), "q", "tag", "all", "archived", "starred", "facets", "sort")
def model_list(request, slug):
    workspace = find_workspace(request, slug)
    rows = select_versions(request, workspace)
    page = _page_of_versions(request, rows)
    starred = ModelStar.objects.filter(user=request.user, model__in=[row.model_id for row in page.object_list])
    keys = set(starred.values_list("model", flat=True))
    for row in page.object_list:
        row.workspace = row.model.workspace = workspace
        if row.run:
            row.run.workspace = workspace
        row.is_starred = row.model_id in keys
    context = {
        "page": page,
        "chips": _chips(request),
        "is_all": "all" in request.GET,
        "is_archived": "archived" in request.GET,
        "is_filtered": any(request.GET.get(key) for key in ("q", "tag", *(facet.key for facet in FACETS))),
        "empty": [] if page.number > 1 else _models_without_versions(workspace),
        "may_edit": is_allowed(request, "edit"),
        "kept": _kept(request, ("q", "page")),
        "without_all": _without(request, "all"),
        "facets": _count_facets(request, workspace) if "facets" in request.GET else None,
    }
    return render_page(request, "registry/list.html", context, partial="model-rows")


def _models_without_versions(workspace) -> list[Model]:
    """MLflow's clients make such models; their page is that of their versions."""
    return list(Model.objects.present().filter(workspace=workspace, version_count=0)[:MAX_EMPTY])


@require_safe
def model_facets(request, slug):
    """The values that can be chosen with their counts, fetched when the panel is opened."""
    workspace = find_workspace(request, slug)
    return render(request, "registry/_facets.html", {"facets": _count_facets(request, workspace)})


def _count_facets(request, workspace) -> list[dict]:
    # One pass over the versions counts all facets.
    rows = select_versions(request, workspace).order_by().values_list(*(facet.column for facet in FACETS))
    combined = list(rows.annotate(count=Count("pk")))
    found = []
    for index, facet in enumerate(FACETS):
        chosen = request.GET.getlist(facet.key)
        counts: Counter[str] = Counter()
        for row in combined:
            counts[row[index]] += row[-1]
        values = [
            {"word": facet.words.get(value, value), "count": count, "url": _with(request, facet.key, value)}
            for value, count in counts.most_common(MAX_VALUES)
            if value and value not in chosen
        ]
        found.append({"label": facet.label, "values": values})
    return [facet for facet in found if facet["values"]]


def _chips(request) -> list[dict]:
    """The active filters, each with the URL without it."""
    found = []
    for facet in FACETS:
        for value in request.GET.getlist(facet.key):
            text = f"{facet.label}: {facet.words.get(value, value)}"
            found.append({"text": text, "url": _without(request, facet.key, value)})
    found += [{"text": f"Tag: {pair}", "url": _without(request, "tag", pair)} for pair in request.GET.getlist("tag")]
    if "starred" in request.GET:
        found.append({"text": "Starred", "url": _without(request, "starred")})
    return found


def _kept(request, dropped: tuple) -> list[tuple[str, str]]:
    return [(key, value) for key, values in request.GET.lists() for value in values if key not in dropped]


def _address(request, pairs: list[tuple[str, str]]) -> str:
    query = request.GET.__class__(mutable=True)
    for key, value in pairs:
        query.appendlist(key, value)
    return f"{reverse('registry:list', args=[request.workspace.slug])}?{query.urlencode()}"


def _with(request, key: str, value: str) -> str:
    return _address(request, [*_kept(request, ("page",)), (key, value)])


def _without(request, key: str, value: str | None = None) -> str:
    pairs = _kept(request, ("page",))
    return _address(request, [pair for pair in pairs if pair[0] != key or (value is not None and pair[1] != value)])


@require_POST
def models_change(request, slug):
    """`act` on all chosen models: archive, unarchive, or delete, which moves them to the trash."""
    workspace = find_workspace(request, slug, "edit")
    names, act = request.POST.getlist("model"), request.POST.get("act", "")
    if act not in ACTS:
        raise Invalid(f"act={act[:40]!r}: write {', '.join(ACTS)}.", target="act")
    if not names or len(names) > MAX_CHOSEN:
        raise Invalid(f"Choose 1 to {MAX_CHOSEN} models.", target="model")
    chosen = list(Model.objects.present().filter(workspace=workspace, name__in=names))
    if lost := set(names) - {model.name for model in chosen}:
        raise Invalid(f"There is no model {sorted(lost)[0][:255]!r}.", target="model")
    verb, said = ACTS[act]
    for model in chosen:
        model.workspace = workspace
        verb(model, actor_of_request(request))
    messages.success(request, f"{', '.join(sorted(names)[:3])}{' and more' if len(names) > 3 else ''}: {said}.")
    return HttpResponseRedirect(reverse("registry:list", args=[slug]))


ACTS = {
    "archive": (lambda model, actor: model.set_archived(True, actor), "archived, with all versions"),
    "unarchive": (lambda model, actor: model.set_archived(False, actor), "restored from the archive"),
    "delete": (Model.move_to_trash, "moved to the trash"),
}
