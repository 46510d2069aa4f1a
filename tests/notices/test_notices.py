"""People are notified once of the events they chose, and webhooks reach no private address."""

import datetime as dt
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Token
from costs.limit_models import Budget
from notices import find_events, outgoing, tasks
from notices.models import Delivery, Event, Follow, Notification, Preference, Webhook
from notices.rules import Channel
from registry.models import PromotionRequest, PromotionRule
from runs import bulk_work
from runs.models import BulkAct, Run
from studio import networks
from studio.signed_posts import SIGNATURE
from tests import factories
from tests.html import html_of
from workspaces.models import Role


@pytest.fixture
def run(workspace, alice):
    return factories.make_run(workspace, created_by=alice, status=Run.Status.RUNNING, run_id="r1")


@pytest.fixture
def receiver(settings):
    """A server on this machine, and what it was sent."""
    got = []

    class Receiver(BaseHTTPRequestHandler):
        status = 200

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            self.send_response(Receiver.status)
            self.end_headers()

        def log_message(self, *args):
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    settings.WEBHOOK_NETWORKS = networks.parse_networks("WEBHOOK_NETWORKS", ["127.0.0.1"])
    yield f"http://127.0.0.1:{server.server_port}/hook", got, Receiver
    server.shutdown()
    server.server_close()


def test_a_failed_job_is_notified_once(run, alice, bob):
    run.fail("UserError", "The script ended with exit code 1.")
    assert (find_events.find_events(), find_events.find_events()) == (1, 0)
    one = Notification.objects.get()
    assert (one.person, one.event, one.path) == (alice, Event.JOB_FAILED, run.get_absolute_url())
    assert "failed" in one.title and "exit code 1" in one.detail


def test_a_completed_job_is_notified_if_one_wants_it(run, alice):
    run.move(Run.Status.COMPLETED)
    assert find_events.find_events() == 0
    Preference.store_choices(alice, {(Event.JOB_COMPLETED, Channel.BELL)})
    assert find_events.find_events() == 1


def test_children_say_nothing_but_to_those_who_follow_them(workspace, run, alice, bob):
    child = factories.make_run(workspace, created_by=alice, parent=run, root=run, status=Run.Status.RUNNING)
    child.fail("UserError", "no")
    assert find_events.find_events() == 0
    Follow.objects.create(person=bob, run=child)
    assert find_events.find_events() == 1 and Notification.objects.get().person == bob


def test_tell_me_when_it_is_done(as_user, bob, mallory, run):
    client, address = as_user(bob), "/ws/aml-workspace/runs/r1/follow/"
    assert "Notify me when done" in html_of(client.get(run.get_absolute_url()))
    logs = f"{run.get_absolute_url()}logs/?path=a.txt"
    assert f'value="{logs}"' in html_of(client.get(logs)), "it is on every tab, and leads back to it"
    assert client.post(address, {"next": logs}).url == logs
    assert client.post(address, {"next": "//elsewhere.example/"}).url == run.get_absolute_url()
    assert "Following" in html_of(client.get(run.get_absolute_url()))
    assert as_user(mallory).post(address).status_code == 404
    run.move(Run.Status.COMPLETED)
    find_events.find_events()
    page = html_of(client.get("/"))
    assert 'aria-label="Notifications, 1 unread"' in page and Notification.objects.get().event == Event.JOB_FOLLOWED
    assert client.post(address).status_code == 409


def test_the_list_opens_what_it_is_about_and_marks_it_read(as_user, alice, bob, run):
    run.fail("UserError", "no")
    find_events.find_events()
    client, one = as_user(alice), Notification.objects.get()
    assert one.title in html_of(client.get("/notifications/"))
    assert as_user(bob).post("/notifications/read/", {"notification": one.pk}).url == "/notifications/"
    assert Notification.objects.count_unread(alice) == 1
    assert client.post("/notifications/read/", {"notification": one.pk}).url == run.get_absolute_url()
    assert Notification.objects.count_unread(alice) == 0
    assert "bell-count" not in html_of(client.get("/notifications/bell/"))
    assert client.get("/notifications/bell/?seen=0").status_code == 204
    assert client.get("/notifications/bell/?seen=1").status_code == 200


def test_a_budget_is_said_to_its_person_and_to_site_admins(alice, owner, bob):
    Budget.set(alice, 1, "hours").record_spending(0.9, timezone.now().date().replace(day=1))
    assert find_events.find_events() == 2
    assert {one.person for one in Notification.objects.all()} == {alice, owner}
    assert "0.9 of 1.0 node-hours" in Notification.objects.filter(person=alice).get().detail


