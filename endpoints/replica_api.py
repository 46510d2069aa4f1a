"""Routes for the process of a service, with the token of its attempt, and for the gateway."""

import datetime as dt
from typing import Annotated, Any, Literal, Self

import pydantic
from django.http import Http404, HttpRequest, StreamingHttpResponse
from ninja import Router
from ninja.security import HttpBearer

from compute.instances.gateway_api import GatewayKey
from endpoints import scaling, traffic, work_kind
from endpoints.models import CollectedRows, Endpoint, Revision, ServiceRequest
from registry import version_files
from studio import storage
from studio.errors import Conflict, Unauthenticated
from studio.gateway.meters import BUCKETS
from studio.request_body import Body
from studio.schemas import Shape, bytes_response

router = Router(tags=["nodes"])
MAX_REPORT = 100_000
# Characters of a body or an answer.
MAX_DATA = 16_384
# A request waits so long while a replica starts.
HOLD_SECONDS, SHORT_HOLD_SECONDS = 60.0, 2.0
# After so many restarts in a row, the pause is longer than a request should wait.
QUICK_RESTARTS = 3


Count = Annotated[int, pydantic.Field(ge=0)]


class ReplicaKey(HttpBearer):
    def authenticate(self, request, token):
        return work_kind.find_replica(token)


class ReplicaModel(Shape):
    name: str
    version: int
    root: str = pydantic.Field(description="The name of its file or folder; empty for a folder without one.")
    files: list[str]


class ReplicaPlan(Shape):
    service: str
    workspace: str
    entryScript: str
    concurrency: int
    timeoutSeconds: float
    collectsData: bool = pydantic.Field(description="Whether records have the bodies of requests and answers.")
    models: list[ReplicaModel]


class ServiceRequestRecord(Body):
    time: float = pydantic.Field(ge=0, le=4e9, description="When it was answered, in seconds since 1970.")
    requestId: str = pydantic.Field(max_length=100)
    clientRequestId: str = pydantic.Field(default="", max_length=100)
    method: str = pydantic.Field(max_length=20)
    path: str = pydantic.Field(max_length=100)
    status: int = pydantic.Field(ge=100, le=999)
    milliseconds: float = pydantic.Field(ge=0, le=1e9)
    itemCount: int = pydantic.Field(default=1, ge=1, le=1_000_000_000)
    output: str = pydantic.Field(default="", max_length=4096, description="What run() has printed.")
    body: str = pydantic.Field(default="", max_length=MAX_DATA, description="Of the request, if data is collected.")
    answer: str = pydantic.Field(default="", max_length=MAX_DATA)

    def make_row(self, revision: Revision) -> ServiceRequest:
        return ServiceRequest(
            endpoint=revision.endpoint,
            revision=revision.number,
            at=dt.datetime.fromtimestamp(self.time, dt.UTC),
            request_id=self.requestId,
            client_request_id=self.clientRequestId,
            method=self.method,
            path=self.path,
            status=self.status,
            milliseconds=self.milliseconds,
            item_count=self.itemCount,
            output=self.output.replace("\0", ""),
            body=self.body.replace("\0", "") if revision.endpoint.collects_data else "",
            answer=self.answer.replace("\0", "") if revision.endpoint.collects_data else "",
        )


class CollectedRecord(Body):
    """Rows that the entry script collects with a ModelDataCollector."""

    time: float = pydantic.Field(ge=0, le=4e9)
    model: str = pydantic.Field(min_length=1, max_length=255)
    version: str = pydantic.Field(default="default", max_length=30)
    designation: str = pydantic.Field(min_length=1, max_length=100)
    columns: list[str] = pydantic.Field(max_length=1000)
    rows: list[list[str | int | float | bool | None]] = pydantic.Field(max_length=10_000)
    correlationId: str = pydantic.Field(default="", max_length=100)
    requestId: str = pydantic.Field(default="", max_length=100)

    def make_row(self, revision: Revision, numbers: dict[str, int]) -> CollectedRows:
        """`numbers`: the versions of the revision's models by name."""
        version = self.version if self.version != "default" else str(numbers.get(self.model, "default"))
        return CollectedRows(
            endpoint=revision.endpoint,
            at=dt.datetime.fromtimestamp(self.time, dt.UTC),
            model=self.model,
            version=version,
            designation=self.designation,
            request_id=self.correlationId or self.requestId,
            columns=self.columns,
            rows=self.rows,
        )


