"""What the routes of runs answer: Azure's jobs, and run history's experiments, runs, metrics and files."""

from typing import Any

import pydantic

from studio.schemas import Open, Paged, Shape, SystemData

Texts = dict[str, str]


class Experiment(Shape):
    experimentId: str
    name: str
    description: str
    tags: Texts
    createdUtc: str
    archivedTime: str | None
    portalUrl: str


class ExperimentList(Paged):
    value: list[Experiment]


class RunError(Shape):
    code: str
    message: str
    details: Any = None


class RunWarning(Shape):
    source: str
    message: str


class UserName(Shape):
    userName: str | None


class Run(Shape):
    runId: str
    runNumber: int
    experimentName: str
    experimentId: str
    displayName: str
    description: str
    status: str
    runType: str | None
    parentRunId: str | None
    rootRunId: str
    target: str | None
    tags: Texts
    properties: Texts
    parameters: Texts
    error: RunError | None
    warnings: list[RunWarning]
    createdUtc: str
    startTimeUtc: str | None
    endTimeUtc: str | None
    duration: float | None = pydantic.Field(description="Seconds.")
    createdBy: UserName
    submittedBy: str | None
    hidden: bool
    portalUrl: str
    node: str | None
    cancelRequested: bool


class RunList(Paged):
    value: list[Run]


class RunEvent(Shape):
    status: str
    time: str
    message: str


class RunDetails(Run):
    runDefinition: dict[str, Any]
    logFiles: Texts = pydantic.Field(description="An address with a signature of its own for each log.")
    inputDatasets: list[dict[str, Any]]
    outputDatasets: list[dict[str, Any]]
    services: dict[str, Any]
    events: list[RunEvent]
    snapshotId: str | None


class RunHeartbeat(Shape):
    status: str
    cancelRequested: bool


class RunToken(Shape):
    token: str
    expiryTimeUtc: str


class JobService(Shape):
    endpoint: str
    jobServiceType: str
    status: str | None


class CommandJob(Open):
    """The job as it was sent, and how it stands."""

    jobType: str
    status: str
    runId: str
    displayName: str
    description: str
    tags: Texts
    properties: Texts
    experimentName: str
    computeId: str | None
    parentRunId: str | None
    error: RunError | None
    services: dict[str, JobService]
    creationContext: SystemData


class JobBase(Shape):
    id: str
    name: str
    type: str
    properties: CommandJob
    systemData: SystemData


class JobBaseList(Paged):
    value: list[JobBase]


class MetricsAccepted(Shape):
    accepted: int


class MetricSeries(Shape):
    runId: str
    name: str
    kind: str
    count: int
    values: list[Any]


class MetricSeriesList(Paged):
    value: list[MetricSeries]


class MetricPoints(Shape):
    name: str
    count: int
    steps: list[int]
    times: list[int] = pydantic.Field(description="Milliseconds since 1970.")
    values: list[Any]


class Artifact(Shape):
    path: str
    size: int
    contentType: str
    createdUtc: str
    updatedUtc: str
    etag: str


class ArtifactList(Paged):
    value: list[Artifact]


class SnapshotFile(Open):
    path: str
    size: int


class Snapshot(Shape):
    id: str
    hash: str
    size: int
    files: list[SnapshotFile]


class SnapshotList(Shape):
    value: list[Snapshot]


class DeletedRun(Run):
    deletedUtc: str
    purgeUtc: str
    filesSize: int


class DeletedRunList(Paged):
    value: list[DeletedRun]


class DeletedExperiment(Experiment):
    runCount: int
    deletedUtc: str
    purgeUtc: str
    filesSize: int


class DeletedExperimentList(Paged):
    value: list[DeletedExperiment]
