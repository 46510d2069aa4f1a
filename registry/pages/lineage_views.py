"""The lineage of a version, or of a job, as a drawing and a list; the models that were trained on data."""

import dataclasses

from django.shortcuts import render
from django.views.decorators.http import require_safe

from registry import data_lineage, lineage
from registry.pages.access import find_version, render_tab
from runs.pages.access import find_run
from runs.pages.data import views as data_views
from studio.pagination import page_of

# In the drawing, in pixels.
WIDTH, HEIGHT, GAP_X, GAP_Y = 220, 44, 70, 12
# More are only listed.
MAX_DRAWN = 300


@dataclasses.dataclass(frozen=True)
class Box:
    node: lineage.GraphNode
    x: int
    y: int
    is_start: bool


@dataclasses.dataclass(frozen=True)
class Drawing:
    boxes: list[Box]
    lines: list[str]
    width: int
    height: int


def draw_lineage(graph: lineage.Graph) -> Drawing:
    """Columns from left to right; each node is near the middle of its sources."""
    columns: dict[int, list[lineage.GraphNode]] = {}
    for node in sorted(graph.nodes.values(), key=lambda node: (node.column, node.label)):
        columns.setdefault(node.column, []).append(node)
    positions: dict[lineage.GraphKey, tuple[int, int]] = {}
    sources: dict[lineage.GraphKey, list[lineage.GraphKey]] = {}
    for edge in graph.edges:
        sources.setdefault(edge.target, []).append(edge.source)
    for order, column in enumerate(sorted(columns)):
        rows = sorted(columns[column], key=lambda node: _middle(positions, sources.get(node.key, [])))
        for row, node in enumerate(rows):
            positions[node.key] = (order * (WIDTH + GAP_X) + 1, row * (HEIGHT + GAP_Y) + 1)
    boxes = [Box(node, *positions[node.key], node.key == graph.start) for node in graph.nodes.values()]
    lines = [_line(positions[edge.source], positions[edge.target]) for edge in graph.edges]
    width = max(x for x, _ in positions.values()) + WIDTH + 1
    return Drawing(boxes, lines, width, max(y for _, y in positions.values()) + HEIGHT + 1)


def _middle(positions: dict, sources: list) -> float:
    found = [positions[key][1] for key in sources if key in positions]
    return sum(found) / len(found) if found else 0.0


def _line(source: tuple[int, int], target: tuple[int, int]) -> str:
    x, y = source[0] + WIDTH, source[1] + HEIGHT // 2
    end_x, end_y = target[0], target[1] + HEIGHT // 2
    bend = (x + end_x) // 2
    return f"M{x} {y}C{bend} {y} {bend} {end_y} {end_x} {end_y}"


def lineage_context(graph: lineage.Graph) -> dict:
    drawing = draw_lineage(graph) if 1 < len(graph.nodes) <= MAX_DRAWN else None
    nodes = graph.nodes
    edges = [(nodes[edge.source], edge.label, nodes[edge.target]) for edge in graph.edges]
    edges.sort(key=lambda edge: (edge[0].column, edge[0].label, edge[2].label))
    return {"graph": graph, "drawing": drawing, "edges": edges, "box": {"width": WIDTH, "height": HEIGHT}}


@require_safe
def version_lineage(request, slug: str, name: str, number: int):
    version = find_version(request, slug, name, number)
    graph = lineage.find_graph(version.workspace, lineage.key_of(version))
    return render_tab(request, version, "lineage", **lineage_context(graph))


@require_safe
def run_lineage(request, slug: str, run_id: str):
    """The same graph, seen from a job."""
    run = find_run(request, slug, run_id)
    graph = lineage.find_graph(run.workspace, lineage.GraphKey("job", run.run_id))
    return render(request, "registry/run_lineage.html", {"run": run, **lineage_context(graph)})


@require_safe
def data_version_lineage(request, slug: str, name: str, version: str):
    """The same graph, seen from data."""
    found = data_views.find_version(request, slug, name, version)
    key = lineage.GraphKey(data_lineage.KIND, str(found.dataset_id))
    more = lineage_context(lineage.find_graph(found.workspace, key))
    return render(request, "registry/data_lineage.html", data_views.build_context(request, found, "lineage", **more))


@require_safe
def data_models(request, slug: str, name: str, version: str):
    """A tab of the page of data."""
    found = data_views.find_version(request, slug, name, version)
    rows = data_lineage.find_trained_models(found).select_related(
        "model", "run__experiment", "run__workspace", "created_by"
    )
    page = page_of(request, rows.order_by("-created_at", "-pk"))
    for row in page.object_list:
        row.model.workspace = request.workspace
        row.uses = [one["name"] for one in row.datasets if one["id"] == str(found.dataset_id)]
    return render(request, "registry/data_models.html", data_views.build_context(request, found, "models", page=page))
