"""Requests to rebuild a version of an environment that machines have in their caches."""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from assets.models import EnvironmentRebuild, EnvironmentVersion
from workspaces.models import Workspace

# The name of the number in a job's environment; it becomes part of the cache's key on the machine.
MARK = "build"


def order_rebuild(workspace: Workspace, user, version: EnvironmentVersion) -> int:
    """Request a rebuild by each machine with the next job that uses it; return the number of the request."""
    which: dict[str, Any] = {"workspace": workspace, "name": version.environment.name, "version": version.version}
    with transaction.atomic():
        row, _ = EnvironmentRebuild.objects.get_or_create(**which)
        changed = {"number": F("number") + 1, "ordered_by": user, "ordered_at": timezone.now()}
        EnvironmentRebuild.objects.filter(pk=row.pk).update(**changed)
    row.refresh_from_db()
    return row.number


def find_rebuild(workspace: Workspace, version: EnvironmentVersion) -> EnvironmentRebuild | None:
    """The last request for a rebuild."""
    rows = EnvironmentRebuild.objects.filter(workspace=workspace, version=version.version)
    return rows.filter(name=version.environment.name).select_related("ordered_by").first()


def build_mark(workspace: Workspace, version: EnvironmentVersion | None) -> dict[str, int]:
    """The mark in a job's environment that requests a rebuild; empty if there was no request."""
    rebuild = find_rebuild(workspace, version) if version else None
    return {MARK: rebuild.number} if rebuild else {}
