"""Traffic that goes back by itself when a version that got more is worse than the others; REST and commands of guard and alerts."""

import datetime as dt

import pytest
from django.utils import timezone

from accounts.activity import Activity
from endpoints import tasks, traffic_guards
from endpoints.models import Endpoint, TrafficGuard
from notices.find_events import find_events
from notices.models import Notification
from studio.errors import Conflict, Invalid
from tests.endpoints.test_alerts import add_minute
from tests.html import html_of


@pytest.fixture
def endpoint(workspace, alice):
    endpoint = Endpoint.create(workspace, alice, "svc", has_versions=True)
    for name in ("blue", "green"):
        Endpoint.create_version(endpoint, alice, name)
    return endpoint


def find(name="svc") -> Endpoint:
    return Endpoint.objects.with_state().get(name=name)


def shift(endpoint, **shares):
    find().change_traffic(shares)
    tasks.check_guards()


@pytest.mark.parametrize(
    ("statuses", "seconds", "words"),
    [
        ({"200": 60, "500": 40}, 0.01, "40 % of 100 requests to green failed, 10 % of the other versions'"),
        ({"200": 100}, 1.0, "The latency p95 of green is"),
        # Not enough requests, as bad as the others, and a bit slower.
        ({"500": 9}, 0.01, ""),
        ({"200": 86, "500": 14}, 0.01, ""),
        ({"200": 100}, 0.012, ""),
    ],
)
def test_a_worse_version_loses_its_traffic_again(endpoint, alice, statuses, seconds, words):
    traffic_guards.change_guard(find(), failures=5, p95=50, requests=50)
    add_minute(find("svc.blue"), {"200": 90, "500": 10}, ago=20)
    shift(endpoint, green=30)
    guard = TrafficGuard.objects.get()
    assert (guard.watched, guard.before) == (["green"], {"blue": 100, "green": 0})
    add_minute(find("svc.green"), statuses, seconds=seconds)
    tasks.check_guards()
    tasks.check_guards()
    rows = Activity.objects.filter(verb="endpoint.traffic_back")
    assert find().shares == ({"blue": 100, "green": 0} if words else {"blue": 70, "green": 30})
    assert [words in row.message for row in rows] == ([True] if words else [])
    if words:
        assert "The traffic is blue 100, green 0 again." in rows[0].message
        assert TrafficGuard.objects.get().since is None
        find_events()
        assert Notification.objects.get(person=alice).title == "Traffic went back: svc"


def test_only_a_change_is_watched_and_for_an_hour(endpoint):
    traffic_guards.change_guard(find(), failures=5, p95=None, requests=1)
    add_minute(find("svc.green"), {"500": 9})
    tasks.check_guards()
    assert TrafficGuard.objects.get().since is None
    shift(endpoint, green=10)
    TrafficGuard.objects.update(since=timezone.now() - dt.timedelta(minutes=61))
    Endpoint.objects.get(name="svc.green").traffic.all().delete()
    tasks.check_guards()
    assert TrafficGuard.objects.get().since is None and find().shares["green"] == 10
    # There is nothing to go back to after the version that had it all is gone.
    find().change_default(find("svc.green"))
    tasks.check_guards()
    find("svc.blue").remove()
    tasks.check_guards()
    assert TrafficGuard.objects.get().since is None
    for wrong in ({"failures": 101}, {"p95": -1}, {"requests": 0}):
        with pytest.raises(Invalid, match="whole number"):
            traffic_guards.change_guard(find(), **{"failures": 1, "p95": 1, "requests": 1, **wrong})
    traffic_guards.change_guard(find(), failures=None, p95=None, requests=1)
    assert not TrafficGuard.objects.exists()
    with pytest.raises(Conflict, match="has no versions"):
        traffic_guards.change_guard(find("svc.green"), failures=1, p95=None, requests=1)


def test_the_page_sets_the_guard_and_says_what_is_watched(endpoint, as_user, alice, bob, mallory):
    address, sent = f"{endpoint.get_absolute_url()}guard/", {"failures": "5", "p95": "", "requests": "20"}
    assert as_user(bob).post(address, sent).status_code == 403
    assert as_user(mallory).post(address, sent).status_code == 404
    assert as_user(alice).get(address).status_code == 405
    as_user(alice).post(address, sent)
    assert TrafficGuard.objects.values_list("failures", "p95", "requests").get() == (5, None, 20)
    shift(endpoint, green=30)
    page = html_of(as_user(bob).get(endpoint.get_absolute_url()))
    assert "green got more traffic" in page and "goes back to blue 100, green 0" in page and "Guard</h2>" not in page
    assert "whole number" in html_of(as_user(alice).post(address, {**sent, "failures": "200"}, follow=True))


def test_alerts_and_guard_over_rest(endpoint, api, alice, bob):
    path = f"/modelmanagement/v1.0{endpoint.workspace.arm_id}/services/svc"
    assert api(alice).put(f"{path}/alerts", {"p95": 250, "quiet": 60}).json() == {
        "p95": 250, "failures": None, "quiet": 60, "raised": {},
    }  # fmt: skip
    endpoint.alerts.filter(kind="quiet").update(raised_at=timezone.now())
    assert list(api(bob).get(f"{path}/alerts").json()["raised"]) == ["quiet"]
    assert api(alice).put(f"{path}/alerts", {"p95": 0}).status_code == 400
    assert api(alice).put(f"{path}/guard", {"failures": 5}).json()["requests"] == 50
    shift(endpoint, green=30)
    found = api(bob).get(f"{path}/guard").json()
    assert (found["failures"], found["watched"], found["before"]) == (5, ["green"], {"blue": 100, "green": 0})
    assert api(alice).put(f"{path}/guard", {}).json()["failures"] is None and not TrafficGuard.objects.exists()
