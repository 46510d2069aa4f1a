"""Mails and webhooks wait for the end of a person's quiet hours, and the daily mail comes once at its time."""

import datetime as dt
import zoneinfo

import pytest
from django.core import mail
from django.utils import timezone

from notices import delivery_times, tasks
from notices.models import Delivery, DeliveryTimes, Event, Notification, Preference
from notices.rules import Channel
from studio.errors import Invalid
from tests.html import html_of

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def at(text: str) -> dt.datetime:
    """A time in Berlin."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(dt.UTC)


@pytest.fixture
def clock(monkeypatch):
    """Sets the time."""

    def set_time(text: str) -> None:
        monkeypatch.setattr(timezone, "now", lambda: at(text))

    return set_time


@pytest.fixture
def reader(alice, settings):
    """Alice, with mails of failed jobs at once and a daily mail of completed ones, and quiet hours over midnight."""
    settings.EMAIL_HOST = "mail.example"
    type(alice).objects.filter(pk=alice.pk).update(email="alice@example.org")
    alice.refresh_from_db()
    wanted = {(Event.JOB_FAILED, Channel.BELL), (Event.JOB_FAILED, Channel.EMAIL)}
    Preference.store_choices(alice, wanted | {(Event.JOB_COMPLETED, Channel.DIGEST)})
    DeliveryTimes.put(alice, "Europe/Berlin", dt.time(9), dt.time(22), dt.time(7, 30))
    return alice


def run_tasks() -> None:
    tasks.notify_people()
    tasks.send_digests()


def test_a_mail_waits_in_quiet_hours_while_the_bell_shows_it(reader, clock):
    clock("2026-03-02 23:00")
    Notification.send(reader, Event.JOB_FAILED, "a", "iris failed")
    run_tasks()
    assert Notification.objects.count_unread(reader) == 1 and not mail.outbox
    clock("2026-03-03 07:29")
    run_tasks()
    assert not mail.outbox
    clock("2026-03-03 07:30")
    run_tasks()
    assert [message.subject for message in mail.outbox] == ["iris failed"]
    Notification.send(reader, Event.JOB_FAILED, "b", "digits failed")
    run_tasks()
    assert len(mail.outbox) == 2


def test_the_daily_mail_has_all_of_the_day_and_is_sent_once(reader, clock):
    for hour, name in (("10:00", "iris"), ("15:00", "digits")):
        clock(f"2026-03-02 {hour}")
        Notification.send(reader, Event.JOB_COMPLETED, name, f"{name} completed", "", f"/ws/w/runs/{name}/")
        Notification.objects.filter(cause=name).update(at=timezone.now())
        run_tasks()
    clock("2026-03-03 08:59")
    run_tasks()
    assert not mail.outbox
    clock("2026-03-03 09:00")
    run_tasks()
    run_tasks()
    [message] = mail.outbox
    assert (message.subject, message.to) == ("2 notifications", ["alice@example.org"])
    assert message.body.index("iris completed") < message.body.index("digits completed")
    assert "/ws/w/runs/iris/" in message.body and "2026-03-02 10:00 CET" in message.body
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    clock("2026-03-04 09:00")
    run_tasks()
    assert len(mail.outbox) == 1


def test_a_daily_mail_that_fails_is_sent_again(reader, clock, settings):
    clock("2026-03-02 10:00")
    Notification.send(reader, Event.JOB_COMPLETED, "a", "iris completed")
    settings.EMAIL_HOST = ""
    clock("2026-03-03 09:00")
    run_tasks()
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.state) == (1, "waiting") and "SMTP_URL" in delivery.answer
    settings.EMAIL_HOST = "mail.example"
    clock("2026-03-03 09:01")
    run_tasks()
    assert len(mail.outbox) == 1


def test_a_retry_waits_for_the_end_of_quiet_hours(reader, clock, settings):
    settings.EMAIL_HOST = ""
    clock("2026-03-02 21:59:30")
    Notification.send(reader, Event.JOB_FAILED, "a", "iris failed")
    run_tasks()
    assert Delivery.objects.get().due_at == at("2026-03-03 07:30")


def test_new_times_count_for_what_waits(reader, clock):
    clock("2026-03-02 23:00")
    Notification.send(reader, Event.JOB_FAILED, "a", "iris failed")
    Notification.send(reader, Event.JOB_COMPLETED, "b", "digits completed")
    DeliveryTimes.put(reader, "Europe/Berlin", dt.time(6))
    due = {row.channel: row.due_at for row in Delivery.objects.all()}
    assert due == {"email": at("2026-03-02 23:00"), "digest": at("2026-03-03 06:00")}


@pytest.mark.parametrize(
    ("now", "time", "wanted"),
    [
        ("2026-03-02 08:00", "09:00", "2026-03-02 09:00"),
        ("2026-03-02 09:00", "09:00", "2026-03-03 09:00"),
        ("2026-03-28 12:00", "09:00", "2026-03-29 09:00"),  # the night in which summer time begins
        ("2026-10-24 12:00", "09:00", "2026-10-25 09:00"),
    ],
)
def test_a_time_of_the_day_is_that_of_the_persons_clock(now, time, wanted):
    assert delivery_times.find_next(at(now), dt.time.fromisoformat(time), BERLIN) == at(wanted)


def test_quiet_hours_within_a_day_end_on_that_day():
    noon = (dt.time(12), dt.time(13), BERLIN)
    assert delivery_times.skip_quiet_hours(at("2026-03-02 12:00"), *noon) == at("2026-03-02 13:00")
    assert delivery_times.skip_quiet_hours(at("2026-03-02 13:00"), *noon) == at("2026-03-02 13:00")


def test_the_page_stores_the_times_and_refuses_wrong_ones(as_user, alice):
    client, address = as_user(alice), "/notifications/times/"
    given = {"times-time_zone": "Europe/Berlin", "times-digest_at": "09:15"}
    given |= {"times-quiet_from": "22:00", "times-quiet_until": "07:00"}
    assert client.post(address, given).status_code == 302
    page = html_of(client.get("/notifications/preferences/"))
    assert 'name="times-time_zone" value="Europe/Berlin"' in page and 'value="09:15"' in page and "Daily mail" in page
    for wrong in ({"times-time_zone": "Europe/Atlantis"}, {"times-quiet_until": ""}, {"times-digest_at": "25:00"}):
        assert client.post(address, {**given, **wrong}).status_code == 400
    assert str(DeliveryTimes.objects.get()) == "09:15, quiet from 22:00 to 07:00 (Europe/Berlin)"
    with pytest.raises(Invalid, match="two different times"):
        DeliveryTimes.put(alice, "UTC", dt.time(8), dt.time(7), dt.time(7))
