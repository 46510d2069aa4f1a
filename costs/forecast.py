"""A forecast of the current month: its usage so far, and the mean of the last week for the days that are left."""

import dataclasses
import datetime as dt

from django.db.models import Min

from costs.models import UsageQuerySet

DAY = dt.timedelta(days=1)
# Whole days of the mean; fewer if the first usage was later.
MEAN_DAYS = 7


@dataclasses.dataclass(frozen=True)
class Forecast:
    month: dt.date
    node_hours: float
    # None without prices.
    cost: float | None
    mean_days: int
    days_left: float


def forecast_month(rows: UsageQuerySet, now: dt.datetime) -> Forecast | None:
    """None if there was no usage before today."""
    today, month = now.date(), now.date().replace(day=1)
    first = rows.filter(day__lt=today).aggregate(first=Min("day"))["first"]
    if first is None:
        return None
    mean_days = min(MEAN_DAYS, (today - first).days)
    spent = rows.between_days(month, today).sum_up()
    recent = rows.between_days(today - mean_days * DAY, today - DAY).sum_up()
    end = dt.datetime.combine((month + 31 * DAY).replace(day=1), dt.time(), dt.UTC)
    days_left = (end - now) / DAY

    def estimate(*names: str) -> float:
        # `cost` is None where nothing had a price.
        return sum((spent[name] or 0) + (recent[name] or 0) / mean_days * days_left for name in names)

    has_prices = spent["cost"] is not None or recent["cost"] is not None
    cost = estimate("cost") if has_prices else None
    return Forecast(month, estimate("job_seconds", "idle_seconds") / 3600, cost, mean_days, days_left)
