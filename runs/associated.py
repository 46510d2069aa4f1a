"""Jobs, data and environments on the pages of a workspace's resources, and in the list of what its deletion takes."""

from collections.abc import Iterable

from django.db.models import Count, Sum
from django.urls import reverse

from assets.data.models import DataAsset, Datastore
from assets.models import Environment, EnvironmentVersion
from runs.models import Run, Snapshot
from studio.formats import format_bytes
from workspaces.associated import Fact, count_or_none
from workspaces.models import Workspace


def describe_storage(workspace: Workspace) -> Iterable[Fact]:
    code = Snapshot.objects.filter(workspace=workspace).aggregate(number=Count("pk"), size=Sum("size"))
    yield Fact("Code snapshots", f"{code['number']:,}")
    yield Fact("Stored code", format_bytes(code["size"] or 0))
    stores = Datastore.objects.filter(workspace=workspace).count()
    yield Fact("Datastores", f"{stores:,}", reverse("data:datastores", args=[workspace.slug]))


def describe_registry(workspace: Workspace) -> Iterable[Fact]:
    url = reverse("environments:list", args=[workspace.slug])
    yield Fact("Environments", f"{Environment.objects.filter(workspace=workspace).count():,}", url)
    versions = EnvironmentVersion.objects.filter(environment__workspace=workspace)
    yield Fact("Versions", f"{versions.count():,}", url)


def list_contents(workspace: Workspace) -> Iterable[Fact]:
    jobs = Run.objects.filter(workspace=workspace)
    yield from count_or_none("Jobs", "job", jobs.count())
    yield from count_or_none("Of them active", "job", jobs.active().count())
    yield from count_or_none("Data", "data asset", DataAsset.objects.filter(workspace=workspace).count())
    yield from count_or_none("Environments", "environment", Environment.objects.filter(workspace=workspace).count())
