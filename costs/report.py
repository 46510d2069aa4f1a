"""The usage of some days, grouped by a dimension and by day."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db.models import Sum

from costs.models import Usage, UsageQuerySet
from costs.storage_meter import GB

DIMENSIONS = {
    "workspace": "Workspace",
    "subscription": "Subscription",
    "resource_group": "Resource group",
    "person": "Person",
    "compute": "Compute",
    "vm_size": "Virtual machine size",
    "experiment": "Experiment",
    "day": "Day",
}
# The names of costs without a person, experiment or compute.
WITHOUT = {Usage.Kind.IDLE: "Idle nodes", Usage.Kind.STORAGE: "Storage", Usage.Kind.JOB: "Other work"}
# Maximum lines of a page; the CSV file has all.
MAX_LINES = 200
CSV_FIELDS = ["day", "subscription", "resource_group", "workspace", "compute", "vm_size", "experiment", "person"]
CSV_COLUMNS = [*CSV_FIELDS, "kind", "job", "node_hours", "gb_days", "price", "cost"]


@dataclasses.dataclass
class Line:
    name: Any
    job_hours: float = 0
    idle_hours: float = 0
    gb_days: float = 0
    # None where nothing has a price.
    cost: float | None = None

    @property
    def node_hours(self) -> float:
        return self.job_hours + self.idle_hours

    def add(self, kind: str, seconds: float, byte_seconds: float, cost: float | None) -> None:
        self.job_hours += seconds / 3600 if kind == Usage.Kind.JOB else 0
        self.idle_hours += seconds / 3600 if kind == Usage.Kind.IDLE else 0
        self.gb_days += byte_seconds / GB / 86_400
        if cost is not None:
            self.cost = (self.cost or 0) + cost


def format_hours(value: float) -> str:
    """`0.42`, `12.5`, `1,234`"""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def format_dollars(value: float | None) -> str:
    """`$0.0042`, `$12.50`; two hyphens where there is no price."""
    if value is None:
        return "--"
    return f"${value:,.2f}" if value >= 0.1 or not value else f"${value:.4f}"


def group_usage(rows: UsageQuerySet, dimension: str) -> list[Line]:
    """Groups by cost, or by hours without prices, descending; days in their order."""
    lines: dict[Any, Line] = {}
    for name, kind, *sums in _sums(rows, dimension, "kind"):
        name = name or WITHOUT[Usage.Kind(kind)]
        lines.setdefault(name, Line(name)).add(kind, *sums)
    if dimension == "day":
        return [lines[day] for day in sorted(lines)]
    return sorted(lines.values(), key=lambda line: (-(line.cost or 0), -line.node_hours, -line.gb_days, str(line.name)))


def group_by_day(rows: UsageQuerySet, dimension: str) -> dict[Any, dict[dt.date, Line]]:
    """For a chart: the lines of each name by day; for the dimension day, by kind."""
    field = "kind" if dimension == "day" else dimension
    found: dict[Any, dict[dt.date, Line]] = {}
    for name, kind, day, *sums in _sums(rows, field, "kind", "day", apart=field == "kind"):
        name = Usage.Kind(name).label if field == "kind" else name or WITHOUT[Usage.Kind(kind)]
        found.setdefault(name, {}).setdefault(day, Line(name)).add(kind, *sums)
    return found


def _sums(rows: UsageQuerySet, *fields: str, apart: bool = False):
    names = dict.fromkeys(fields)
    found = rows.order_by().values_list(*names).annotate(Sum("seconds"), Sum("byte_seconds"), Sum("cost"))
    # A field that is wanted twice is read once.
    return ((row[0], *row) for row in found) if apart else found


def iterate_rows(rows: UsageQuerySet) -> Iterator[list]:
    """One line for each day, job and compute, in the order of days."""
    yield CSV_COLUMNS
    groups = rows.order_by(*CSV_FIELDS, "kind", "work_scope", "price")
    found = groups.values_list(*CSV_FIELDS, "kind", "work_scope", "price").annotate(
        Sum("seconds"), Sum("byte_seconds"), Sum("cost")
    )
    for *names, scope, price, seconds, byte_seconds, cost in found.iterator(chunk_size=2000):
        numbers = [round(seconds / 3600, 6), round(byte_seconds / GB / 86_400, 6), price, cost]
        yield [*names, scope.partition(":")[2], *numbers]
