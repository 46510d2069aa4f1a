"""The requests to endpoints, for the page of a workspace's Application Insights, and what is deleted with it."""

import datetime as dt
from collections.abc import Iterable

from django.urls import reverse
from django.utils import timezone

from endpoints.models import Endpoint, ServiceRequest, TrafficMinute
from registry.models import Model
from workspaces.associated import Fact, count_or_none
from workspaces.models import Workspace

DAY = dt.timedelta(days=1)
# Rows of minutes that are read: a day of fourteen busy endpoints.
MAX_MINUTES = 20_000


def describe_insights(workspace: Workspace) -> Iterable[Fact]:
    url, since = reverse("endpoints:list", args=[workspace.slug]), timezone.now() - DAY
    minutes = TrafficMinute.objects.filter(endpoint__workspace=workspace, minute__gte=since)[:MAX_MINUTES]
    found = list(minutes)
    yield Fact("Requests in 24 hours", f"{sum(one.requests for one in found):,}", url)
    yield Fact("Errors in 24 hours", f"{sum(one.failures for one in found):,}", url)
    yield Fact("Endpoints", f"{Endpoint.objects.filter(workspace=workspace).count():,}", url)
    recorded = ServiceRequest.objects.filter(endpoint__workspace=workspace, at__gte=since).count()
    yield Fact("Recorded in 24 hours", f"{recorded:,}", url)


def list_contents(workspace: Workspace) -> Iterable[Fact]:
    yield from count_or_none("Models", "model", Model.objects.filter(workspace=workspace).count())
    yield from count_or_none("Endpoints", "endpoint", Endpoint.objects.filter(workspace=workspace).count())
