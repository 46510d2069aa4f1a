"""Response classes of runs: Azure's jobs, and run history's experiments, runs, metrics and files.

Each class is the schema of a response; `of(row)` creates the response from a row and validates it.
"""

from typing import Annotated, Any, Literal, Self

import pydantic

from runs import job_data, models, rules
from runs.files import links
from runs.metrics import batches
from studio.formats import utc_time
from studio.public_url import public_url
from studio.request_body import Body
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Open, Shape, SystemData

Texts = dict[str, str]
JOB_TYPE = "Microsoft.MachineLearningServices/workspaces/jobs"
LOG_FOLDERS = ("user_logs/", "azureml-logs/", "system_logs/", "logs/")
INLINE_KINDS = (models.MetricSeries.Kind.SCALAR, models.MetricSeries.Kind.LIST, models.MetricSeries.Kind.TABLE)


class Experiment(Shape):
    experimentId: str
    name: str
    description: str
    tags: Texts
    createdUtc: str
    archivedTime: str | None
    portalUrl: str

    @classmethod
    def of(cls, row: models.Experiment, **more: Any) -> Self:
        return cls(
            experimentId=str(row.experiment_id),
            name=row.name,
            description=row.description,
            tags=row.tags,
            createdUtc=utc_time(row.created_at),
            archivedTime=utc_time(row.archived_at),
            portalUrl=public_url(row.get_absolute_url()),
            **more,
        )


class RunError(Shape):
    code: str
    message: str
    details: Any = None


class RunWarning(Shape):
    source: str
    message: str


class UserName(Shape):
    userName: str | None


class ExperimentUpdate(Body):
    name: Annotated[str, rules.EXPERIMENT_NAME] | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    archived: bool | None = None


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

    @classmethod
    def of(cls, row: models.Run, **more: Any) -> Self:
        """`more` are the fields that a subclass adds."""
        user_name = row.created_by.label if row.created_by else None
        return cls(
            runId=row.run_id,
            runNumber=row.number,
            experimentName=row.experiment.name,
            experimentId=str(row.experiment.experiment_id),
            displayName=row.display_name,
            description=row.description,
            status=row.status,
            runType=row.run_type or None,
            parentRunId=row.parent.run_id if row.parent else None,
            rootRunId=row.root.run_id if row.root else row.run_id,
            target=row.target_name or None,
            tags=row.tags,
            properties=row.properties,
            parameters=row.parameters,
            error=row.error or None,
            warnings=row.warnings,
            createdUtc=utc_time(row.created_at),
            startTimeUtc=utc_time(row.started_at),
            endTimeUtc=utc_time(row.ended_at),
            duration=row.duration,
            createdBy=UserName(userName=user_name),
            submittedBy=user_name,
            hidden=False,
            portalUrl=public_url(row.get_absolute_url()),
            node=row.node_name or None,
            cancelRequested=is_cancel_requested(row),
            **more,
        )


class RunEvent(Shape):
    status: str
    time: str
    message: str

    @classmethod
    def of(cls, row: models.RunEvent) -> Self:
        return cls(status=row.status, time=utc_time(row.at), message=row.message)


class RunDetails(Run):
    runDefinition: dict[str, Any]
    logFiles: Texts = pydantic.Field(description="An address with a signature of its own for each log.")
    inputDatasets: list[dict[str, Any]]
    outputDatasets: list[dict[str, Any]]
    services: dict[str, Any]
    events: list[RunEvent]
    snapshotId: str | None

    @classmethod
    def of(cls, row: models.Run, url: str = "", **more: Any) -> Self:
        """`url` is the address of the run, for the links to its logs."""
        logs = [path for path in row.artifacts.values_list("path", flat=True) if path.startswith(LOG_FOLDERS)]
        return super().of(
            row,
            runDefinition=run_definition(row),
            logFiles={path: links.sign_url(row, path, url) for path in logs},
            inputDatasets=job_data.describe_inputs(row),
            outputDatasets=job_data.describe_outputs(row),
            services={},
            events=[RunEvent.of(event) for event in row.events.all()],
            snapshotId=str(row.snapshot.snapshot_id) if row.snapshot else None,
            **more,
        )


class NewRun(Body):
    displayName: Annotated[str, rules.DISPLAY_NAME_OR_EMPTY] | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    parentRunId: str | None = None
    runType: Annotated[str, rules.RUN_TYPE] | None = None
    target: Annotated[str, rules.TARGET] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    properties: Annotated[dict[str, Any], rules.PROPERTIES] | None = None
    snapshotId: str | None = None
    status: str = "NotStarted"


class RunUpdate(Body):
    displayName: Annotated[str, rules.DISPLAY_NAME] | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    removeTags: list[str] = []
    properties: Annotated[dict[str, Any], rules.PROPERTIES] | None = None


class RunEventReport(Body):
    """A report about the state of a run; its texts are never refused."""

    status: str | None = None
    message: str = ""
    error: dict | None = None
    warning: str | dict | None = None
    container: dict | None = pydantic.Field(
        default=None,
        description="The `image`, its `digest` and the `engine` of the container in which the script runs.",
    )
    node: str = pydantic.Field(default="", max_length=60)


class NewParameters(Body):
    parameters: Annotated[dict[str, Any], rules.PARAMETERS]


class Heartbeat(Body):
    # The number of the node, for a job on several nodes.
    rank: int = pydantic.Field(default=0, ge=0, lt=1000)


