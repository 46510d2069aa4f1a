"""Replays of recorded requests against a candidate, over REST."""

from typing import Annotated, Any, Self

import pydantic
from django.http import Http404, HttpRequest
from ninja import Path, Router, Status

from endpoints import replays, rules
from endpoints.api import find_endpoint
from endpoints.models import Replay
from studio.request_body import Body, Whole
from studio.schemas import Shape
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["services"])


class ReplayCreate(Body):
    candidate: str = pydantic.Field(
        max_length=65, description="The service, or version as SERVICE.VERSION, to send to."
    )
    count: Annotated[Whole, rules.REPLAY_COUNT] = pydantic.Field(default=100, description="The newest so many.")


class ReplayAnswer(Shape):
    id: int
    candidate: str
    state: str
    problem: str
    count: int
    sent: int
    same: int
    different: int
    failed: int
    largestDifference: float = pydantic.Field(description="Of two numbers at the same place of two answers.")
    p95: float | None = pydantic.Field(description="Milliseconds of the recorded answers.")
    newP95: float | None
    results: list[dict[str, Any]]

    @classmethod
    def of(cls, row: Replay) -> Self:
        found = replays.summarize(row)
        return cls(
            id=row.pk,
            candidate=row.candidate_name,
            state=row.state,
            problem=row.problem,
            count=len(row.keys),
            sent=found.sent,
            same=found.same,
            different=found.different,
            failed=found.failed,
            largestDifference=found.largest_difference,
            p95=found.p95,
            newP95=found.new_p95,
            results=row.results,
        )


@router.post(
    "/services/{name}/replays", response={201: ReplayAnswer}, summary="Send recorded requests to another version"
)
def replay_create(request, workspace_path: Path[WorkspacePath], name: str, body: ReplayCreate):
    workspace = find_workspace(request, workspace_path, "edit")
    endpoint, candidate = find_endpoint(workspace, name), find_endpoint(workspace, body.candidate)
    user = request.auth.user
    return Status(201, ReplayAnswer.of(replays.start_replay(endpoint, candidate, body.count, user)))


@router.get("/services/{name}/replays/{replay_id}", response=ReplayAnswer, summary="Get a replay with its differences")
def replay_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, replay_id: int):
    endpoint = find_endpoint(find_workspace(request, workspace_path), name)
    replay = endpoint.replays.filter(pk=replay_id).first()
    if replay is None:
        raise Http404(f"ReplayNotFound: the service {name} has no replay {replay_id}.")
    return ReplayAnswer.of(replay)
