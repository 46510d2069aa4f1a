"""Site admins are notified of machines and backups, people of their account, waiting jobs and those of their groups."""

import datetime as dt
import json

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.models import Token
from backups.models import Backup
from compute import liveness, notifications, queue
from compute.models import Host, Work
from notices import find_events, outgoing, tasks, webhook_bodies
from notices.models import Delivery, Event, Notification, Preference, Webhook
from notices.rules import Channel
from runs.models import Run
from tests import factories
from tests.html import html_of
from workspaces.models import UserGroup


def events_of(person) -> list[str]:
    find_events.find_events()
    return sorted(Notification.objects.filter(person=person).values_list("event", flat=True))


def test_site_admins_learn_of_machines_and_a_recovery_closes_it(db, owner, alice, monkeypatch):
    monkeypatch.setattr(liveness, "is_silence_meaningful", lambda: True)
    now = timezone.now()
    big = factories.make_host("big", heartbeat_at=now - dt.timedelta(seconds=70))
    factories.make_host("old", heartbeat_at=now - dt.timedelta(hours=5))
    factories.make_host("small", heartbeat_at=now).quarantine("Wrong sums")
    assert events_of(owner) == ["machine", "machine"] and events_of(owner) == ["machine", "machine"]
    assert events_of(alice) == []
    titles = set(Notification.objects.values_list("title", flat=True))
    assert titles == {"big does not respond", "small is in quarantine"}
    Host.objects.filter(pk=big.pk).update(heartbeat_at=timezone.now())
    find_events.find_events()
    assert Notification.objects.get(read_at=None).title == "small is in quarantine"
    owner.refresh_from_db()
    assert owner.unread_notifications == 1


def test_site_admins_learn_of_failed_and_damaged_backups(db, owner, alice):
    now = timezone.now()
    Backup.objects.create(name="one", parent="/b", state=Backup.State.FAILED, ended_at=now, error="The disk is full.")
    Backup.objects.create(
        name="two",
        parent="/b",
        state=Backup.State.COMPLETED,
        ended_at=now,
        checked_at=now,
        check_error="3 files differ",
    )
    assert events_of(owner) == ["backup", "backup"] and events_of(alice) == []


def test_people_learn_of_tokens_that_end_in_a_week(db, alice, bob):
    week = timezone.now() + dt.timedelta(days=7)
    for name, ends in (("ci", week), ("late", week + dt.timedelta(days=1)), ("soon", week - dt.timedelta(days=3))):
        token, _ = Token.create_for(alice, name)
        Token.objects.filter(pk=token.pk).update(expires_at=ends)
    assert events_of(alice) == ["token_end"]
    assert "ci" in Notification.objects.get().title


@pytest.mark.parametrize(
    ("addresses", "expected"), [(["a"], 0), (["a", "a"], 0), (["a", "b"], 1), (["a", "b", "b"], 1)]
)
def test_a_sign_in_from_a_new_address_is_notified(db, alice, monkeypatch, addresses, expected):
    for address in addresses:
        origin = {
            "actor_kind": "person",
            "actor_id": alice.pk,
            "actor_name": "alice",
            "address": f"192.0.2.{ord(address)}",
        }
        monkeypatch.setattr(activity, "_origin", lambda actor, origin=origin: origin)
        with transaction.atomic():
            activity.record("session.begin", alice, message="by password")
    assert events_of(alice) == ["sign_in"] * expected


def test_a_long_wait_a_failed_child_and_a_job_of_the_group(workspace, alice, bob, mallory, monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    group = UserGroup.objects.create(name="lab")
    group.members.set([alice, bob, mallory])
    for person in (alice, bob, mallory):
        chosen = {(event, Channel.BELL) for event in (Event.JOB_WAITS, Event.JOB_CHILD, Event.JOB_OF_GROUP)}
        Preference.store_choices(person, chosen)
    target = factories.make_target(workspace, "cpu")
    work = queue.enqueue(target, "run:sweep", {"experiment": "exp"}, alice)
    parent = factories.make_run(workspace, created_by=alice, status=Run.Status.RUNNING, run_id="sweep", work=work)
    for number in range(2):
        child = factories.make_run(workspace, created_by=alice, parent=parent, root=parent, status=Run.Status.RUNNING)
        child.fail("UserError", f"no {number}")
    assert events_of(alice) == ["job_child"] and events_of(bob) == []
    Work.objects.update(state=Work.State.QUEUED, queued_at=timezone.now() - dt.timedelta(minutes=10, seconds=5))
    assert events_of(alice) == ["job_child", "job_waits"] == events_of(alice)
    parent.fail("UserError", "no")
    assert events_of(bob) == ["job_of_group"] and events_of(mallory) == [], "mallory cannot see the workspace"


def test_chat_tools_get_their_own_bodies(alice, workspace):
    one = Notification(person=alice, title="a <b> failed", detail="x & y", path="/ws/w/runs/r/", pk=5)
    assert webhook_bodies.write_slack(one)["text"].startswith("*a &lt;b&gt; failed*\nx &amp; y\n<http")
    card = webhook_bodies.write_teams(one)["attachments"][0]["content"]
    assert card["body"][1]["text"] == "x & y" and card["actions"][0]["url"].endswith("/ws/w/runs/r/")
    assert webhook_bodies.write_json(one)["event"] == ""


def test_a_delivery_is_sent_again_in_the_chosen_format(as_user, alice, bob, monkeypatch):
    sent: list[dict] = []
    monkeypatch.setattr(
        outgoing, "post_signed", lambda url, secret, body: sent.append(json.loads(body)) or "It answered 200."
    )
    client = as_user(alice)
    given = {"url": "https://chat.example/hook", "format": "slack"}
    assert client.post("/notifications/webhook/", given).status_code == 302
    assert client.post("/notifications/webhook/", {**given, "format": "irc"}).status_code == 400
    Preference.store_choices(alice, {(Event.JOB_FAILED, Channel.WEBHOOK)})
    Notification.send(alice, Event.JOB_FAILED, "x", "r1 failed")
    tasks.notify_people()
    again = f"/notifications/deliveries/{Delivery.objects.get().pk}/again/"
    assert again in html_of(client.get("/notifications/preferences/"))
    assert as_user(bob).post(again).status_code == 404 and client.get(again).status_code == 405
    assert client.post(again).status_code == 302 and client.post(again).status_code == 409
    tasks.notify_people()
    assert [list(body) for body in sent] == [["text"], ["text"]] and Webhook.objects.get().format == "slack"
