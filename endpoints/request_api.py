"""Recorded requests over REST: which revision, models, jobs and data were behind an answer."""

from typing import Self

import pydantic
from django.http import Http404, HttpRequest
from ninja import Path, Router

from endpoints import request_traces
from endpoints.api import find_endpoint
from studio.formats import utc_time
from studio.schemas import Shape
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["services"])


class TraceModelAnswer(Shape):
    model: str = pydantic.Field(description="As `name:version`.")
    runId: str = pydantic.Field(description="The job that made it; empty if unknown.")
    data: list[str] = pydantic.Field(description="The versions of data that it was trained on.")

    @classmethod
    def of(cls, row: request_traces.TracedModel) -> Self:
        data = [node.label for _, node in row.data]
        return cls(model=f"{row.version.model.name}:{row.version.number}", runId=row.version.source_run_id, data=data)


class TraceAnswer(Shape):
    requestId: str
    time: str
    status: int
    milliseconds: float
    service: str = pydantic.Field(description="The service, or version, that answered.")
    revision: int
    environmentName: str
    models: list[TraceModelAnswer]
    output: str = pydantic.Field(description="What run() has printed.")
    body: str
    answer: str

    @classmethod
    def of(cls, row: request_traces.RequestTrace) -> Self:
        one = row.request
        return cls(
            requestId=one.request_id,
            time=utc_time(one.at),
            status=one.status,
            milliseconds=one.milliseconds,
            service=one.endpoint.name,
            revision=one.revision,
            environmentName=row.revision.environment_name if row.revision else "",
            models=[TraceModelAnswer.of(model) for model in row.models],
            output=one.output,
            body=one.body,
            answer=one.answer,
        )


@router.get(
    "/services/{name}/requests/{request_id}",
    response=TraceAnswer,
    summary="Get a recorded request with the models, jobs and data behind its answer",
)
def request_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, request_id: str):
    endpoint = find_endpoint(find_workspace(request, workspace_path), name)
    found = request_traces.find_requests(endpoint.workspace, request_id)
    own = [one for one in found if endpoint.pk in (one.endpoint_id, one.endpoint.parent_id)]
    if not own:
        raise Http404(f"RequestNotFound: the service {name} has no recorded request {request_id[:100]!r}.")
    return TraceAnswer.of(request_traces.trace_request(own[0]))
