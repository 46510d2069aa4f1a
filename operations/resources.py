"""Request and response classes of the administration over REST."""

import datetime as dt
from typing import Annotated, Any, Self

import pydantic

from backups.models import Backup
from compute.models import Host, Work
from compute.rules import DRAIN_REASON, QUARANTINE_REASON
from operations import models, rules
from operations.bulk import MAX_AT_ONCE, BulkOutcome
from studio.request_body import Body, Moment
from studio.schemas import Shape


class PersonAccount(Shape):
    userName: str
    displayName: str
    email: str
    state: str
    isSiteAdmin: bool
    lastSeenUtc: dt.datetime | None
    roles: int
    tokens: int
    jobsRunning: int
    jobsWaiting: int
    nodeHours: float

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """The account of a row of `add_figures`."""
        person = row["person"]
        return cls(
            userName=person.username,
            displayName=person.label,
            email=person.email,
            state=row["state"],
            isSiteAdmin=person.is_superuser,
            lastSeenUtc=row["seen_at"],
            roles=row["roles"],
            tokens=row["tokens"],
            jobsRunning=row["running"],
            jobsWaiting=row["waiting"],
            nodeHours=round(row["hours"], 3),
        )


class DeactivationRequest(Body):
    heir: str = pydantic.Field("", description="The user name of the person who takes over what the account owns.")


class BulkRequest(Body):
    """An action on several rows; `selection` is that of a dry run, after which nothing may have changed."""

    action: str
    names: list[str] = pydantic.Field(max_length=MAX_AT_ONCE)
    group: str = ""
    heir: str = ""
    reason: str = ""
    until: Moment | None = None
    at: Moment | None = pydantic.Field(None, description="emptyTrash: only what was in the trash at this time.")
    selection: str = ""


class BulkRow(Shape):
    name: str
    text: str = pydantic.Field(description="What the action takes, or why the row was left as it is.")


class BulkResult(Shape):
    dryRun: bool
    requestId: str = pydantic.Field(description="Its actions can be undone by this id.")
    selection: str
    changed: list[BulkRow]
    unchanged: list[BulkRow]

    @classmethod
    def of(cls, row: BulkOutcome, request_id: str, is_dry: bool) -> Self:
        return cls(
            dryRun=is_dry,
            requestId=request_id,
            selection=row.token,
            changed=[BulkRow(name=name, text=text) for name, text in row.done],
            unchanged=[BulkRow(name=name, text=text) for name, text in row.refused],
        )


class DrainRequest(Body):
    reason: Annotated[str, DRAIN_REASON] = ""
    until: Moment | None = None


class QuarantineRequest(Body):
    reason: Annotated[str, QUARANTINE_REASON]


class MoveRequest(Body):
    compute: str = pydantic.Field(description="Another cluster of the workspace.")


class QueuedWork(Shape):
    id: str
    title: str
    scope: str
    workspaceName: str
    compute: str
    submittedBy: str
    state: str
    queuedUtc: dt.datetime
    startedUtc: dt.datetime | None
    position: int | None
    reasons: list[str]

    @classmethod
    def of(cls, row: Work) -> Self:
        """Position and reasons are those of `explain_waiting`; running work has none."""
        waiting = getattr(row, "waiting", None)
        return cls(
            id=str(row.pk),
            title=row.title,
            scope=row.scope,
            workspaceName=row.target.workspace.name,
            compute=row.target.name,
            submittedBy=row.submitted_by.username,
            state=row.page_state,
            queuedUtc=row.queued_at,
            startedUtc=row.claimed_at,
            position=waiting.position if waiting else None,
            reasons=waiting.reasons if waiting else [],
        )


class Machine(Shape):
    name: str
    cpus: int
    memoryGB: float
    gpus: int
    isConnected: bool
    acceptsJobs: bool
    reason: str
    reopensUtc: dt.datetime | None
    nodes: list[str]
    lastReportUtc: dt.datetime | None

    @classmethod
    def of(cls, row: Host) -> Self:
        return cls(
            name=row.name,
            cpus=row.cpus,
            memoryGB=row.memory_gb,
            gpus=row.gpus,
            isConnected=row.is_alive,
            acceptsJobs=row.is_open,
            reason="" if row.is_open else row.quarantine_reason or row.closed_reason,
            reopensUtc=row.reopens_at,
            nodes=sorted(node.name for node in row.nodes.all() if node.ended_at is None),
            lastReportUtc=row.heartbeat_at,
        )


class AnnouncementResource(Shape):
    id: int
    text: str
    level: str
    startsAt: dt.datetime
    endsAt: dt.datetime | None
    hasEnded: bool
    createdBy: str | None

    @classmethod
    def of(cls, row: models.Announcement) -> Self:
        return cls(
            id=row.pk,
            text=row.text,
            level=row.level,
            startsAt=row.starts_at,
            endsAt=row.ends_at,
            hasEnded=row.is_over,
            createdBy=row.created_by.username if row.created_by else None,
        )


class AnnouncementRequest(Body):
    text: Annotated[str, rules.ANNOUNCEMENT]
    level: Annotated[str, rules.LEVEL] = rules.AnnouncementLevel.INFO
    startsAt: Moment | None = None
    endsAt: Moment | None = None


class BackupResource(Shape):
    id: int
    name: str
    parent: str
    state: str
    createdUtc: dt.datetime
    endedUtc: dt.datetime | None
    files: int
    bytes: int
    checkedUtc: dt.datetime | None
    checkError: str
    error: str
    createdBy: str | None

    @classmethod
    def of(cls, row: Backup) -> Self:
        return cls(
            id=row.pk,
            name=row.name,
            parent=row.parent,
            state=row.state,
            createdUtc=row.created_at,
            endedUtc=row.ended_at,
            files=row.files,
            bytes=row.bytes,
            checkedUtc=row.checked_at,
            checkError=row.check_error,
            error=row.error,
            createdBy=row.created_by.username if row.created_by else None,
        )


class StoredWorkspace(Shape):
    name: str = pydantic.Field(description="As in the addresses of its pages, which the action on several takes.")
    title: str
    bytes: int
    trashBytes: int
    isDeleted: bool
    measuredUtc: dt.datetime | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """The workspace of a row of `list_workspaces`."""
        workspace = row["workspace"]
        return cls(
            name=workspace.slug,
            title=workspace.title,
            bytes=row["bytes"],
            trashBytes=row["trash_bytes"],
            isDeleted=workspace.deleted_at is not None,
            measuredUtc=row["measured_at"],
        )


class Check(Shape):
    what: str
    state: str = pydantic.Field(description="`ok`, `warn` or `fail`.")
    text: str
    remedy: str


class BackgroundTask(Shape):
    name: str
    endedUtc: dt.datetime
    seconds: float
    everySeconds: float
    isLate: bool
    error: str

    @classmethod
    def of(cls, row: models.JobRecord) -> Self:
        return cls(
            name=row.name,
            endedUtc=row.ended_at,
            seconds=row.seconds,
            everySeconds=row.every,
            isLate=row.is_late,
            error=row.error,
        )


class Health(Shape):
    checks: list[Check]
    tasks: list[BackgroundTask]


class AdministrationResult(Shape):
    """The objects that an action took, or would take with `dryRun`."""

    dryRun: bool
    target: str
    counts: dict[str, int] = pydantic.Field(description="The number of objects of each kind.")
    names: list[str] = pydantic.Field(description="The names of the jobs or nodes.")
