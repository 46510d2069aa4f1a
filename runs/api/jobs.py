"""Jobs in Azure's format: a job is a run that was submitted."""

from django.http import HttpRequest
from ninja import Path, Router, Status

from runs import submission
from runs.api import access, resources
from runs.models import Run
from studio import api, request_body
from studio.schemas import Nothing, described_body, list_of
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["jobs"])


@router.get("", response=list_of(resources.JobBase), summary="List the jobs of a workspace, newest first")
def job_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = find_workspace(request, workspace_path)
    jobs = Run.objects.visible_to(request.auth).filter(workspace=workspace, run_type=submission.SCRIPT_RUN)
    return api.paginate(request, jobs.with_related(), resources.JobBase)


@router.put(
    "/{name}",
    response={200: resources.JobBase, 201: resources.JobBase},
    summary="Submit a job",
    openapi_extra=described_body(submission.Job),
)
def job_put(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path)
    if request.auth.is_run:
        access.check_attempt(request.auth, request.auth.run)
    there = Run.objects.filter(workspace=workspace, run_id=name).exists()
    submission.submit_job(request.auth, workspace, name, request_body.read_body(request))
    return Status(200 if there else 201, resources.JobBase.of(access.find_readable(request, workspace_path, name)))


@router.get("/{name}", response=resources.JobBase, summary="A job")
def job_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.JobBase.of(access.find_readable(request, workspace_path, name))


@router.patch(
    "/{name}",
    response=resources.JobBase,
    summary="Change a job's display name, description and tags",
)
def job_edit(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.JobUpdate):
    run = access.find_writable(request, workspace_path, name)
    changed = body.properties
    run.edit(display_name=changed.displayName, description=changed.description, tags=changed.tags)
    return resources.JobBase.of(access.find_readable(request, workspace_path, name))


@router.delete("/{name}", response=Nothing, summary="Move an ended job to the trash")
def job_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    access.find_deletable(request, workspace_path, name).delete()
    return {}


@router.post("/{name}/cancel", response=resources.JobBase, summary="Cancel a job")
def job_cancel(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    access.find_writable(request, workspace_path, name).cancel()
    return resources.JobBase.of(access.find_readable(request, workspace_path, name))
