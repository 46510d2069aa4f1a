"""Schedules of compute instances: their times, starts and stops by the clock, their page and their REST form."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import Activity
from compute import notifications
from compute.instances import power, schedules
from compute.instances.schedule_times import find_next
from compute.instances.schedules import NewSchedule
from compute.models import ComputeInstance, ComputeSchedule
from studio.errors import Invalid
from tests.compute.test_instances import again, run

PAGE = "/ws/aml-workspace/compute/lab-one/instance/"
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def quiet(settings, tmp_path, monkeypatch):
    settings.SHARES_DIR = tmp_path
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)


@pytest.fixture
def instance(workspace, alice) -> ComputeInstance:
    return power.create_instance(workspace, alice, "lab-one", "Standard_DS1_v2", starts=False)


def add_due(instance, action: str, at: dt.datetime) -> ComputeSchedule:
    """A daily schedule whose next time is the given one."""
    schedules.add_schedules(instance, [NewSchedule(action, f"{at.minute} {at.hour} * * *", "UTC")])
    schedule = instance.schedules.get(action=action)
    ComputeSchedule.objects.filter(pk=schedule.pk).update(next_at=at)
    return ComputeSchedule.objects.get(pk=schedule.pk)


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        ("0 18 * * *", "UTC", "2026-03-01T18:00", "2026-03-02T18:00"),
        ("30 8 * * 1-5", "Europe/Berlin", "2026-03-06T08:30", "2026-03-09T08:30"),
        # The clocks are set forward at 2:00, and back at 3:00.
        ("30 2 29 3 *", "Europe/Berlin", "2026-03-28T12:00", "2026-03-29T03:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:00", "2026-10-25T02:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T02:30", "2026-10-26T02:30"),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00", "2028-02-29T00:00"),
        # The 13th, and each Friday.
        ("0 9 13 * 5", "UTC", "2026-03-01T00:00", "2026-03-06T09:00"),
    ],
)
def test_the_next_time_is_that_of_the_clocks_of_its_zone(expression, zone, after, expected):
    local = ZoneInfo(zone)
    found = find_next(expression, zone, dt.datetime.fromisoformat(after).replace(tzinfo=local))
    assert found.astimezone(local).replace(tzinfo=None) == dt.datetime.fromisoformat(expected)


def test_a_due_stop_is_done_once_by_two_beats_and_named_in_the_activity_log(instance):
    power.start_instance(instance)
    run(instance)
    now = timezone.now()
    schedule = add_due(instance, "Stop", now - MINUTE)
    assert schedule.advance(now + MINUTE) and not schedule.advance(now + MINUTE)
    ComputeSchedule.objects.update(next_at=schedule.next_at)
    schedules.run_due_schedules(now)
    schedules.run_due_schedules(now)
    assert again(instance).state == "Stopping" and again(instance).operation_trigger == "Schedule"
    stop = Activity.objects.get(verb="compute.stop")
    assert stop.message == f"Schedule: {schedule}" and "Stop by cron" in stop.message
    schedule.refresh_from_db()
    assert (schedule.last_at, schedule.last_result) == (now - MINUTE, "Stopped.") and schedule.next_at > now


def test_a_due_start_starts_it_and_a_refusal_is_noted(instance):
    now = timezone.now()
    schedule = add_due(instance, "Start", now - MINUTE)
    schedules.run_due_schedules(now)
    assert again(instance).state == "Starting"
    ComputeSchedule.objects.update(next_at=now - MINUTE)
    schedules.run_due_schedules(now)
    schedule.refresh_from_db()
    assert "lab-one is starting; only a stopped one can be started" in schedule.last_result


def test_after_a_time_without_the_studio_stops_are_done_and_starts_are_not(instance):
    now = timezone.now()
    missed = add_due(instance, "Start", now - 10 * MINUTE)
    schedules.run_due_schedules(now)
    missed.refresh_from_db()
    assert again(instance).state == "Stopped" and missed.last_result.startswith("Not started")
    power.start_instance(instance)
    add_due(instance, "Stop", now - 600 * MINUTE)
    schedules.run_due_schedules(now)
    assert again(instance).state == "Stopped"


def test_of_several_due_schedules_the_latest_counts(instance):
    now = timezone.now()
    earlier = add_due(instance, "Stop", now - 60 * MINUTE)
    add_due(instance, "Start", now - MINUTE)
    schedules.run_due_schedules(now)
    earlier.refresh_from_db()
    assert again(instance).state == "Starting" and earlier.last_result.startswith("Skipped")


def test_a_disabled_schedule_and_one_of_a_workspace_in_the_trash_do_nothing(instance, workspace, owner):
    schedule = add_due(instance, "Start", timezone.now() - MINUTE)
    schedules.change_schedule(schedule, "disable")
    assert not ComputeSchedule.objects.due(timezone.now()).exists()
    ComputeSchedule.objects.update(next_at=timezone.now() - MINUTE)
    type(workspace).objects.update(deleted_at=timezone.now())
    assert not ComputeSchedule.objects.due(timezone.now()).exists()


def test_a_schedule_is_added_disabled_enabled_and_deleted_on_the_page(as_user, alice, instance):
    page = as_user(alice)
    form = {
        "act": "add",
        "action": "Stop",
        "time": "18:30",
        "days": ["Monday", "Friday"],
        "zone": "W. Europe Standard Time",
    }
    assert page.post(f"{PAGE}schedules/", form).status_code == 302
    schedule = instance.schedules.get()
    assert str(schedule) == "Stop at 18:30 on Monday, Friday (Europe/Berlin)" and schedule.expression == "30 18 * * 1,5"
    assert "at 18:30 on Monday, Friday" in page.get(PAGE).content.decode()
    for act, enabled in (("disable", False), ("enable", True)):
        assert page.post(f"{PAGE}schedules/", {"act": act, "schedule": schedule.pk}).status_code == 302
        assert instance.schedules.get().is_enabled is enabled
    assert page.post(f"{PAGE}schedules/", {"act": "delete", "schedule": schedule.pk}).status_code == 302
    assert page.post(f"{PAGE}schedules/", {"act": "enable", "schedule": schedule.pk}).status_code == 404
    assert Activity.objects.filter(verb="compute.edit").count() == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time": ""}, "Choose it, or write a cron expression."),
        ({"days": []}, "Choose it, or write a cron expression."),
        ({"zone": "Mars/Base"}, "There is no time zone &#x27;Mars/Base&#x27;"),
        ({"expression": "every day"}, "The cron expression &#x27;every day&#x27; is not valid"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_at_its_field(as_user, alice, instance, change, words):
    form = {"act": "add", "action": "Stop", "time": "18:30", "days": ["Monday"], "zone": "UTC"} | change
    answer = as_user(alice).post(f"{PAGE}schedules/", form)
    assert answer.status_code == 200 and words in answer.content.decode()
    assert not instance.schedules.exists()


def test_a_warning_before_a_stop_by_schedule_is_skipped_once(as_user, alice, bob, instance):
    power.start_instance(instance)
    run(instance)
    schedule = add_due(instance, "Stop", timezone.now() + 9 * MINUTE)
    for address in (PAGE, "/ws/aml-workspace/compute/all/instances/", "/ws/aml-workspace/notebooks/run/"):
        assert "A schedule will stop lab-one" in as_user(alice).get(address).content.decode(), address
    assert "Skip this time" not in as_user(bob).get(PAGE).content.decode()
    assert as_user(bob).post(f"{PAGE}change/", {"act": "skip_schedule"}).status_code == 403
    assert as_user(alice).post(f"{PAGE}change/", {"act": "skip_schedule"}).status_code == 302
    schedules.run_due_schedules(schedule.next_at + MINUTE)
    skipped = instance.schedules.get()
    assert again(instance).state == "Running" and (skipped.next_at - schedule.next_at).total_seconds() > 86_300
    assert skipped.last_result == f"Skipped by {alice.label}." and Activity.objects.latest("pk").message.startswith(
        "Skip"
    )
    assert "A schedule will stop" not in as_user(alice).get(PAGE).content.decode()
    assert as_user(alice).post(f"{PAGE}change/", {"act": "skip_schedule"}).status_code == 409


def test_rest_takes_and_returns_azures_form(api, alice, w, workspace):
    client = api(alice)
    pattern = {"hours": [7], "minutes": [30], "weekDays": ["Monday"], "monthDays": []}
    recurrence = {"frequency": "Week", "interval": 1, "timeZone": "Pacific Standard Time", "schedule": pattern}
    given = [
        {"action": "Start", "triggerType": "Recurrence", "recurrence": recurrence},
        {"action": "Stop", "status": "Disabled", "triggerType": "Cron", "cron": {"expression": "0  18 * * *"}},
    ]
    inner = {"state": "Stopped", "schedules": {"computeStartStop": given}}
    body = {"properties": {"computeType": "ComputeInstance", "properties": inner}}
    assert client.put(f"{w}/computes/lab-two", body).status_code == 201
    start, stop = read_schedules(client, w)
    assert start["recurrence"] == recurrence | {"timeZone": "America/Los_Angeles", "startTime": None}
    assert (start["status"], stop["status"], stop["cron"]["expression"]) == ("Enabled", "Disabled", "0 18 * * *")
    # What it returns can be sent back.
    assert client.put(
        f"{w}/computes/lab-two", {"properties": {"properties": {"schedules": {"computeStartStop": [stop]}}}}
    )
    assert [row["action"] for row in read_schedules(client, w)] == ["Stop"]
    assert client.post(f"{w}/computes/lab-two/updateSchedules", {"computeStartStop": [start]}).status_code == 200
    assert [row["action"] for row in read_schedules(client, w)] == ["Start"]


def test_rest_takes_what_azures_v2_client_sends(api, alice, w, instance):
    """The body of its `ComputeSchedules`, which keeps the case that people wrote."""
    pattern = {"hours": [8], "minutes": [0], "weekDays": ["monday", "friday"]}
    cron = {"expression": "0 18 * * 1-5", "startTime": "2026-01-01T10:00:00", "timeZone": "W. Europe Standard Time"}
    recurrence = {"frequency": "week", "interval": 1, "schedule": pattern, "timeZone": "UTC"}
    given = [
        {"action": "Stop", "status": "Enabled", "triggerType": "Cron", "cron": cron | {"triggerType": "Cron"}},
        {
            "action": "start",
            "status": "disabled",
            "triggerType": "recurrence",
            "recurrence": recurrence | {"triggerType": "Recurrence"},
        },
    ]
    inner = {"vmSize": "Standard_DS1_v2", "schedules": {"computeStartStop": given}, "enableSSO": True}
    body = {"properties": {"computeType": "ComputeInstance", "properties": inner, "disableLocalAuth": True}}
    assert api(alice).put(f"{w}/computes/lab-two", body).status_code == 201
    start, stop = read_schedules(api(alice), w)
    assert (start["action"], start["status"], start["recurrence"]["frequency"]) == ("Start", "Disabled", "Week")
    assert start["recurrence"]["schedule"]["weekDays"] == ["Monday", "Friday"]
    assert (stop["cron"]["timeZone"], stop["cron"]["startTime"]) == ("Europe/Berlin", "2026-01-01T10:00:00")


def read_schedules(client, w) -> list[dict]:
    return client.get(f"{w}/computes/lab-two").json()["properties"]["properties"]["schedules"]["computeStartStop"]


@pytest.mark.parametrize(
    ("schedule", "target"),
    [
        ({}, "computeStartStop"),
        ({"cron": {"expression": "0 18 * *"}}, "expression"),
        ({"cron": {"expression": "0 18 * * *", "timeZone": "Nowhere"}}, "timeZone"),
        ({"cron": {"expression": "0 18 * * *", "startTime": "soon"}}, "startTime"),
        ({"recurrence": {"frequency": "Hour", "schedule": {"hours": [1]}}}, "frequency"),
        ({"recurrence": {"frequency": "Day", "interval": 2, "schedule": {"hours": [1]}}}, "interval"),
        ({"recurrence": {"frequency": "Week", "schedule": {"hours": [1], "weekDays": ["Someday"]}}}, "weekDays"),
        ({"recurrence": {"frequency": "Month", "schedule": {"hours": [1]}}}, "monthDays"),
        ({"recurrence": {"frequency": "Day"}}, "hours"),
    ],
)
def test_rest_says_which_part_of_a_schedule_is_wrong(api, alice, w, instance, schedule, target):
    answer = api(alice).post(
        f"{w}/computes/lab-one/updateSchedules", {"computeStartStop": [{"action": "Stop"} | schedule]}
    )
    assert answer.status_code in (400, 422) and target in answer.json()["error"]["target"]


def test_an_instance_has_at_most_four_schedules_and_none_begins_before_its_start_time(instance):
    new = NewSchedule("Stop", "0 18 * * *", "UTC", start_time="2090-01-02T18:00:00")
    schedules.add_schedules(instance, [new] * 4)
    assert instance.schedules.first().next_at == dt.datetime(2090, 1, 2, 18, tzinfo=dt.UTC)
    with pytest.raises(Invalid, match="at most 4 schedules"):
        schedules.add_schedules(instance, [new])
    assert instance.schedules.count() == 4
