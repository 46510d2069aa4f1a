"""Endpoints in the lineage: what became of a version of a model."""

from collections.abc import Iterable

from django.db.models import Q
from django.urls import reverse

from endpoints.deployment import GONE
from endpoints.models import Endpoint, Revision
from registry import lineage
from registry.lineage import GraphEdge, GraphKey, GraphNode
from workspaces.models import Workspace

KIND = "endpoint"
FIELDS = (
    "revision__endpoint__parent__name",
    "revision__endpoint__name",
    "modelversion__model__name",
    "modelversion__number",
)


def edges_of_endpoints(workspace: Workspace, keys: list[GraphKey]) -> Iterable[GraphEdge]:
    """From versions of models to the endpoints that serve them, also by one of their versions."""
    names, ids = lineage.ids_of(keys, KIND), lineage.ids_of(keys, "model")
    if not names and not ids:
        return
    links = Revision.model_versions.through.objects.exclude(revision__stage__in=GONE)
    chosen = Q(modelversion__in=lineage.versions_of(workspace, ids))
    chosen |= Q(revision__endpoint__name__in=names) | Q(revision__endpoint__parent__name__in=names)
    rows = links.filter(chosen, revision__endpoint__workspace=workspace)
    for parent, name, model, number in rows.values_list(*FIELDS):
        yield GraphEdge(GraphKey("model", f"{model}:{number}"), GraphKey(KIND, parent or name), "deployed")


def describe_endpoints(workspace: Workspace, ids: list[str]) -> Iterable[GraphNode]:
    rows = Endpoint.objects.without_versions().filter(workspace=workspace, name__in=ids)
    for name in rows.values_list("name", flat=True):
        yield GraphNode(GraphKey(KIND, name), name, reverse("endpoints:detail", args=[workspace.slug, name]))


def register() -> None:
    lineage.EDGES.append(edges_of_endpoints)
    lineage.DESCRIBE[KIND] = describe_endpoints
