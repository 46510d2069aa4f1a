"""Search results of this app for the palette."""

from compute.models import ComputeTarget
from studio.shell import Hit


def search_computes(actor, workspace, words: str, limit: int) -> list[Hit]:
    """Clusters whose name contains the words, those of the current workspace first."""
    found = ComputeTarget.objects.visible_to(actor).select_related("workspace").filter(name__icontains=words)
    if workspace:
        found = found.filter(workspace=workspace)
    return [Hit(t.name, t.get_absolute_url(), "Compute", t.workspace.title) for t in found.order_by("name")[:limit]]
