"""Jobs in Azure's shape: a job is a run that was submitted."""

from django.http import HttpRequest
from ninja import Path, Router, Status

from runs import submission
from runs.api import access, resources
from runs.models import Run
from studio import api, request_body
from studio.errors import Invalid
from studio.schemas import Nothing, documented
from workspaces import workspace_path
from workspaces.workspace_path import WorkspacePath

router = Router(tags=["jobs"])


def _inlined(schema):
    """pydantic's schema without references, which would point nowhere from inside an API description."""
    parts = schema.pop("$defs", {})

    def resolve(node):
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolve(parts[node["$ref"].rpartition("/")[2]])
        return {key: resolve(value) for key, value in node.items()}

    return resolve(schema)


JOB_SCHEMA = _inlined(submission.Job.model_json_schema())
CHANGE_SCHEMA = {
    "type": "object",
    "required": ["properties"],
    "properties": {
        "properties": {
            "type": "object",
            "properties": {
                "displayName": {"type": "string", "maxLength": 256},
                "description": {"type": "string", "maxLength": 5000},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }
    },
}
CHANGE = {"requestBody": {"required": True, "content": {"application/json": {"schema": CHANGE_SCHEMA}}}}
JOB = {"requestBody": {"required": True, "content": {"application/json": {"schema": JOB_SCHEMA}}}}


@router.get("", response=documented(resources.JobBaseList), summary="The jobs of a workspace, newest first")
def job_list(request: HttpRequest, place: Path[WorkspacePath]):
    room = workspace_path.require_workspace(request, place)
    jobs = Run.objects.visible_to(request.auth).filter(workspace=room, run_type=submission.SCRIPT_RUN)
    return api.paginate(request, jobs.with_related(), resources.JobBase.of)


@router.put(
    "/{name}",
    response={200: resources.JobBase, 201: resources.JobBase},
    summary="Submit a job",
    openapi_extra=JOB,
)
def job_put(request: HttpRequest, place: Path[WorkspacePath], name: str):
    room = workspace_path.require_workspace(request, place)
    if request.auth.is_run:
        access.check_attempt(request.auth, request.auth.run)
    there = Run.objects.filter(workspace=room, run_id=name).exists()
    submission.submit(request.auth, room, name, request_body.read_body(request))
    return Status(200 if there else 201, resources.JobBase.of(access.find_readable(request, place, name)))


@router.get("/{name}", response=resources.JobBase, summary="A job")
def job_read(request: HttpRequest, place: Path[WorkspacePath], name: str):
    return resources.JobBase.of(access.find_readable(request, place, name))


@router.patch(
    "/{name}",
    response=resources.JobBase,
    summary="Change a job's display name, description and tags",
    openapi_extra=CHANGE,
)
def job_edit(request: HttpRequest, place: Path[WorkspacePath], name: str):
    run = access.find_writable(request, place, name)
    properties = request_body.read_body(request).get("properties")
    if not isinstance(properties, dict):
        raise Invalid("Write what changes as `properties`.", target="properties")
    run.edit(
        display_name=properties.get("displayName"),
        description=properties.get("description"),
        tags=properties.get("tags"),
    )
    return resources.JobBase.of(access.find_readable(request, place, name))


@router.delete("/{name}", response=documented(Nothing), summary="Put an ended job into the trash")
def job_delete(request: HttpRequest, place: Path[WorkspacePath], name: str):
    access.find_deletable(request, place, name).delete()
    return {}


@router.post("/{name}/cancel", response=resources.JobBase, summary="Cancel a job")
def job_cancel(request: HttpRequest, place: Path[WorkspacePath], name: str):
    access.find_writable(request, place, name).cancel()
    return resources.JobBase.of(access.find_readable(request, place, name))
