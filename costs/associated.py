"""Storage and cost on the pages of a workspace's resources, and what its deletion saves."""

import datetime as dt
from collections.abc import Iterable

from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from costs.models import Usage
from costs.report import format_dollars, format_hours
from costs.storage_meter import GB
from studio.formats import format_bytes
from workspaces.associated import Fact
from workspaces.models import Workspace

MONTH = dt.timedelta(days=30)


def _this_month():
    today = timezone.now().date()
    return Usage.objects.between_days(today.replace(day=1), today)


def read_month_costs(keys: list[int]) -> dict[int, str]:
    """The cost of each workspace in this month, or node-hours where nothing has a price."""
    rows = _this_month().in_workspaces(keys).order_by().values_list("workspace_key")
    found = rows.annotate(Sum("cost"), Sum("seconds"))
    return {key: _describe(cost, seconds) for key, cost, seconds in found}


def _describe(cost: float | None, seconds: float) -> str:
    return f"{format_hours((seconds or 0) / 3600)} node-hours" if cost is None else format_dollars(cost)


def describe_storage(workspace: Workspace) -> Iterable[Fact]:
    url = reverse("costs:workspace", args=[workspace.slug])
    rows = Usage.objects.in_workspaces([workspace.pk]).filter(kind=Usage.Kind.STORAGE)
    last = rows.order_by("-day").values_list("bytes", flat=True).first()
    yield Fact("Stored in all", format_bytes(last))
    month = _this_month().in_workspaces([workspace.pk]).filter(kind=Usage.Kind.STORAGE)
    sums = month.aggregate(cost=Sum("cost"), used=Sum("byte_seconds"))
    if sums["cost"] is not None:
        yield Fact("Cost this month", format_dollars(sums["cost"]), url)
    yield Fact("GB-days this month", f"{(sums['used'] or 0) / GB / 86_400:,.2f}", url)


def list_savings(workspace: Workspace) -> Iterable[Fact]:
    rows = Usage.objects.in_workspaces([workspace.pk])
    stored = rows.filter(kind=Usage.Kind.STORAGE).order_by("-day").values_list("bytes", flat=True).first()
    if stored:
        yield Fact("Files", format_bytes(stored))
    today = timezone.now().date()
    sums = rows.between_days(today - MONTH, today).aggregate(cost=Sum("cost"), seconds=Sum("seconds"))
    if sums["cost"] or sums["seconds"]:
        yield Fact("Cost of the last 30 days", _describe(sums["cost"], sums["seconds"]))