class ReplicaReport(Body):
    state: Literal["starting", "ready", "failed"] = "starting"
    error: str = ""
    log: str = pydantic.Field(default="", max_length=MAX_REPORT)
    requests: list[ServiceRequestRecord] = pydantic.Field(default=[], max_length=100)
    collected: list[CollectedRecord] = pydantic.Field(default=[], max_length=100)
    example: dict[str, Any] = pydantic.Field(default={}, description="A request, by the schema of the entry script.")


class ReplicaSettings(Shape):
    collectsData: bool


class Call(Body):
    workspace: str
    name: str
    key: str = ""


class VersionShare(Shape):
    name: str
    share: int = pydantic.Field(description="How many of 100 requests it gets.")


class CallAdmission(Shape):
    addresses: list[str] = pydantic.Field(description="The replicas that are ready.")
    concurrency: int
    timeoutSeconds: float
    holdSeconds: float = pydantic.Field(description="How long to wait for a replica if there is none.")
    message: str = pydantic.Field(description="Why there is none.")
    versions: list[VersionShare] = pydantic.Field(default=[], description="Instead of replicas: where requests go.")

    mirrors: list[VersionShare] = pydantic.Field(default=[], description="Versions that get copies of requests.")

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        current = endpoint.current
        return cls(
            addresses=current.addresses if current else [],
            concurrency=current.settings["concurrency"] if current else 1,
            timeoutSeconds=current.settings["timeoutSeconds"] if current else 60.0,
            holdSeconds=_choose_hold(current) if current else 0.0,
            message=_explain_wait(endpoint),
            versions=[VersionShare(name=name, share=share) for name, share in endpoint.shares.items()],
            mirrors=[VersionShare(name=name, share=share) for name, share in endpoint.mirrors.items()],
        )


def _explain_wait(endpoint: Endpoint) -> str:
    if endpoint.has_versions:
        return f"The service {endpoint.name} has no versions yet: deploy one."
    return f"The service {endpoint.name} is {endpoint.state}. Try again in a moment."


def _choose_hold(revision: Revision) -> float:
    """How long a request waits: a service that was ready restarts within seconds, unless it keeps ending."""
    keeps_ending = all(replica.work.restarts > QUICK_RESTARTS for replica in revision.present_replicas)
    return SHORT_HOLD_SECONDS if revision.wanted and keeps_ending else HOLD_SECONDS


class ServiceLoad(Body):
    workspace: str
    name: str
    statuses: dict[str, Count] = pydantic.Field(
        default={}, max_length=100, description="How many requests ended since the last report, by status."
    )
    buckets: dict[str, Count] = pydantic.Field(
        default={}, max_length=BUCKETS, description="The same by how long they took: see studio/gateway/meters.py."
    )
    busy: float = pydantic.Field(
        ge=0, le=100_000, description="How many requests were in progress or waited, on average."
    )


class LoadReport(Body):
    services: list[ServiceLoad] = pydantic.Field(max_length=100)


class LoadAnswer(Shape):
    services: list[CallAdmission | None]


@router.get("/plan", auth=ReplicaKey(), response=ReplicaPlan, summary="Get what the process of a service runs")
def replica_plan(request: HttpRequest):
    revision: Revision = request.auth.revision
    models = [
        _describe_model(version) for version in revision.model_versions.select_related("model", "run", "logged_model")
    ]
    return ReplicaPlan(
        service=revision.endpoint.name,
        workspace=revision.endpoint.workspace.name,
        entryScript=revision.entry_script,
        concurrency=revision.settings["concurrency"],
        timeoutSeconds=revision.settings["timeoutSeconds"],
        collectsData=revision.endpoint.collects_data,
        models=models,
    )


