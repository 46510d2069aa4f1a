"""The lineage graph: job → version of a model → copy of it, and jobs that read a model.

Each app adds its own edges with a provider in EDGES: a function that finds all edges of some nodes, with a few queries.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.db.models import Q
from django.urls import reverse

from registry import sources
from registry.models import Model, ModelVersion, RunModel
from runs.models import Run
from studio.numbers import int_or_none
from workspaces.models import Workspace

MAX_NODES, MAX_DEPTH = 1_000, 20
# Keys in one query: SQLite takes no more than some thousand values.
BATCH = 500
DIRECTIONS = UP, DOWN, BOTH = "up", "down", "both"


class GraphKey(NamedTuple):
    """`kind` is job, model, data or a kind of a provider; `id` is unique in the workspace, such as `digits:3`."""

    kind: str
    id: str


class GraphEdge(NamedTuple):
    source: GraphKey
    target: GraphKey
    label: str = ""


@dataclasses.dataclass
class GraphNode:
    key: GraphKey
    label: str
    url: str = ""
    detail: str = ""
    # The number of the column: all sources of a node are left of it.
    column: int = 0


@dataclasses.dataclass
class Graph:
    start: GraphKey
    nodes: dict[GraphKey, GraphNode]
    edges: list[GraphEdge]
    is_cut: bool = False


# (workspace, keys) -> the edges from and to these nodes.
EDGES: list[Callable[[Workspace, list[GraphKey]], Iterable[GraphEdge]]] = []
# Maps each kind to (workspace, ids) -> the nodes that exist.
DESCRIBE: dict[str, Callable[[Workspace, list[str]], Iterable[GraphNode]]] = {}


def find_graph(workspace: Workspace, start: GraphKey, direction: str = BOTH) -> Graph:
    """Find the ancestors of the node (`up`), its descendants (`down`), or both; the nearest first."""
    seen: dict[GraphKey, None] = {start: None}
    edges: dict[GraphEdge, None] = {}
    is_cut = False
    for way in (UP, DOWN) if direction == BOTH else (direction,):
        is_cut |= _walk(workspace, start, way, seen, edges)
    nodes = describe_nodes(workspace, seen)
    kept = [edge for edge in edges if edge.source in nodes and edge.target in nodes]
    _set_columns(nodes, kept)
    return Graph(start, nodes, kept, is_cut)


def _walk(workspace: Workspace, start: GraphKey, way: str, seen: dict, edges: dict) -> bool:
    """Walk layer by layer; return whether nodes were left out."""
    layer, reached = {start: None}, {start}
    for _ in range(MAX_DEPTH):
        following: dict[GraphKey, None] = {}
        for edge in edges_at(workspace, list(layer)):
            near, far = (edge.target, edge.source) if way == UP else (edge.source, edge.target)
            if near not in layer:
                continue
            if far not in seen and len(seen) >= MAX_NODES:
                return True
            edges[edge] = seen[far] = None
            if far not in reached:
                following[far] = None
        reached |= following.keys()
        layer = following
        if not layer:
            return False
    return True


def edges_at(workspace: Workspace, keys: list[GraphKey]) -> Iterable[GraphEdge]:
    for start in range(0, len(keys), BATCH):
        for provider in EDGES:
            yield from provider(workspace, keys[start : start + BATCH])


def describe_nodes(workspace: Workspace, keys: Iterable[GraphKey]) -> dict[GraphKey, GraphNode]:
    """Describe the nodes; those that no longer exist are left out."""
    ids: dict[str, list[str]] = {}
    for key in keys:
        ids.setdefault(key.kind, []).append(key.id)
    found = {}
    for kind, wanted in ids.items():
        for start in range(0, len(wanted), BATCH):
            for node in DESCRIBE[kind](workspace, wanted[start : start + BATCH]):
                found[node.key] = node
    return found


def _set_columns(nodes: dict[GraphKey, GraphNode], edges: list[GraphEdge]) -> None:
    """Place each node to the right of all its sources; nodes in a circle stay in the column where they were reached."""
    following: dict[GraphKey, list[GraphKey]] = {}
    open_sources = dict.fromkeys(nodes, 0)
    for edge in edges:
        following.setdefault(edge.source, []).append(edge.target)
        open_sources[edge.target] += 1
    ready = [key for key, count in open_sources.items() if not count]
    while ready:
        key = ready.pop()
        for target in following.get(key, []):
            nodes[target].column = max(nodes[target].column, nodes[key].column + 1)
            open_sources[target] -= 1
            if not open_sources[target]:
                ready.append(target)


def key_of(version: ModelVersion) -> GraphKey:
    return GraphKey("model", f"{version.model.name}:{version.number}")


def ids_of(keys: Iterable[GraphKey], kind: str) -> list[str]:
    return [key.id for key in keys if key.kind == kind]


def versions_of(workspace: Workspace, ids: list[str]):
    """The present versions with these ids."""
    wanted: dict[str, list[int]] = {}
    for found in ids:
        name, _, text = found.rpartition(":")
        if (number := int_or_none(text)) is not None:
            wanted.setdefault(name, []).append(number)
    models = Model.objects.present().filter(workspace=workspace, name__in=wanted).values_list("name", "pk")
    # By their keys: SQLite would otherwise read all versions of the workspace.
    chosen = [Q(model=key, number__in=wanted[name]) for name, key in models]
    rows = ModelVersion.objects.present()
    return rows.filter(functools.reduce(operator.or_, chosen)) if chosen else rows.none()


def edges_of_models(workspace: Workspace, keys: list[GraphKey]) -> Iterable[GraphEdge]:
    """From jobs to the versions that have their files, and from versions to copies of them."""
    ids, runs = ids_of(keys, "model"), ids_of(keys, "job")
    copies = ["models:/" + "/".join(one.rsplit(":", 1)) for one in ids]
    present = ModelVersion.objects.present().filter(model__deleted_at=None)
    # Apart, because each has an index of its own; with the workspace, SQLite would read all of its versions.
    found: dict[int, ModelVersion] = {}
    for rows in (present.filter(source_run_id__in=runs), present.with_source(copies), versions_of(workspace, ids)):
        found |= {version.pk: version for version in rows.select_related("model")}
    for version in found.values():
        if version.workspace_id != workspace.pk:
            continue
        source = sources.parse_source(version.source)
        if source.kind == "version":
            yield GraphEdge(GraphKey("model", f"{source.name}:{source.number}"), key_of(version), "copied")
        elif version.source_run_id:
            yield GraphEdge(GraphKey("job", version.source_run_id), key_of(version), "registered")


def edges_of_readers(workspace: Workspace, keys: list[GraphKey]) -> Iterable[GraphEdge]:
    """From a version to the jobs that read the logged model that it was registered from."""
    runs = ids_of(keys, "job")
    versions: dict[int | None, list[GraphKey]] = {}
    if ids := ids_of(keys, "model"):
        rows = versions_of(workspace, ids).exclude(logged_model=None).select_related("model")
        for version in rows:
            versions.setdefault(version.logged_model_id, []).append(key_of(version))
    rows = RunModel.objects.filter(run__workspace=workspace, run__deleted_at=None, made=False)
    links = set(rows.filter(logged_model__in=list(versions)).values_list("logged_model", "run__run_id"))
    links |= set(rows.filter(run__run_id__in=runs).values_list("logged_model", "run__run_id"))
    missing = {logged for logged, _ in links} - versions.keys() - {None}
    if missing:
        rows = ModelVersion.objects.present().filter(logged_model__in=missing)
        for version in rows.select_related("model"):
            versions.setdefault(version.logged_model_id, []).append(key_of(version))
    for logged, run_id in links:
        for version in versions.get(logged, []):
            yield GraphEdge(version, GraphKey("job", run_id), "read")


def describe_jobs(workspace: Workspace, ids: list[str]) -> Iterable[GraphNode]:
    rows = Run.objects.filter(workspace=workspace, deleted_at=None, run_id__in=ids)
    # Resolved once: a thousand URL look-ups take longer than the queries.
    head, _, tail = reverse("runs:run_detail", args=[workspace.slug, "-"]).rpartition("-")
    for run_id, name, experiment, status in rows.values_list("run_id", "display_name", "experiment__name", "status"):
        url = f"{head}{run_id}{tail}"
        yield GraphNode(GraphKey("job", run_id), name, url, f"{experiment}, {status}")


def describe_models(workspace: Workspace, ids: list[str]) -> Iterable[GraphNode]:
    for version in versions_of(workspace, ids).select_related("model"):
        name = version.model.name
        url = reverse("registry:version_detail", args=[workspace.slug, name, version.number])
        aliases = [alias for alias, number in version.model.aliases.items() if number == version.number]
        stage = [] if version.stage == version.Stage.NONE else [version.stage]
        yield GraphNode(key_of(version), f"{name}, version {version.number}", url, ", ".join([*aliases, *stage]))


def register() -> None:
    EDGES.extend([edges_of_models, edges_of_readers])
    DESCRIBE.update(job=describe_jobs, model=describe_models)
