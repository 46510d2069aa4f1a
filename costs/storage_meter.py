"""Counts the storage of workspaces: bytes times seconds, one row for each workspace and day."""

import datetime as dt
from collections import Counter

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from assets.data import stores
from costs.models import Usage
from registry.models import ModelFile, WorkspaceFile
from runs.models import Artifact, Snapshot
from workspaces.models import Workspace

GB = 2**30
MONTH_SECONDS = 730 * 3600
# Where the files of workspaces have their rows: model, path to the workspace.
FILES = [
    (Artifact, "run__workspace"),
    (Snapshot, "workspace"),
    (ModelFile, "model__workspace"),
    (WorkspaceFile, "workspace"),
]


def count_bytes() -> Counter[int]:
    """The stored bytes of each workspace, its trash included."""
    found: Counter[int] = Counter()
    for model, path in FILES:
        for workspace, size in model._default_manager.order_by().values_list(path).annotate(Sum("size")):
            found[workspace] += size or 0
    for workspace in Workspace.objects.all():
        found[workspace.pk] += stores.count_stored_bytes(workspace)
    return found


def count_storage(now: dt.datetime) -> int:
    """Add the time since the last measurement; returns the number of workspaces."""
    stored = count_bytes()
    workspaces = list(Workspace.objects.with_path())
    for workspace in workspaces:
        with transaction.atomic():
            _measure(workspace, stored[workspace.pk], now)
    return len(workspaces)


def _measure(workspace: Workspace, size: int, now: dt.datetime) -> None:
    """Each day since the last measurement gets its part of the time."""
    rows = Usage.objects.select_for_update().filter(workspace_key=workspace.pk, kind=Usage.Kind.STORAGE)
    row = rows.order_by("-day").first() or _open_day(workspace, size, now)
    while row.day < now.date():
        midnight = dt.datetime.combine(row.day + dt.timedelta(days=1), dt.time(), dt.UTC)
        _add_time(row, row.bytes, midnight)
        row = _open_day(workspace, row.bytes, midnight)
    _add_time(row, size, now)


def _open_day(workspace: Workspace, size: int, at: dt.datetime) -> Usage:
    where = Usage.path_of(workspace)
    kind, price = Usage.Kind.STORAGE, settings.STORAGE_PRICE
    return Usage.objects.create(kind=kind, day=at.date(), bytes=size, started_at=at, ended_at=at, price=price, **where)


def _add_time(row: Usage, size: int, at: dt.datetime) -> None:
    """Count the earlier bytes until `at`, and `size` from then on."""
    if at >= row.ended_at:
        row.byte_seconds += row.bytes * (at - row.ended_at).total_seconds()
        row.bytes, row.ended_at = size, at
        if row.price is not None:
            row.cost = row.byte_seconds / GB / MONTH_SECONDS * row.price
        row.save(update_fields=["byte_seconds", "bytes", "ended_at", "cost"])
