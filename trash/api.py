"""The trash of a workspace over the wire: what is in it, back out of it, and freed permanently."""

import datetime as dt

from django.db.models import Q
from django.http import Http404, HttpRequest
from ninja import Path, Router, Schema, Status
from pydantic import Field

from accounts.actors import Actor
from studio import api
from studio.errors import Invalid
from studio.schemas import Paged, documented
from trash import contents, resources
from trash.models import PurgeJob
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, require_workspace

router = Router(tags=["trash"])
purges = Router(tags=["trash"])


class Chosen(Schema):
    runIds: list[str] = []
    experimentNames: list[str] = []


class ToFree(Chosen):
    all: bool = False


class Restored(Schema):
    restored: int


class Purge(Schema):
    """A PurgeJob, under the names of the wire."""

    purgeId: int = Field(validation_alias="pk")
    scope: str
    workspaceName: str = Field(validation_alias="workspace_name")
    state: str
    runsTotal: int = Field(validation_alias="total")
    runsDone: int = Field(validation_alias="done")
    runsKept: int = Field(validation_alias="kept")
    filesFreed: int = Field(validation_alias="files_freed")
    filesBefore: int | None = Field(validation_alias="files_before")
    filesAfter: int | None = Field(validation_alias="files_after")
    databaseBefore: int | None = Field(validation_alias="database_before")
    databaseAfter: int | None = Field(validation_alias="database_after")
    error: str
    createdUtc: dt.datetime = Field(validation_alias="created_at")
    endedUtc: dt.datetime | None = Field(validation_alias="ended_at")


class PurgeList(Paged):
    value: list[Purge]


def _workspace(request: HttpRequest, workspace_path: WorkspacePath, verb: str = "read") -> Workspace:
    return require_workspace(request, workspace_path, verb)


@router.get(
    "/trash/runs",
    response=documented(resources.DeletedRunList),
    summary="The runs in the trash that went by themselves, the last deleted first",
)
def trash_runs(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    answer = api.paginate(request, contents.runs(_workspace(request, workspace_path)).with_related(), lambda run: run)
    sizes = contents.bytes_of_each(answer["value"])
    answer["value"] = [
        resources.DeletedRun.of(run, **resources.deletion_fields(run, sizes[run.pk])) for run in answer["value"]
    ]
    return answer


@router.get(
    "/trash/experiments",
    response=documented(resources.DeletedExperimentList),
    summary="The experiments in the trash, the last deleted first",
)
def trash_experiments(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    found = contents.experiments(_workspace(request, workspace_path)).select_related("workspace")
    answer = api.paginate(request, found, lambda experiment: experiment)
    sizes = contents.bytes_of_experiments(answer["value"])
    answer["value"] = [
        resources.DeletedExperiment.of(
            row, runCount=row.runs_gone, **resources.deletion_fields(row, sizes.get(row.pk, 0))
        )
        for row in answer["value"]
    ]
    return answer


@router.post("/trash/restore", response=Restored, summary="Bring runs and experiments back with what went with them")
def trash_restore(request: HttpRequest, workspace_path: Path[WorkspacePath], body: Chosen):
    workspace = _workspace(request, workspace_path, "edit")
    return {"restored": contents.restore_chosen(*contents.find_chosen(workspace, body.runIds, body.experimentNames))}


@router.post(
    "/trash/purge", response={202: Purge}, summary="Free runs and experiments of the trash, or all, permanently"
)
def trash_purge(request: HttpRequest, workspace_path: Path[WorkspacePath], body: ToFree):
    workspace = _workspace(request, workspace_path, "edit")
    if body.all and (body.runIds or body.experimentNames):
        raise Invalid("Send either all=true, or runIds and experimentNames.", target="all")
    if body.all:
        return Status(202, contents.empty_trash(request.auth.user, workspace))
    chosen = contents.find_chosen(workspace, body.runIds, body.experimentNames)
    return Status(202, contents.delete_permanently(request.auth.user, workspace, *chosen))


@purges.get(
    "/purges", response=documented(PurgeList), summary="What is being freed permanently and what was, the newest first"
)
def purge_list(request: HttpRequest):
    return api.paginate(request, _visible(request.auth), lambda job: Purge.model_validate(job).model_dump())


@purges.get("/purges/{purge_id}", response=Purge, summary="How far a purge is, and what it has freed")
def purge_read(request: HttpRequest, purge_id: int):
    job = _visible(request.auth).filter(pk=purge_id).first()
    if job is None:
        raise Http404(f"There is no purge {purge_id} that you may see.")
    return job


def _visible(actor: Actor):
    """One's own, also when its workspace is gone, and those of the workspaces that one may see."""
    workspaces = Workspace.objects.visible_to(actor)
    return PurgeJob.objects.filter(Q(created_by=actor.user) | Q(workspace__in=workspaces))
