"""What the routes of the trash answer: deleted runs and experiments, with the time at which they are purged."""

import datetime as dt
from typing import Any

from django.conf import settings

from runs import models
from runs.api.resources import Experiment, Run
from studio.formats import utc_time
from studio.schemas import Paged


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


def deletion_fields(row: models.Run | models.Experiment, size: int) -> dict[str, Any]:
    assert row.deleted_at is not None  # It is in the trash.
    purged_at = row.deleted_at + dt.timedelta(days=settings.TRASH_DAYS)
    return {"deletedUtc": utc_time(row.deleted_at), "purgeUtc": utc_time(purged_at), "filesSize": size}
