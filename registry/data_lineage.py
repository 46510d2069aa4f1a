"""Data in the lineage: inputs of jobs and data of models; for datasets of the studio also whether a newer version
exists."""

import uuid
from collections.abc import Iterable

from django.db.models import Max, Q
from django.urls import NoReverseMatch, reverse

from assets.data.models import DataVersion
from registry import lineage
from registry.lineage import GraphEdge, GraphKey, GraphNode
from registry.models import ModelVersion, VersionDataset
from runs.job_data import SOURCE_TYPE
from runs.models.lineage import RunDataset
from workspaces.models import Workspace

KIND = "data"
FIELDS = ("name", "digest", "source_type", "context", "run__run_id")


def key_of(name: str, digest: str, source_type: str) -> GraphKey:
    """The key of a dataset: its id in the workspace, or name and digest for one that only MLflow's client knows."""
    return GraphKey(KIND, digest if source_type == SOURCE_TYPE else f"{name}@{digest}")


def edges_of_jobs(workspace: Workspace, keys: list[GraphKey]) -> Iterable[GraphEdge]:
    """From data to the jobs that read it."""
    chosen = Q(run__run_id__in=lineage.ids_of(keys, "job"))
    for one in lineage.ids_of(keys, KIND):
        name, sign, digest = one.rpartition("@")
        chosen |= Q(name=name, digest=digest) if sign else Q(digest=digest, source_type=SOURCE_TYPE)
    rows = RunDataset.objects.filter(chosen, run__workspace=workspace, run__deleted_at=None)
    for name, digest, source_type, context, run_id in rows.values_list(*FIELDS):
        yield GraphEdge(key_of(name, digest, source_type), GraphKey("job", run_id), context or "input")


def edges_of_outputs(workspace: Workspace, keys: list[GraphKey]) -> Iterable[GraphEdge]:
    """From jobs to the datasets that they registered."""
    rows = DataVersion.objects.filter(workspace=workspace).exclude(asset=None).exclude(made_by_run="")
    data = [found for found in map(_parse_uuid, lineage.ids_of(keys, KIND)) if found]
    chosen = rows.filter(Q(made_by_run__in=lineage.ids_of(keys, "job")) | Q(dataset_id__in=data))
    for run_id, dataset_id in chosen.values_list("made_by_run", "dataset_id"):
        yield GraphEdge(GraphKey("job", run_id), GraphKey(KIND, str(dataset_id)), "wrote")


def edges_of_models(workspace: Workspace, keys: list[GraphKey]) -> Iterable[GraphEdge]:
    """From data to the versions that were registered with it."""
    ids, data = lineage.ids_of(keys, "model"), set(lineage.ids_of(keys, KIND))
    found = list(lineage.versions_of(workspace, ids).exclude(datasets=[]).select_related("model"))
    links = VersionDataset.objects.filter(dataset_id__in=data).values("version")
    rows = ModelVersion.objects.present().filter(pk__in=links, workspace=workspace, model__deleted_at=None)
    found += rows.select_related("model") if data else []
    wanted = set(ids)
    for version in found:
        target = lineage.key_of(version)
        for one in version.datasets:
            if target.id in wanted or one["id"] in data:
                yield GraphEdge(GraphKey(KIND, one["id"]), target, one["name"])


def describe_data(workspace: Workspace, ids: list[str]) -> Iterable[GraphNode]:
    wanted = [found for found in map(_parse_uuid, ids) if found]
    rows = DataVersion.objects.filter(workspace=workspace, dataset_id__in=wanted).select_related("asset", "workspace")
    found = {str(row.dataset_id): row for row in rows}
    assets = {row.asset_id for row in found.values() if row.asset_id}
    newest = dict(DataVersion.objects.filter(asset__in=assets).order_by().values_list("asset").annotate(Max("number")))
    for one in ids:
        row = found.get(one)
        yield _describe_version(one, row, newest) if row else _describe_other(one)


def _describe_version(one: str, row: DataVersion, newest: dict) -> GraphNode:
    if row.asset is None:
        return GraphNode(GraphKey(KIND, one), "Dataset without a name", "", one)
    latest = newest.get(row.asset_id, row.number)
    detail = f"{row.get_kind_display()}{f', newer: version {latest}' if latest > row.number else ''}"
    try:
        url = reverse("data:detail", args=[row.workspace.slug, row.asset.name, row.version])
    except NoReverseMatch:
        url = ""
    return GraphNode(GraphKey(KIND, one), f"{row.asset.name}, version {row.version}", url, detail)


def _describe_other(one: str) -> GraphNode:
    name, _, digest = one.rpartition("@")
    return GraphNode(GraphKey(KIND, one), name or one, "", digest if name else "")


def _parse_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def list_data(version: ModelVersion) -> list[tuple[str, GraphNode]]:
    """The data of a version: (use, data)."""
    keys = [lineage.key_of(version)] + ([GraphKey("job", version.source_run_id)] if version.source_run_id else [])
    found = {edge.source: edge.label for provider in PROVIDERS for edge in provider(version.workspace, keys)}
    nodes = lineage.describe_nodes(version.workspace, found)
    return [(label, nodes[key]) for key, label in found.items() if key in nodes]


def list_samples(version: ModelVersion) -> list[tuple[str, GraphNode]]:
    """The datasets of its sample input and output, with their labels."""
    given = {"Sample input": version.sample_input, "Sample output": version.sample_output}
    ids = [one for one in given.values() if one]
    nodes = {node.key.id: node for node in describe_data(version.workspace, ids)} if ids else {}
    return [(label, nodes[one]) for label, one in given.items() if one in nodes]


PROVIDERS = (edges_of_jobs, edges_of_models)


def find_trained_models(version: DataVersion):
    """The versions of models that were registered with a version of data, or by a job that read it."""
    one = str(version.dataset_id)
    read = RunDataset.objects.filter(
        digest=one, source_type=SOURCE_TYPE, run__workspace=version.workspace, run__deleted_at=None
    )
    rows = ModelVersion.objects.present().filter(workspace=version.workspace, model__deleted_at=None)
    links = VersionDataset.objects.filter(dataset_id=one)
    return rows.filter(Q(source_run_id__in=read.values("run__run_id")) | Q(pk__in=links.values("version")))


def register() -> None:
    lineage.EDGES.extend([*PROVIDERS, edges_of_outputs])
    lineage.DESCRIBE[KIND] = describe_data
