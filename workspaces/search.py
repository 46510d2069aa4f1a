"""Search for workspaces by name, for the switcher, the palette and the list."""

from django.db.models import Q

from accounts.actors import Actor, actor_of_request
from studio.shell import Hit
from studio.words import split_words
from workspaces.models import Workspace

IN_SWITCHER = 12


def match_workspaces(actor: Actor, words: str):
    """The actor's workspaces whose name, friendly name, group or subscription contains all the words."""
    found = Workspace.objects.visible_to(actor).with_path()
    for word in split_words(words):
        found = found.filter(
            Q(name__icontains=word)
            | Q(friendly_name__icontains=word)
            | Q(resource_group__name__icontains=word)
            | Q(resource_group__subscription__subscription_id__icontains=word)
            | Q(resource_group__subscription__display_name__icontains=word)
        )
    return found


def search_workspaces(actor: Actor, workspace, words: str, limit: int) -> list[Hit]:
    return [
        Hit(found.title, found.get_absolute_url(), "Workspace", found.resource_group.name)
        for found in match_workspaces(actor, words)[:limit]
    ]


def list_for_switcher(request) -> list[Workspace]:
    """With the columns that the menu shows."""
    rows = Workspace.objects.visible_to(actor_of_request(request)).select_related("resource_group")
    return list(rows.only("name", "friendly_name", "slug", "resource_group__name")[:IN_SWITCHER])
