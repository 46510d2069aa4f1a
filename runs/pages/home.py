"""The runs on the workspace's home page and in the palette."""

from django.db.models import Q
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.actors import actor_of_request
from runs.models import Experiment, Run
from runs.pages.access import find_workspace
from runs.pages.run import tree
from studio.repeated_polls import nothing_new
from studio.shell import Hit
from studio.words import split_words
from workspaces import access
from workspaces.models import Workspace

RECENT = 8
# With more workspaces, the palette searches only the open one.
MAX_WORKSPACES = 20


def recent_runs(actor, workspace) -> dict:
    """The newest runs, for the workspace's home page."""
    if not access.can(actor, "read", workspace):
        return {"runs": [], "workspace": workspace}
    runs = Run.objects.visible_to(actor).filter(workspace=workspace, parent=None)
    runs = list(runs.select_related("experiment", "workspace", "created_by")[:RECENT])
    token = tree.state_token([(run.pk, run.revision) for run in runs])
    more = {"token": token, "is_live": any(run.is_active for run in runs)}
    return {"runs": runs, "workspace": workspace, **more}


def search_runs(actor, workspace, words: str, limit: int) -> list[Hit]:
    """Runs and experiments for the palette, from workspaces that the actor may read."""
    runs = Run.objects.visible_to(actor).select_related("experiment", "workspace")
    experiments = Experiment.objects.visible_to(actor).select_related("workspace")
    readable = access.allowed_among(actor, "read", _searched_workspaces(actor, workspace))
    runs, experiments = runs.filter(workspace__in=readable), experiments.filter(workspace__in=readable)
    for word in split_words(words):
        runs = runs.filter(Q(display_name__icontains=word) | Q(run_id__icontains=word))
        experiments = experiments.filter(name__icontains=word)
    hits = [Hit(found.name, found.get_absolute_url(), "Experiment", _where(found)) for found in experiments[:limit]]
    return hits + [
        Hit(run.display_name, run.get_absolute_url(), "Job", f"{run.experiment.name} · {run.get_status_display()}")
        for run in runs[:limit]
    ]


def _searched_workspaces(actor, workspace) -> list[Workspace]:
    return [workspace] if workspace else list(Workspace.objects.visible_to(actor).with_path()[:MAX_WORKSPACES])


def _where(experiment: Experiment) -> str:
    return experiment.workspace.title


@require_safe
def recent(request, slug):
    """The card of the home page, if a run in it has changed since `?seen=`."""
    card = recent_runs(actor_of_request(request), find_workspace(request, slug))
    if card["token"] == request.GET.get("seen"):
        return nothing_new()
    return render(request, "runs/_recent.html", {"card": card})
