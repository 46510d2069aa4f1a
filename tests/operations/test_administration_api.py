"""Site admins run the administration over REST by the methods of its pages; a dry run changes nothing."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from accounts.activity import Activity
from accounts.actors import Actor
from accounts.models import Token
from backups.models import Backup
from compute import notifications, queue
from compute.models import Work
from operations.models import Announcement
from tests import factories

ROOT = "/administration/v1.0"


@pytest.fixture
def call(owner, monkeypatch):
    """Sends a request of a site admin."""
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    token = factories.make_token(owner)

    def send(method: str, path: str, body: dict | None = None, by: str = token):
        headers = {"Authorization": f"Bearer {by}"}
        answer = Client().generic(method, ROOT + path, json.dumps(body or {}), "application/json", headers=headers)
        return answer.status_code, answer.json()

    return send


@pytest.fixture
def works(workspace, alice, call):
    """A job with a child job, and a second job; all wait."""
    cluster = factories.make_target(workspace, "cpu-cluster")
    found = []
    for run_id in ("first", "second"):
        work = queue.enqueue(cluster, f"run:{run_id}", {"experiment": "exp"}, alice)
        factories.make_run(workspace, run_id=run_id, work=work, compute=cluster, status="Queued")
        found.append(work)
    factories.make_run(workspace, run_id="child", parent=found[0].run, root=found[0].run, status="Running")
    return found


def test_the_queue_of_all_workspaces_is_listed_with_reasons_and_reordered(call, works):
    status, found = call("GET", "/queue")
    assert status == 200 and [row["scope"] for row in found["value"]] == ["run:first", "run:second"]
    assert found["value"][0]["reasons"] == ["No machine is connected, so no node can start."]
    status, moved = call("POST", f"/queue/{works[1].pk}/moveToFront")
    assert (status, moved["position"]) == (200, 1)
    assert Activity.objects.get(verb="work.front").actor_name == "owner"
    assert call("GET", "/queue?state=running") == (200, {"value": []})
    status, refused = call("GET", "/queue?state=lost")
    assert status == 400 and refused["error"]["target"] == "state"


def test_a_dry_run_of_a_cancel_names_what_the_cancel_takes(call, works):
    path = f"/queue/{works[0].pk}/cancel"
    status, preview = call("POST", f"{path}?dryRun=true")
    assert (status, preview["names"], preview["counts"]) == (200, ["first", "child"], {"jobs": 2})
    works[0].refresh_from_db()
    assert works[0].state == Work.State.QUEUED and not Activity.objects.filter(verb="run.cancel").exists()
    status, done = call("POST", path)
    assert done == {**preview, "dryRun": False}
    works[0].refresh_from_db()
    assert works[0].state == Work.State.CANCELED and Activity.objects.filter(verb="run.cancel").count() == 1
    status, _ = call("POST", "/queue/00000000-0000-0000-0000-000000000000/cancel")
    assert status == 404


def test_people_are_listed_blocked_and_handed_over(call, workspace, alice, bob):
    factories.make_token(alice)
    status, found = call("GET", "/people?q=alice")
    assert (status, [row["userName"] for row in found["value"]]) == (200, ["alice"])
    assert call("POST", "/people/alice/block?dryRun=true")[0] == 200
    alice.refresh_from_db()
    assert alice.is_active
    assert call("POST", "/people/alice/block")[0] == 200
    alice.refresh_from_db()
    assert not alice.is_active and Activity.objects.get(verb="account.block").actor_name == "owner"
    assert call("POST", "/people/alice/unblock")[0] == 200
    assert call("POST", "/people/alice/unblock")[0] == 409
    status, preview = call("POST", "/people/alice/deactivate?dryRun=true", {"heir": "bob"})
    assert (status, preview["counts"]["tokens"]) == (200, 1)
    assert Token.objects.get(user=alice).revoked_at is None
    assert call("POST", "/people/alice/deactivate", {"heir": "bob"}) == (200, {**preview, "dryRun": False})
    assert Token.objects.get(user=alice).revoked_at is not None
    assert call("POST", "/people/alice/deactivate", {"heir": "nobody"})[0] == 409
    assert call("POST", "/people/nobody/endSessions")[0] == 404
    assert call("POST", "/people/owner/block")[0] == 409


def test_machines_are_drained_reopened_and_detached(call, workspace):
    joined = factories.make_host("big", heartbeat_at=timezone.now(), joined_at=timezone.now())
    node = factories.make_node(factories.make_target(workspace, "cpu-cluster"), joined)
    status, machine = call("POST", "/machines/big/drain")
    assert (status, machine["acceptsJobs"], machine["nodes"]) == (200, False, [node.name])
    assert call("POST", "/machines/big/reopen")[1]["acceptsJobs"]
    status, preview = call("POST", "/machines/big/detach?dryRun=true")
    joined.refresh_from_db()
    assert (status, preview["names"], joined.detached_at) == (200, [node.name], None)
    assert call("POST", "/machines/big/detach") == (200, {**preview, "dryRun": False})
    assert call("GET", "/machines")[1]["value"][0]["reason"] == "It is being detached."
    assert call("POST", "/machines/small/drain")[0] == 404


def test_announcements_and_backups(call):
    status, made = call("POST", "/announcements", {"text": "Maintenance at 18:00", "level": "warning"})
    assert (status, made["level"], made["hasEnded"]) == (201, "warning", False)
    assert call("POST", f"/announcements/{made['id']}/end")[1]["hasEnded"] and Announcement.objects.get().is_over
    assert call("POST", f"/announcements/{made['id']}/end")[0] == 409
    for body, target in (({"text": ""}, "text"), ({"text": "x", "endsAt": "2020-01-01T00:00:00Z"}, "endsAt")):
        status, refused = call("POST", "/announcements", body)
        assert (status, refused["error"]["target"]) == (400, target)
    for odd in ("tomorrow", "2030-01-31T18:00:00", "0001-01-01T00:00:00+14:00", 5):
        status, refused = call("POST", "/announcements", {"text": "x", "endsAt": odd})
        assert (status, refused["error"]["target"]) == (422, "endsAt") and "2030-01-31" in refused["error"]["message"]
    status, started = call("POST", "/backups")
    assert (status, started["state"]) == (202, "Queued") and Backup.objects.get().created_by.username == "owner"
    assert call("POST", "/backups")[0] == 409
    assert [row["id"] for row in call("GET", "/backups")[1]["value"]] == [started["id"]]


def test_only_an_unlimited_token_of_a_site_admin_is_accepted(call, owner, workspace, alice):
    limited = [
        Token.create_for(owner, "read", scope="read")[1],
        Token.create_for(owner, "one", actor=Actor(owner), workspace=workspace)[1],
        factories.make_token(alice),
    ]
    assert [call("POST", "/people/alice/block", by=token)[0] for token in limited] == [403, 403, 403]
    assert call("GET", "/people", by="wrong")[0] == 401


def test_lists_take_few_queries_however_much_there_is(call, works, workspace, django_assert_max_num_queries):
    for number in range(10):
        work = queue.enqueue(works[0].target, f"run:r{number}", {}, works[0].submitted_by)
        factories.make_run(workspace, run_id=f"r{number}", work=work, status="Queued")
        factories.make_user(f"person{number}")
        factories.make_node(works[0].target, factories.make_host(f"m{number}"))
    for path in ("/people", "/queue", "/machines"):
        with django_assert_max_num_queries(25):
            assert len(call("GET", path)[1]["value"]) >= 10