def test_the_end_of_a_change_of_many_jobs_is_said_to_who_began_it(run, alice):
    act = BulkAct.queue(run.workspace, alice, BulkAct.Verb.CANCEL, [run.pk])
    assert find_events.find_events() == 0
    bulk_work.run_turn()
    assert (find_events.find_events(), find_events.find_events()) == (1, 0)
    one = Notification.objects.get(event=Event.BULK_ACT)
    assert (one.person, one.path, one.title) == (alice, act.get_absolute_url(), "Cancel jobs: completed")
    assert one.detail == "1 of 1 job changed."


def test_choices_are_kept_and_can_turn_the_bell_off(as_user, alice, run):
    client = as_user(alice)
    assert client.post("/notifications/preferences/", {"job_completed:bell": "on"}).status_code == 302
    page = html_of(client.get("/notifications/preferences/"))
    assert 'name="job_completed:bell" checked' in page and 'name="job_failed:bell" checked' not in page
    run.fail("UserError", "no")
    assert find_events.find_events() == 0


def test_a_webhook_is_signed(receiver, run, alice):
    url, got, _ = receiver
    hook = Webhook.put(alice, url)
    Preference.store_choices(alice, {(Event.JOB_FAILED, Channel.WEBHOOK)})
    run.fail("UserError", "no")
    tasks.notify_people()
    tasks.notify_people()
    [(headers, body)] = got
    moment, _, signature = headers[SIGNATURE].removeprefix("t=").partition(",v1=")
    signed = hmac.new(hook.secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    said = json.loads(body)
    assert signature == signed and said["event"] == "job_failed" and said["url"].endswith("/ws/aml-workspace/runs/r1/")
    assert Delivery.objects.get().state == "sent" and Notification.objects.count_unread(alice) == 0


def test_a_webhook_that_fails_is_sent_again_later_and_given_up_at_last(receiver, alice):
    url, got, server = receiver
    server.status = 503
    Webhook.put(alice, url)
    Preference.store_choices(alice, {(Event.JOB_FAILED, Channel.WEBHOOK)})
    Notification.send(alice, Event.JOB_FAILED, "x", "failed")
    tasks.notify_people()
    delivery = Delivery.objects.get()
    assert delivery.answer == "It answered 503." and delivery.due_at > timezone.now() + dt.timedelta(seconds=50)
    tasks.notify_people()
    assert len(got) == 1
    for _ in range(10):
        Delivery.objects.update(due_at=timezone.now())
        tasks.notify_people()
    assert len(got) == 7 and Delivery.objects.get().state == "failed"


def test_a_private_address_gets_nothing(db, alice):
    with pytest.raises(outgoing.DeliveryRefused, match=r"private network\. .* by WEBHOOK_NETWORKS"):
        outgoing.post_signed("http://127.0.0.1:9/x", "secret", b"{}")


def test_each_channel_has_a_test(as_user, alice, receiver, settings):
    client, (url, got, server) = as_user(alice), receiver
    assert client.post("/notifications/test/", {"channel": "bell"}).url == "/notifications/"
    assert Notification.objects.count_unread(alice) == 1
    assert client.post("/notifications/webhook/", {"url": url}).status_code == 302
    assert client.post("/notifications/test/", {"channel": "webhook"}).status_code == 302 and len(got) == 1
    server.status = 404
    answer = client.post("/notifications/test/", {"channel": "webhook"})
    assert answer.status_code == 409 and "It answered 404." in answer.content.decode()
    assert "Mail is not configured" in client.post("/notifications/test/", {"channel": "email"}).content.decode()
    settings.EMAIL_HOST = "mail.example"
    type(alice).objects.filter(pk=alice.pk).update(email="alice@example.org")
    assert client.post("/notifications/test/", {"channel": "email"}).status_code == 302
    assert mail.outbox[0].to == ["alice@example.org"]
    assert client.post("/notifications/test/", {"channel": "pigeon"}).status_code == 400


def test_a_title_of_two_lines_adds_no_header_to_an_email(db, alice, settings):
    settings.EMAIL_HOST = "mail.example"
    alice.email = "alice@example.org"
    outgoing._send_mail(Notification(person=alice, title="x\nBcc: evil@example.org\r\n\r\nbody", detail="d"))
    headers = mail.outbox[0].message()
    assert headers["Bcc"] is None and "\n" not in headers["Subject"]


def test_a_webhook_needs_an_address(as_user, alice):
    client = as_user(alice)
    assert client.post("/notifications/webhook/", {"url": "ftp://x.example/"}).status_code == 400
    assert client.post("/notifications/webhook/", {"url": "nonsense at all"}).status_code == 400
    assert not Webhook.objects.exists()


def test_changes_of_models_are_notified_to_those_who_chose_them(api, workspace, receiver, alice, bob, mallory):
    url, got, _ = receiver
    hook = Webhook.put(bob, url)
    chosen = (Event.MODEL_REGISTERED, Event.MODEL_ALIAS, Event.MODEL_STAGE, Event.MODEL_ARCHIVED)
    for person in (bob, mallory):
        Preference.store_choices(person, {(event, Channel.WEBHOOK) for event in chosen[1:]} | {(chosen[0], "bell")})
    client, models = api(alice), f"{workspace.arm_id}/models/digits"
    uri = {"modelUri": "https://elsewhere.example/m"}
    assert client.put(f"{models}/versions/1", {"properties": uri}).status_code == 201
    for change in ({"addAliases": ["champion"]}, {"stage": "Production"}, {"isArchived": True}, {"isArchived": True}):
        assert client.patch(f"{models}/versions/1", {"properties": change}).status_code == 200, change
    assert (find_events.find_events(), find_events.find_events()) == (4, 0), "mallory cannot see the workspace"
    assert Notification.objects.get(on_bell=True).title == "alice registered the model version digits:1"
    for _ in range(2):
        tasks.notify_people()
    said = {}
    for headers, body in got:
        moment, _, signature = headers[SIGNATURE].removeprefix("t=").partition(",v1=")
        assert signature == hmac.new(hook.secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        said[json.loads(body)["event"]] = json.loads(body)
    assert set(said) == set(chosen[1:])
    alias = said["model_alias"]
    assert alias["data"] == {
        "workspace": workspace.arm_id,
        "model": "digits",
        "verb": "model.alias",
        "by": "alice",
        "changes": {"champion": [None, 1]},
    }
    assert alias["detail"] == "Workspace aml-workspace, champion: none → 1"
    assert said["model_archived"]["data"]["version"] == 1 and "archived: no → yes" in said["model_archived"]["detail"]
    assert said["model_stage"]["url"].endswith("/models/digits/versions/1/")
    client.delete(models)
    assert find_events.find_events() == 1


def test_approvers_and_the_one_who_asked_are_notified(workspace, alice, owner):
    factories.give_role(owner, Role.OWNER, workspace)
    version = factories.make_model_version(workspace, "digits", created_by=alice)
    PromotionRule.add(Actor(owner), workspace, "alias", "champion", needs_other_person=True)
    requested = PromotionRequest.ask(Actor(alice), version, "alias", "champion", "0.99")
    assert (find_events.find_events(), find_events.find_events()) == (1, 0)
    one = Notification.objects.get()
    assert (one.person, one.event, one.path) == (owner, Event.MODEL_APPROVAL, version.get_absolute_url())
    assert one.title == "alice asked for the promotion alias champion for digits:1" and one.detail.endswith("0.99")
    requested.approve(Actor(owner))
    assert find_events.find_events() == 1 and Notification.objects.filter(person=alice).get().path == one.path


def test_rest_lists_notifications_and_changes_channels_and_webhook(api, run, alice, bob, receiver):
    client, rest = api(alice), "/notices/v1.0"
    chosen = client.put(f"{rest}/preferences/job_failed", {"channels": ["webhook", "bell"]})
    assert chosen.json()["channels"] == ["bell", "webhook"]
    events = {one["event"]: one["channels"] for one in client.get(f"{rest}/preferences").json()["value"]}
    assert events["job_failed"] == ["bell", "webhook"] and events["budget"] == ["bell"] and "test" not in events
    for event, body, status in (
        ("job_failed", {"channels": ["pigeon"]}, 400),
        ("job_failed", {}, 422),
        ("test", {"channels": []}, 404),
    ):
        assert client.put(f"{rest}/preferences/{event}", body).status_code == status, (event, body)
    hook = client.put(f"{rest}/webhook", {"url": receiver[0]}).json()
    assert hook["secret"] and client.get(f"{rest}/webhook").json() == hook
    assert client.put(f"{rest}/webhook", {"url": "ftp://x"}).status_code == 400
    run.fail("UserError", "no")
    find_events.find_events()
    [one] = client.get(f"{rest}/notifications").json()["value"]
    assert one["event"] == "job_failed" and not one["isRead"] and one["url"].endswith("/runs/r1/")
    assert api(bob).get(f"{rest}/notifications").json()["value"] == []
    assert client.put(f"{rest}/webhook", {"url": ""}).json() == {"url": "", "format": "json", "secret": ""}
    client = api(alice)
    Token.objects.filter(user=alice).update(scope="read")
    assert client.get(f"{rest}/preferences").status_code == 200
    assert client.get(f"{rest}/webhook").status_code == 403
