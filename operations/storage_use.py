"""Storage of each workspace from the hourly measurements, the trash, and unused files."""

import datetime as dt
from collections import Counter

from django.db import transaction
from django.db.models import Q, Sum

from accounts import activity
from compute import notifications
from costs.models import Usage
from runs.models import Artifact
from studio.formats import format_bytes, format_count
from trash import orphaned_files
from trash.orphaned_files import OrphansPreview
from workspaces.models import Workspace

SWEEP = "trash.tasks.sweep_storage"


def list_workspaces() -> list[dict]:
    """[{"workspace", "bytes", "trash_bytes", "measured_at"}], the largest first."""
    workspaces = list(Workspace.objects.with_path())
    measured = _last_measurements()
    trash = _count_trash()
    rows = []
    for workspace in workspaces:
        size, at = measured.get(workspace.pk, (0, None))
        in_trash = size if workspace.deleted_at else trash[workspace.pk]
        rows.append({"workspace": workspace, "bytes": size, "trash_bytes": in_trash, "measured_at": at})
    return sorted(rows, key=lambda row: (-row["bytes"], row["workspace"].name))


def _last_measurements() -> dict:
    rows = Usage.objects.filter(kind=Usage.Kind.STORAGE).order_by("day")
    return {key: (size, at) for key, size, at in rows.values_list("workspace_key", "bytes", "ended_at")}


def _count_trash() -> Counter[int]:
    """The bytes of jobs in the trash, by workspace."""
    gone = Artifact.objects.filter(Q(run__deleted_at__isnull=False)).order_by()
    return Counter(dict(gone.values_list("run__workspace").annotate(Sum("size"))))


@transaction.atomic
def delete_unused(at: dt.datetime, token: str) -> OrphansPreview:
    """Delete the files without a row that a preview has shown, and no others."""
    found = orphaned_files.delete_previewed(at, token)
    message = f"{format_count(len(found.keys), 'file')}, {format_bytes(found.bytes)}"
    activity.record("storage.sweep", None, message=message)
    return found


def start_sweep() -> None:
    """Delete files without a row in the background, like the daily task; those of a killed upload after a day."""
    with transaction.atomic():
        activity.record("storage.sweep", None, message="in the background")
        notifications.notify_control(SWEEP)
