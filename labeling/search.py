"""Labeling projects in the palette, and on the page that removes data."""

from assets.data.models import DataVersion
from labeling.models import LabelingProject
from runs.pages.data.dependents import Dependent
from studio.shell import Hit
from studio.words import split_words
from workspaces import access


def search_projects(actor, workspace, words: str, limit: int) -> list[Hit]:
    """Projects of the workspace; none outside of a workspace."""
    if workspace is None or not access.can(actor, "read", workspace):
        return []
    rows = LabelingProject.objects.filter(workspace=workspace, archived_at=None).select_related("workspace")
    for word in split_words(words):
        rows = rows.filter(name__icontains=word)
    return [Hit(row.name, row.get_absolute_url(), "Labeling project") for row in rows.order_by("name")[:limit]]


def list_projects_of(version: DataVersion) -> list[Dependent]:
    """The projects that label a version of data."""
    why = "Its items are of this version, which it still finds by its id."
    rows = version.labeling_projects.select_related("workspace")[:100]
    return [Dependent(f"Labeling project {row}", why, row.get_absolute_url()) for row in rows]
