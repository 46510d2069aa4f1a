"""Alerts of endpoints: when they are raised and end, who is notified, and their form."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts.activity import Activity
from endpoints import alerts, tasks
from endpoints.models import Endpoint, EndpointAlert, TrafficMinute
from notices.find_events import find_events
from notices.models import Event, Notification, Preference
from notices.rules import Channel
from studio.errors import Invalid
from studio.gateway.meters import bucket_of


@pytest.fixture
def endpoint(workspace, alice):
    return Endpoint.create(workspace, alice, "svc")


def add_minute(endpoint, statuses, seconds=0.01, ago=0):
    minute = timezone.now().replace(second=0, microsecond=0) - dt.timedelta(minutes=ago)
    buckets = {str(bucket_of(seconds)): sum(statuses.values())}
    TrafficMinute.objects.create(endpoint=endpoint, minute=minute, statuses=statuses, buckets=buckets)


def list_raised() -> set[str]:
    tasks.check_alerts()
    return set(EndpointAlert.objects.exclude(raised_at=None).values_list("kind", flat=True))


def test_alerts_begin_and_end_with_the_traffic_and_are_reported_once(endpoint, alice):
    alerts.change_alerts(endpoint, {"p95": 100, "failures": 20, "quiet": 30})
    add_minute(endpoint, {"200": 4}, seconds=1.0, ago=2)
    # Four requests say little.
    assert list_raised() == set()
    add_minute(endpoint, {"200": 7, "500": 2})
    assert list_raised() == {"p95"}
    add_minute(endpoint, {"500": 9}, ago=1)
    assert list_raised() == {"p95", "failures"} == list_raised()
    assert find_events() == 2 and find_events() == 0
    texts = set(Notification.objects.filter(person=alice).values_list("detail", flat=True))
    assert "50 % of 22 requests failed; the limit is 20 %." in texts
    for row in TrafficMinute.objects.order_by("minute"):
        TrafficMinute.objects.filter(pk=row.pk).update(minute=row.minute - dt.timedelta(minutes=40))
    EndpointAlert.objects.update(created_at=timezone.now() - dt.timedelta(minutes=60))
    assert list_raised() == {"quiet"}
    assert find_events() == 3
    assert Activity.objects.filter(verb="endpoint.alert_end").count() == 2


def test_others_who_can_see_the_workspace_may_choose_to_be_notified(endpoint, alice, bob, mallory, owner):
    for person in (alice, bob, mallory):
        Preference.store_choices(person, {(Event.WORKSPACE_ENDPOINT, Channel.BELL), (Event.ENDPOINT, Channel.BELL)})
    alerts.change_alerts(endpoint, {"failures": 20})
    add_minute(endpoint, {"500": 9})
    tasks.check_alerts()
    assert find_events() == 2 and find_events() == 0
    events = set(Notification.objects.values_list("person__username", "event"))
    assert events == {("alice", Event.ENDPOINT), ("bob", Event.WORKSPACE_ENDPOINT)}


def test_a_changed_limit_begins_anew_and_a_removed_one_is_gone(endpoint):
    alerts.change_alerts(endpoint, {"quiet": 1, "p95": 5})
    EndpointAlert.objects.update(raised_at=timezone.now())
    alerts.change_alerts(endpoint, {"quiet": 2, "p95": 5, "failures": None})
    present = [(alert.kind, alert.limit, alert.raised_at is None) for alert in EndpointAlert.objects.all()]
    assert present == [("p95", 5, False), ("quiet", 2, True)]
    alerts.change_alerts(endpoint, {})
    assert not EndpointAlert.objects.exists()
    with pytest.raises(Invalid, match="whole number from 1 to 100"):
        alerts.change_alerts(endpoint, {"failures": 101})


def test_the_form_sets_alerts(endpoint, as_user, alice, bob, mallory):
    page, sent = f"{endpoint.get_absolute_url()}monitoring/", {"p95": "250", "failures": "", "quiet": "60"}
    address = f"{endpoint.get_absolute_url()}alerts/"
    assert as_user(bob).post(address, sent).status_code == 403
    assert as_user(mallory).post(address, sent).status_code == 404
    assert as_user(alice).get(address).status_code == 405
    as_user(alice).post(address, sent)
    EndpointAlert.objects.filter(kind="quiet").update(raised_at=timezone.now())
    content = as_user(alice).get(page).content.decode()
    assert 'value="250"' in content and "No requests has been beyond its limit" in content
    assert "Alerts</h2>" not in as_user(bob).get(page).content.decode()
    content = as_user(alice).post(address, {**sent, "p95": "0"}, follow=True).content.decode()
    assert "whole number from 1 to 300,000" in content
