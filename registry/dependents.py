"""Warnings of the delete page: objects that break if versions of a model are deleted. What prevents a deletion:
`ModelVersion.move_to_trash` in registry/models/registered_models.py."""

from assets.data.models import DataVersion
from registry import data_lineage, lineage
from registry.models import ModelVersion
from runs.pages.data.dependents import Dependent
from workspaces.models import Workspace

MAX_SHOWN = 100


def find_dependents(workspace: Workspace, versions: list[ModelVersion]) -> list[Dependent]:
    found = []
    for version in versions:
        label = f"{version.model.name}, version {version.number}"
        found += [
            Dependent(f"Alias {alias}", f"It names {label} and is removed.", version.get_absolute_url())
            for alias in version.aliases
        ]
        if version.stage in ModelVersion.ACTIVE_STAGES:
            found.append(Dependent(f"Stage {version.stage}", f"It contains {label}.", version.get_absolute_url()))
    return (found + _following(workspace, versions))[:MAX_SHOWN]


def _following(workspace: Workspace, versions: list[ModelVersion]) -> list[Dependent]:
    """The next nodes of the lineage, of all kinds."""
    keys = [lineage.key_of(version) for version in versions]
    own = set(keys)
    edges = [edge for edge in lineage.edges_at(workspace, keys) if edge.source in own and edge.target not in own]
    nodes = lineage.describe_nodes(workspace, dict.fromkeys(edge.target for edge in edges))
    found = []
    for edge in edges:
        if node := nodes.get(edge.target):
            found.append(Dependent(node.label, WHY.get(edge.label, "It uses {0}.").format(edge.source.id), node.url))
    return found


WHY = {
    "deployed": "This endpoint serves {0}; deploy another version first.",
    "copied": "It is a copy of {0}: its files are those of {0}.",
    "read": "This job read {0}; it cannot be run again in the same way.",
}


def list_trained_models(version: DataVersion) -> list[Dependent]:
    """For the removal of data: the models that were trained on it."""
    rows = data_lineage.find_trained_models(version).select_related("model__workspace")[:MAX_SHOWN]
    why = "It was trained on this version; its lineage then shows a dataset without a name."
    return [Dependent(f"Model {row}", why, row.get_absolute_url()) for row in rows]
