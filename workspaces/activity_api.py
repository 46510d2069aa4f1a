"""The activity log of a workspace over REST, in the format of Azure Monitor's events."""

from typing import Any, Self

from django.http import HttpRequest
from ninja import Path, Router

from accounts.activity import Activity
from studio.api import paginate
from studio.formats import utc_time
from studio.forms import cleaned_or_invalid
from studio.schemas import Shape, list_of
from workspaces.activity_search import ActivityFilter, list_activities
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["Activity log"])


class EventData(Shape):
    eventDataId: str
    eventTimestamp: str
    caller: str
    callerKind: str
    callerIpAddress: str
    runId: str
    operationName: str
    description: str
    resourceType: str
    resourceId: str
    scope: str
    status: str
    message: str
    changes: dict[str, Any]
    correlationId: str
    number: int
    previous: str
    digest: str

    @classmethod
    def of(cls, row: Activity) -> Self:
        return cls(
            eventDataId=str(row.pk),
            eventTimestamp=utc_time(row.at),
            caller=row.actor_name,
            callerKind=row.actor_kind,
            callerIpAddress=row.address,
            runId=row.run_id,
            operationName=row.verb,
            description=str(row),
            resourceType=row.kind,
            resourceId=row.object_id,
            scope=row.scope,
            status=row.outcome,
            message=row.message,
            changes=row.changes,
            correlationId=row.request_id,
            number=row.number,
            previous=row.previous,
            digest=row.digest,
        )


@router.get("", response=list_of(EventData), summary="The activity log, the newest first; filters as on its page")
def activity_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = find_workspace(request, workspace_path, "read_activity")
    form = ActivityFilter(request.GET)
    cleaned_or_invalid(form)
    return paginate(request, form.apply(list_activities(request.auth, workspace)), EventData)