class RunHeartbeat(Shape):
    status: str
    cancelRequested: bool

    @classmethod
    def of(cls, row: models.Run) -> Self:
        return cls(status=row.status, cancelRequested=is_cancel_requested(row))


class RunToken(Shape):
    token: str
    expiryTimeUtc: str


class JobService(Shape):
    endpoint: str
    jobServiceType: str
    status: str | None


class CommandJob(Open):
    """The job as it was sent, and its state."""

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

    @classmethod
    def of(cls, row: models.Run) -> Self:
        run = Run.of(row)
        return cls.model_validate(
            {
                "jobType": "Command",
                **row.job,
                "status": run.status,
                "runId": run.runId,
                "displayName": run.displayName,
                "description": run.description,
                "tags": run.tags,
                "properties": run.properties,
                "experimentName": run.experimentName,
                "computeId": row.job.get("computeId") or run.target,
                "parentRunId": run.parentRunId,
                "error": run.error,
                "services": {"Studio": JobService(endpoint=run.portalUrl, jobServiceType="Studio", status=None)},
                "creationContext": SystemData(createdBy=run.submittedBy, createdAt=run.createdUtc),
            }
        )


class JobBase(Shape):
    id: str
    name: str
    type: str
    properties: CommandJob
    systemData: SystemData

    @classmethod
    def of(cls, row: models.Run) -> Self:
        job = CommandJob.of(row)
        return cls(
            id=f"{row.workspace.arm_id}/jobs/{row.run_id}",
            name=row.run_id,
            type=JOB_TYPE,
            properties=job,
            systemData=job.creationContext,
        )


class JobPropertiesUpdate(Body):
    """All other fields of a job stay as submitted."""

    displayName: Annotated[str, rules.DISPLAY_NAME] | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None


class JobUpdate(Body):
    properties: JobPropertiesUpdate


Text = Annotated[str, pydantic.Field(max_length=batches.MAX_TEXT_LENGTH)]
Single = bool | int | float | Text | None
Column = Annotated[str, pydantic.Field(max_length=batches.MAX_COLUMN_NAME)]


class MetricPoint(Body):
    name: Annotated[str, rules.METRIC_NAME]
    step: int | None = pydantic.Field(default=None, ge=-batches.INT64, lt=batches.INT64)
    time: int | None = pydantic.Field(
        default=None, ge=0, lt=batches.END_OF_TIME, description="Milliseconds since 1970."
    )


class ScalarPoint(MetricPoint):
    kind: Literal["scalar"] = "scalar"
    value: Single


class ListPoints(MetricPoint):
    kind: Literal["list"]
    value: list[Single] = pydantic.Field(min_length=1, max_length=batches.MAX_LIST_LENGTH)


class TableRows(MetricPoint):
    kind: Literal["table"]
    rows: list[Annotated[dict[Column, Single], pydantic.Field(min_length=1, max_length=batches.MAX_COLUMNS)]] = (
        pydantic.Field(min_length=1, max_length=batches.MAX_LIST_LENGTH)
    )


class FilePoint(MetricPoint):
    kind: Literal["image", "confusion_matrix", "residuals", "predictions", "accuracy_table"]
    value: Text = pydantic.Field(min_length=1, description="The path of a file of the run.")


class MetricBatch(Body):
    """Only for the API description: runs/metrics/batches.py reads 10,000 points at once, and reports every bad one."""

    batchId: str | None = pydantic.Field(default=None, max_length=batches.MAX_BATCH_ID)
    metrics: list[ScalarPoint | ListPoints | TableRows | FilePoint] = pydantic.Field(max_length=batches.MAX_POINTS)


class MetricsAccepted(Shape):
    accepted: int


class MetricSeries(Shape):
    runId: str
    name: str
    kind: str
    count: int
    values: list[Any]

    @classmethod
    def of(cls, row: models.MetricSeries, run_id: str, values: list) -> Self:
        if row.kind not in INLINE_KINDS:
            values = [f"aml://artifactId/ExperimentRun/dcid.{run_id}/{path}" for path in values]
        return cls(runId=run_id, name=row.name, kind=row.kind, count=row.count, values=values)


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

    @classmethod
    def of(cls, row: models.Artifact) -> Self:
        return cls(
            path=row.path,
            size=row.size,
            contentType=row.content_type,
            createdUtc=utc_time(row.created_at),
            updatedUtc=utc_time(row.updated_at),
            etag=row.etag,
        )


class SnapshotFile(Open):
    path: str
    size: int


class Snapshot(Shape):
    id: str
    hash: str
    size: int
    files: list[SnapshotFile]

    @classmethod
    def of(cls, row: models.Snapshot) -> Self:
        return cls(id=str(row.snapshot_id), hash=row.digest, size=row.size, files=row.files)


def is_cancel_requested(row: models.Run) -> bool:
    return row.status in (models.Run.Status.CANCEL_REQUESTED, models.Run.Status.CANCELED)


def run_definition(row: models.Run) -> dict:
    """SDK v1's run configuration, or the closest equivalent for a job of another client."""
    job = row.job
    if not job or job.get("runDefinition"):
        return job.get("runDefinition") or {}
    return {
        "command": job.get("commandArgv") or job.get("command"),
        "target": row.target_name,
        "environment": job.get("environmentDefinition"),
        "environmentVariables": job.get("environmentVariables") or {},
    }
