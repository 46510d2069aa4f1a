"""Find the rows of a URL that the person may see."""

import datetime as dt

from django.http import Http404

from accounts.actors import actor_of_request
from runs.models import Experiment, Run
from studio.errors import InTrash
from studio.formats import utc_time
from studio.links import link_to
from workspaces import access
from workspaces.lookup import find_page_workspace
from workspaces.models import Workspace


def find_workspace(request, slug: str, verb: str = "read") -> Workspace:
    """Find the workspace: people without a role get 404; people without the permission to read or to do `verb` get
    403."""
    workspace = find_page_workspace(request, slug, "read")
    if verb != "read":
        require_permission(request, verb)
    return workspace


def find_runs(request, slug: str):
    return Run.objects.filter(workspace=find_workspace(request, slug), deleted_at=None)


def find_run(request, slug: str, run_id: str) -> Run:
    found = _present(request, find_runs(request, slug).select_related("experiment", "created_by"), Run, run_id=run_id)
    # Not read again.
    found.workspace = found.experiment.workspace = request.workspace
    return found


def find_experiment(request, slug: str, experiment_id) -> Experiment:
    experiments = Experiment.objects.visible_to(actor_of_request(request)).filter(
        workspace=find_workspace(request, slug)
    )
    found = _present(request, experiments.select_related("created_by"), Experiment, experiment_id=experiment_id)
    found.workspace = request.workspace
    return found


def _present(request, rows, model, **words):
    """Show people who may restore an object that it is in the trash; others get 404."""
    found = rows.filter(**words).first()
    if found is None and is_allowed(request, "edit"):
        gone = model.objects.filter(workspace=request.workspace, **words).exclude(deleted_at=None).first()
        if gone:
            raise InTrash(f"{gone} is in the trash.", link_to("trash", request.workspace.slug))
    if found is None:
        raise Http404
    return found


def is_allowed(request, verb: str) -> bool:
    """Whether to offer an action; its view checks again. One query for all checks of a page."""
    if not hasattr(request, "allowed_verbs"):
        request.allowed_verbs = access.verbs_by_scope(request.user, request.workspace)["workspace"]
    return verb in request.allowed_verbs


def require_permission(request, verb: str) -> None:
    access.require(actor_of_request(request), verb, request.workspace)


def undo_tag(slug: str, at: dt.datetime) -> str:
    """For `extra_tags` of a message: adds a button that undoes the deletion with this time."""
    return f"undo:{link_to('undo_deletion', slug)}?at={utc_time(at)}"