def _describe_model(version) -> ReplicaModel:
    files = _files_of(version)
    paths = [files.relative(path) for path in files.rows.order_by("path").values_list("path", flat=True)]
    root = "" if files.is_file else files.name or version.model.name
    return ReplicaModel(name=version.model.name, version=version.number, root=root, files=paths)


def _files_of(version) -> version_files.ModelFiles:
    files = version_files.files_of(version)
    if files is None:
        raise Conflict(f"The files of the model {version.model.name}:{version.number} no longer exist.")
    return files


@router.get(
    "/code",
    auth=ReplicaKey(),
    summary="The folder of the entry script, as a zip",
    openapi_extra=bytes_response("application/zip", 200),
)
def replica_code(request: HttpRequest):
    revision: Revision = request.auth.revision
    content = storage.stream_object(revision.code_key, 0, revision.code_size)
    return StreamingHttpResponse(content, content_type="application/zip")


@router.get(
    "/models/{name}/{number}",
    auth=ReplicaKey(),
    summary="A file of one of the service's models",
    openapi_extra=bytes_response("application/octet-stream", 200),
)
def replica_file(request: HttpRequest, name: str, number: int, path: str):
    version = (
        request.auth.revision.model_versions.filter(model__name=name, number=number)
        .select_related("model", "run")
        .first()
    )
    row = _files_of(version).find(path) if version else None
    if row is None:
        raise Http404(f"The service has no file {path[:500]!r} of a model {name}:{number}.")
    return StreamingHttpResponse(version_files.stream_file(row), content_type="application/octet-stream")


@router.post(
    "/report",
    auth=ReplicaKey(),
    response=ReplicaSettings,
    summary="Send lines of the log, and the state of the process",
)
def replica_report(request: HttpRequest, body: ReplicaReport):
    revision: Revision = request.auth.revision
    if body.log:
        revision.append_log(body.log)
    if body.requests and (revision.endpoint.has_insights or revision.endpoint.collects_data):
        ServiceRequest.objects.bulk_create([record.make_row(revision) for record in body.requests])
    if body.collected and revision.endpoint.collects_data:
        numbers = dict(revision.model_versions.values_list("model__name", "number"))
        CollectedRows.objects.bulk_create([record.make_row(revision, numbers) for record in body.collected])
    if body.example:
        Revision.objects.filter(pk=revision.pk).update(example=body.example)
    if body.state == "ready":
        request.auth.become_ready()
    elif body.state == "failed":
        revision.fail(body.error or "The process ended before init() had returned.")
    return ReplicaSettings(collectsData=revision.endpoint.collects_data)


@router.post(
    "/authorize",
    auth=GatewayKey(),
    response=CallAdmission,
    summary="Check the key of a request, and get the replicas for it",
)
def call_authorize(request: HttpRequest, body: Call):
    found = Endpoint.objects.with_state().filter(workspace__slug=body.workspace, name=body.name)
    endpoint = found.filter(workspace__deleted_at=None).first()
    if endpoint is None:
        raise Http404(f"There is no service {body.name[:40]!r} here.")
    if not (endpoint.parent or endpoint).accepts(body.key):
        raise Unauthenticated("The key is missing or wrong: send the header Authorization: Bearer KEY.")
    if endpoint.current and not endpoint.current.wanted:
        scaling.wake_endpoint(endpoint)
    return CallAdmission.of(endpoint)


@router.post(
    "/load",
    auth=GatewayKey(),
    response=LoadAnswer,
    summary="Report the requests of services; the response has their replicas",
)
def load_report(request: HttpRequest, body: LoadReport):
    admissions = []
    for load in body.services:
        found = Endpoint.objects.with_state().filter(workspace__slug=load.workspace, name=load.name)
        endpoint = found.filter(workspace__deleted_at=None).first()
        if endpoint is not None:
            if load.statuses:
                traffic.add_counts(endpoint, load.statuses, load.buckets, load.busy)
            scaling.follow_load(endpoint, load.busy)
        admissions.append(CallAdmission.of(endpoint) if endpoint else None)
    return LoadAnswer(services=admissions)
