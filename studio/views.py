"""Views that belong to no app: the results of the palette, the menu of the workspace, and the favicon."""

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from studio.shell import ACTIONS, NAV, SEARCHES, Hit, Shell
from studio.words import split_words

PER_KIND = 6


THEMES = {"light": "Light theme", "dark": "Dark theme", "system": "System theme"}


@require_safe
def palette(request):
    """Results for `?q=` in the workspace `?ws=`; every app searches its own kind of objects."""
    words = " ".join(split_words(request.GET.get("q", "")))
    workspace = Shell.workspace_of(request, request.GET.get("ws", "")) if request.GET.get("ws") else None
    hits = [*pages(workspace, words.lower()), *actions(workspace, words.lower().split())]
    for search in SEARCHES:
        hits += search(Shell.actor_of(request), workspace, words, PER_KIND)
    # Exact matches come first.
    hits.sort(key=lambda hit: hit.title.lower() != words.lower())
    return render(request, "studio/_palette.html", {"hits": hits, "words": words})


@require_safe
def switcher(request):
    """The content of the menu of the workspace `?ws=`; a page requests it when a person is about to open the menu."""
    if slug := request.GET.get("ws", ""):
        request.workspace = Shell.workspace_of(request, slug)
    return render(request, "studio/_switcher.html")


def pages(workspace, words: str) -> list[Hit]:
    hits = []
    for item in NAV:
        url = item.url(workspace.slug if workspace else "") if workspace or not item.in_workspace else ""
        if url and words in item.label.lower():
            hits.append(Hit(item.label, url, "Page", workspace.title if workspace and item.in_workspace else ""))
    if words and words in "access tokens":
        hits.append(Hit("Access tokens", reverse("accounts:tokens"), "Page"))
    return hits


def actions(workspace, words: list[str]) -> list[Hit]:
    """Actions whose label has all words."""
    title = workspace.title if workspace else ""
    found = [
        Hit(item.label, url, "Action", title if item.in_workspace else "")
        for item in ACTIONS
        if (workspace or not item.in_workspace) and (url := item.url(workspace.slug if workspace else ""))
    ]
    # static/js/shell/palette.js does what such an address says.
    found += [Hit(label, f"#theme-{theme}", "Action") for theme, label in THEMES.items()]
    return [hit for hit in found if words and all(word in hit.title.lower() for word in words)]


@login_not_required
@require_safe
def favicon(request):
    return redirect(static("img/logo.svg"), permanent=True)
