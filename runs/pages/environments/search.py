"""Environments in the palette."""

from django.urls import reverse

from assets import environments
from assets.models import Environment
from studio.shell import Hit
from studio.words import split_words
from workspaces import access


def search_environments(actor, workspace, words: str, limit: int) -> list[Hit]:
    """The workspace's own, then curated ones; outside a workspace none."""
    if workspace is None or not access.can(actor, "read", workspace):
        return []
    wanted = [word.lower() for word in split_words(words)]
    own = Environment.objects.filter(workspace=workspace)
    for word in wanted:
        own = own.filter(name__icontains=word)
    names = [(name, "Environment") for name in own.order_by("name").values_list("name", flat=True)[:limit]]
    for name in environments.curated_environments():
        if all(word in name.lower() for word in wanted):
            names.append((name, "Curated environment"))
    where = [workspace.slug]
    return [Hit(name, reverse("environments:latest", args=[*where, name]), kind) for name, kind in names[:limit]]
