"""The way from the id of a request to the revision, the versions of the models, the jobs that made them, and their data."""

import dataclasses

from django.db.models import Q

from endpoints.models import Revision, ServiceRequest
from registry import data_lineage
from registry.lineage import GraphNode
from registry.models import ModelVersion
from workspaces.models import Workspace

# Clients choose ids, so several requests can have the same one: the newest are shown.
MAX_FOUND = 5


@dataclasses.dataclass(frozen=True)
class TracedModel:
    version: ModelVersion
    # (use, data)
    data: list[tuple[str, GraphNode]]


@dataclasses.dataclass(frozen=True)
class RequestTrace:
    request: ServiceRequest
    # None after its deletion.
    revision: Revision | None
    models: list[TracedModel]


def find_requests(workspace: Workspace, request_id: str) -> list[ServiceRequest]:
    """The newest recorded requests with this id, which the server or the client gave."""
    if not request_id:
        return []
    found = ServiceRequest.objects.filter(endpoint__workspace=workspace)
    found = found.filter(Q(request_id=request_id) | Q(client_request_id=request_id))
    return list(found.select_related("endpoint__workspace", "endpoint__parent").order_by("-at")[:MAX_FOUND])


def trace_request(request: ServiceRequest) -> RequestTrace:
    revisions = Revision.objects.filter(endpoint=request.endpoint, number=request.revision)
    revision = revisions.select_related("endpoint", "target").first()
    versions = revision.model_versions.select_related("model", "run__experiment", "workspace") if revision else []
    return RequestTrace(request, revision, [TracedModel(one, data_lineage.list_data(one)) for one in versions])
