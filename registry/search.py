"""Models in the palette."""

from django.urls import reverse

from registry.models import Model
from studio.shell import Hit
from studio.words import split_words
from workspaces import access


def search_models(actor, workspace, words: str, limit: int) -> list[Hit]:
    """Models for the palette; none outside of a workspace."""
    if workspace is None or not access.can(actor, "read", workspace):
        return []
    rows = Model.objects.present().filter(workspace=workspace, archived_at=None)
    for word in split_words(words):
        rows = rows.filter(name__icontains=word)
    names = rows.order_by("name").values_list("name", flat=True)[:limit]
    return [Hit(name, reverse("registry:latest", args=[workspace.slug, name]), "Model") for name in names]
