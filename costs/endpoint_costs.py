"""The cost of an endpoint: in this month, and for 1,000 requests of the last days."""

import dataclasses
import datetime as dt

from django.db.models import Q
from django.utils import timezone

from costs.models import Usage
from endpoints import traffic
from endpoints.models import Endpoint, Revision, TrafficMinute
from endpoints.work_kind import NAME

# Days of which the requests are counted, today included: as long as their counts are stored.
DAYS = 3
# The newest revisions of an endpoint and its versions whose usage is added.
MAX_REVISIONS = 1000


@dataclasses.dataclass(frozen=True)
class EndpointCost:
    """Node-hours, and dollars where there is a price."""

    month_hours: float
    month_cost: float | None
    requests: int
    hours: float
    cost: float | None

    @property
    def hours_per_thousand(self) -> float | None:
        return 1000 * self.hours / self.requests if self.requests else None

    @property
    def cost_per_thousand(self) -> float | None:
        return 1000 * self.cost / self.requests if self.requests and self.cost is not None else None


def find_cost(endpoint: Endpoint) -> EndpointCost:
    today = timezone.now().date()
    first = today - dt.timedelta(days=DAYS - 1)
    revisions = Revision.objects.filter(Q(endpoint=endpoint) | Q(endpoint__parent=endpoint))
    keys = revisions.order_by("-pk").values_list("pk", flat=True)[:MAX_REVISIONS]
    rows = Usage.objects.filter(workspace_key=endpoint.workspace_id, work_scope__in=[f"{NAME}:{key}" for key in keys])
    month, recent = rows.between_days(today.replace(day=1), today).sum_up(), rows.between_days(first, today).sum_up()
    since = dt.datetime.combine(first, dt.time(), dt.UTC)
    minutes = TrafficMinute.objects.filter(traffic.own_or_of_versions(endpoint), minute__gte=since)
    statuses = minutes.order_by().values_list("statuses", flat=True)
    return EndpointCost(
        month_hours=month["job_seconds"] / 3600,
        month_cost=month["cost"],
        requests=sum(sum(one.values()) for one in statuses.iterator()),
        hours=recent["job_seconds"] / 3600,
        cost=recent["cost"],
    )
