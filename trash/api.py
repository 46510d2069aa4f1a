"""The API of a workspace's trash: list, restore and purge."""

from django.db.models import Q
from django.http import Http404, HttpRequest
from ninja import Path, Router, Status

from accounts.actors import Actor
from studio import api
from studio.errors import Invalid
from studio.schemas import list_of
from trash import contents, resources
from trash.models import PurgeJob
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["trash"])
purges = Router(tags=["trash"])


@router.get(
    "/trash/runs",
    response=list_of(resources.DeletedRun),
    summary="List deleted runs, newest first, without those deleted with their experiment",
)
def trash_runs(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    rows, next_link = api.cut_page(
        request, contents.list_deleted_runs(find_workspace(request, workspace_path)).with_related()
    )
    sizes = contents.count_bytes_by_run(rows)
    value = [resources.DeletedRun.of(run, **resources.deletion_fields(run, sizes[run.pk])) for run in rows]
    return list_of(resources.DeletedRun)(value=value, nextLink=next_link)


@router.get(
    "/trash/experiments",
    response=list_of(resources.DeletedExperiment),
    summary="List deleted experiments, newest first",
)
def trash_experiments(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    found = contents.list_deleted_experiments(find_workspace(request, workspace_path)).select_related("workspace")
    rows, next_link = api.cut_page(request, found)
    sizes = contents.count_bytes_by_experiment(rows)
    value = [
        resources.DeletedExperiment.of(
            row, runCount=row.runs_gone, **resources.deletion_fields(row, sizes.get(row.pk, 0))
        )
        for row in rows
    ]
    return list_of(resources.DeletedExperiment)(value=value, nextLink=next_link)


@router.post(
    "/trash/restore",
    response=resources.Restored,
    summary="Restore runs and experiments with everything that was deleted with them",
)
def trash_restore(request: HttpRequest, workspace_path: Path[WorkspacePath], body: resources.TrashSelection):
    workspace = find_workspace(request, workspace_path, "edit")
    chosen = contents.find_selected(workspace, body.runIds, body.experimentNames)
    return resources.Restored(restored=contents.restore_selected(*chosen))


@router.post(
    "/trash/purge",
    response={202: resources.Purge},
    summary="Delete runs and experiments in the trash permanently",
)
def trash_purge(request: HttpRequest, workspace_path: Path[WorkspacePath], body: resources.PurgeRequest):
    workspace = find_workspace(request, workspace_path, "edit")
    if body.all and (body.runIds or body.experimentNames):
        raise Invalid("Send either all=true, or runIds and experimentNames.", target="all")
    if body.all:
        return Status(202, resources.Purge.of(contents.empty_trash(request.auth.user, workspace)))
    chosen = contents.find_selected(workspace, body.runIds, body.experimentNames)
    return Status(202, resources.Purge.of(contents.delete_permanently(request.auth.user, workspace, *chosen)))


@purges.get(
    "/purges",
    response=list_of(resources.Purge),
    summary="List permanent deletions, newest first",
)
def purge_list(request: HttpRequest):
    return api.paginate(request, _visible(request.auth), resources.Purge)


@purges.get("/purges/{purge_id}", response=resources.Purge, summary="Get the progress of a permanent deletion")
def purge_read(request: HttpRequest, purge_id: int):
    job = _visible(request.auth).filter(pk=purge_id).first()
    if job is None:
        raise Http404(f"There is no purge {purge_id} that you may see.")
    return resources.Purge.of(job)


def _visible(actor: Actor):
    """The actor's own purges, even if the workspace is gone, and those of visible workspaces."""
    workspaces = Workspace.objects.visible_to(actor)
    return PurgeJob.objects.filter(Q(created_by=actor.user) | Q(workspace__in=workspaces))
