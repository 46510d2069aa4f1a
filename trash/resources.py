"""Request and response classes of the trash: deleted runs and experiments, with the time of their purge, and purges."""

import datetime as dt
from typing import Any, Self

from runs import models
from runs.api.resources import Experiment, Run
from studio.formats import utc_time
from studio.request_body import Body
from studio.schemas import Shape
from studio.trash_days import purge_time
from trash.models import PurgeJob


class DeletedRun(Run):
    deletedUtc: str
    purgeUtc: str
    filesSize: int


class DeletedExperiment(Experiment):
    runCount: int
    deletedUtc: str
    purgeUtc: str
    filesSize: int


def deletion_fields(row: models.Run | models.Experiment, size: int) -> dict[str, Any]:
    assert row.deleted_at is not None  # The row is in the trash.
    purged_at = utc_time(purge_time(row.deleted_at))
    return {"deletedUtc": utc_time(row.deleted_at), "purgeUtc": purged_at, "filesSize": size}


class TrashSelection(Body):
    runIds: list[str] = []
    experimentNames: list[str] = []


class PurgeRequest(TrashSelection):
    all: bool = False


class Restored(Shape):
    restored: int


class Purge(Shape):
    purgeId: int
    scope: str
    workspaceName: str
    state: str
    runsTotal: int
    runsDone: int
    runsKept: int
    filesFreed: int
    filesBefore: int | None
    filesAfter: int | None
    databaseBefore: int | None
    databaseAfter: int | None
    error: str
    createdUtc: dt.datetime
    endedUtc: dt.datetime | None

    @classmethod
    def of(cls, row: PurgeJob) -> Self:
        return cls(
            purgeId=row.pk,
            scope=row.scope,
            workspaceName=row.workspace_name,
            state=row.state,
            runsTotal=row.total,
            runsDone=row.done,
            runsKept=row.kept,
            filesFreed=row.files_freed,
            filesBefore=row.files_before,
            filesAfter=row.files_after,
            databaseBefore=row.database_before,
            databaseAfter=row.database_after,
            error=row.error,
            createdUtc=row.created_at,
            endedUtc=row.ended_at,
        )
