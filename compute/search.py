"""Search results of this app for the palette."""

from django.urls import reverse

from compute.models import ComputeTarget
from studio.shell import Hit


def search_computes(actor, workspace, words: str, limit: int) -> list[Hit]:
    """Clusters whose name contains the words, those of the current workspace first."""
    found = ComputeTarget.objects.visible_to(actor).select_related("workspace").filter(name__icontains=words)
    if workspace:
        found = found.filter(workspace=workspace)
    hits = [Hit(t.name, t.get_absolute_url(), "Compute", t.workspace.title) for t in found.order_by("name")[:limit]]
    if workspace and words and words.lower() in "create compute cluster":
        hits.append(Hit("Create compute cluster", reverse("compute:cluster_new", args=[workspace.slug]), "Page"))
    return hits[:limit]
