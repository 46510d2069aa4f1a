"""The forecast of a month is its usage so far, and the mean of the last days for those that are left."""

import datetime as dt

import pytest
from django.utils import timezone

from costs.forecast import forecast_month
from costs.models import Usage
from tests import factories
from tests.html import html_of

NOON = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)


def add_day(workspace, day: dt.date, hours: float, cost: float | None = None, **fields) -> None:
    at = dt.datetime.combine(day, dt.time(), dt.UTC)
    more = {"seconds": hours * 3600, "cost": cost, "started_at": at, "ended_at": at, "node": next(factories.counter)}
    Usage.objects.create(kind="job", day=day, **Usage.path_of(workspace), **more, **fields)


def test_it_is_what_was_used_and_the_mean_of_a_week_for_the_days_left(workspace):
    add_day(workspace, dt.date(2026, 3, 31), 100, 100)
    add_day(workspace, dt.date(2026, 4, 2), 20, 10)
    add_day(workspace, dt.date(2026, 4, 13), 14, 7)
    add_day(workspace, dt.date(2026, 4, 20), 1, 0.5)
    found = forecast_month(Usage.objects.all(), NOON)
    assert (found.month, found.mean_days, found.days_left) == (dt.date(2026, 4, 1), 7, 10.5)
    assert found.node_hours == pytest.approx(20 + 14 + 1 + 2 * 10.5)
    assert found.cost == pytest.approx(10 + 7 + 0.5 + 1 * 10.5)


def test_days_before_the_first_usage_do_not_count(workspace):
    add_day(workspace, dt.date(2026, 4, 20), 5)
    assert forecast_month(Usage.objects.all(), NOON) is None
    add_day(workspace, dt.date(2026, 4, 18), 6)
    found = forecast_month(Usage.objects.all(), NOON)
    assert (found.mean_days, found.cost) == (2, None) and found.node_hours == pytest.approx(11 + 3 * 10.5)


@pytest.mark.parametrize(("month", "days"), [(1, 31), (2, 28), (12, 31)])
def test_the_days_left_end_with_the_month(workspace, month, days):
    now = dt.datetime(2026, month, 1, tzinfo=dt.UTC)
    add_day(workspace, now.date() - dt.timedelta(days=1), 1)
    assert forecast_month(Usage.objects.all(), now).days_left == days


def test_the_page_says_how_it_is_computed(as_user, bob, workspace):
    today = timezone.now().date()
    for day in (today - dt.timedelta(days=1), today):
        add_day(workspace, day, 2, 4, experiment="exp")
    page = html_of(as_user(bob).get("/ws/aml-workspace/costs/"))
    assert f"Forecast of {today:%B %Y}" in page and "usage so far, plus the mean of the last day for each" in page
    assert "Forecast of" not in html_of(as_user(bob).get("/ws/aml-workspace/costs/", {"experiment": "other"}))
