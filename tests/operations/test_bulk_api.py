"""Actions on many rows and the undo of a request over REST."""

import pytest
from obstore.store import MemoryStore

from accounts.activity import Activity
from accounts.models import User
from compute import notifications
from compute.models import Host
from studio import storage
from tests import factories

ROOT = "/administration/v1.0"


@pytest.fixture
def admin(api, owner, monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    return api(owner)


def test_a_dry_run_shows_what_the_action_does_and_the_undo_takes_back(admin, alice, bob):
    body = {"action": "block", "names": ["alice", "bob", "owner"]}
    preview = admin.post(f"{ROOT}/people/bulk?dryRun=true", body).json()
    assert [row["name"] for row in preview["changed"]] == ["alice", "bob"] and len(preview["unchanged"]) == 1
    assert not User.objects.filter(is_active=False).exists() and not Activity.objects.filter(verb="account.block")
    done = admin.post(f"{ROOT}/people/bulk", {**body, "selection": preview["selection"]}).json()
    assert {**done, "dryRun": True, "requestId": ""} == {**preview, "requestId": ""}
    assert Activity.objects.filter(verb="account.block", request_id=done["requestId"]).count() == 2
    again = admin.post(f"{ROOT}/people/bulk", {**body, "selection": preview["selection"]})
    assert again.status_code == 409 and again.json()["error"]["code"] == "selection_changed"
    undo = f"{ROOT}/requests/{done['requestId']}/undo"
    assert len(admin.post(f"{undo}?dryRun=true", {}).json()["changed"]) == 2
    assert User.objects.filter(is_active=False).count() == 2
    assert len(admin.post(undo, {}).json()["changed"]) == 2 and not User.objects.filter(is_active=False).exists()
    assert admin.post(f"{ROOT}/requests/0a/undo", {}).status_code == 409


def test_nodes_storage_and_health(admin, workspace, monkeypatch):
    node = factories.make_node(factories.make_target(workspace, "cpu"), factories.make_host("big"))
    path = f"{ROOT}/nodes/{node.name}/drain"
    assert admin.post(f"{path}?dryRun=true", {}).json()["counts"] == {"jobs": 0}
    node.refresh_from_db()
    assert node.drained_at is None and admin.post(path, {}).status_code == 200
    node.refresh_from_db()
    assert node.drained_at and admin.post(f"{ROOT}/nodes/none/drain", {}).status_code == 404
    [row] = admin.get(f"{ROOT}/storage").json()["value"]
    assert (row["name"], row["bytes"], row["isDeleted"]) == (workspace.slug, 0, False)
    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    for query in ("?dryRun=true", ""):
        assert admin.post(f"{ROOT}/storage/sweep{query}", {}).json()["counts"] == {"files": 0, "bytes": 0}
    assert Activity.objects.filter(verb="storage.sweep").count() == 1
    found = admin.get(f"{ROOT}/health").json()
    assert {"what", "state", "text", "remedy"} == found["checks"][0].keys() and found["tasks"] == []


def test_machines_are_paused_and_wrong_values_are_named(admin, api, alice):
    factories.make_host("big")
    machine = admin.post(f"{ROOT}/machines/big/drain", {"reason": "Fan", "until": "2020-01-31T18:00:00Z"})
    assert (machine.status_code, machine.json()["error"]["target"]) == (400, "until")
    machine = admin.post(f"{ROOT}/machines/big/drain", {"reason": "Fan"}).json()
    assert "Fan" in machine["reason"] and machine["reopensUtc"] is None
    assert admin.post(f"{ROOT}/machines/big/quarantine", {"reason": "Sums"}).json()["reason"] == "Sums"
    done = admin.post(f"{ROOT}/machines/bulk", {"action": "reopen", "names": ["big"]}).json()
    assert len(done["changed"]) == 1 and Host.objects.get().is_open
    for kind, body, status, target in (
        ("cats", {"action": "reopen", "names": ["big"]}, 404, None),
        ("machines", {"action": "block", "names": ["big"]}, 400, "action"),
        ("machines", {"action": "quarantine", "names": ["big"]}, 400, "reason"),
        ("machines", {"action": "reopen", "names": ["big"], "group": "lab"}, 400, "group"),
        ("machines", {"action": "reopen", "names": []}, 400, "names"),
        ("machines", {"action": "reopen", "names": ["small"]}, 409, "names"),
        ("people", {"action": "addToGroup", "names": ["alice"], "group": "no"}, 200, None),
    ):
        answer = admin.post(f"{ROOT}/{kind}/bulk", body)
        assert answer.status_code == status, (kind, body, answer.json())
        assert target is None or answer.json()["error"]["target"] == target
    for method in (api(alice).post, api(None).post):
        assert method(f"{ROOT}/machines/bulk", {"action": "reopen", "names": ["big"]}).status_code in (401, 403)
        assert method(f"{ROOT}/requests/0a/undo", {}).status_code in (401, 403)
