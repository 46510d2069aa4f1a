"""Find the workspace, experiment or run of an API URL, with permission checks."""

from django.http import Http404, HttpRequest

from accounts.actors import Actor
from runs import attempts, run_tokens
from runs.models import Experiment, Run
from studio.errors import Conflict
from workspaces import access
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace


def find_experiment(request: HttpRequest, workspace_path: WorkspacePath, name: str, verb: str = "read") -> Experiment:
    workspace = find_workspace(request, workspace_path, verb)
    found = Experiment.objects.present().filter(workspace=workspace, name=name).first()
    if found is None:
        gone = Experiment.objects.filter(workspace=workspace, name=name)
        raise Http404(f"The workspace {workspace.name} has no experiment {name!r}{_hint(request, workspace, gone)}")
    found.workspace = workspace
    return found


def find_readable(request: HttpRequest, workspace_path: WorkspacePath, run_id: str) -> Run:
    """A run that the actor may read."""
    workspace = find_workspace(request, workspace_path)
    found = Run.objects.visible_to(request.auth).filter(workspace=workspace, run_id=run_id).with_related().first()
    if found is None:
        gone = Run.objects.filter(workspace=workspace, run_id=run_id)
        raise Http404(f"The workspace {workspace.name} has no run {run_id!r}{_hint(request, workspace, gone)}")
    return found


def _hint(request: HttpRequest, workspace: Workspace, gone) -> str:
    """A hint that it is in the trash, for actors who may restore it."""
    if access.can(request.auth, "edit", workspace) and gone.exclude(deleted_at=None).exists():
        return "; it is in the trash, and `lazuli trash restore` restores it."
    return "."


def find_writable(request: HttpRequest, workspace_path: WorkspacePath, run_id: str, verb: str = "edit") -> Run:
    """A run that the actor may change: by a role, or by a run token in its current attempt."""
    if not request.auth.is_run:
        found = find_readable(request, workspace_path, run_id)
        access.require(request.auth, verb, found.workspace)
        return found
    workspace = find_workspace(request, workspace_path)
    found = Run.objects.writable_by(request.auth).filter(workspace=workspace, run_id=run_id).with_related().first()
    if found is None:
        raise Http404(
            f"The token of the run {request.auth.run_id} does not allow this request to change the run {run_id!r}."
        )
    check_attempt(request.auth, found)
    return found


def find_deletable(request: HttpRequest, workspace_path: WorkspacePath, run_id: str) -> Run:
    """A run that the actor may delete. This needs a role; a run token is not enough."""
    found = find_readable(request, workspace_path, run_id)
    access.require(request.auth, "edit", found.workspace)
    return found


def check_attempt(actor: Actor, run: Run) -> None:
    """Refuses the writes of an outdated attempt."""
    attempts.bind(run, actor.run, actor.attempt)


def check_open(actor: Actor, run: Run) -> None:
    """Refuse changes of an ended run, except for a short time unsent data of its own script."""
    if run.is_active or (actor.is_run and run_tokens.has_just_ended(run)):
        return
    raise Conflict(f"The run {run.run_id} is {run.status}; it accepts no more changes.", code="run_is_final")
